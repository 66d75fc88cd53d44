import * as z from 'zod';
import {
  FeedbackSchema,
  NotificationSchema,
  PositionDetailsSchema,
  QueueSchema,
  StationSchema,
} from '../position.ts';
import { NameSchema, TimestampSchema } from '../primitives.ts';

const { organization, location, towerIds } = QueueSchema.shape;
const details = PositionDetailsSchema.shape;
const strictNotification = z.strictObject({
  type: NotificationSchema.shape.type,
  settings: z.strictObject(NotificationSchema.shape.settings.shape),
});

const queueTexts = {
  organization: 'Whose queue it is, as webhooks name it',
  location: 'Where people wait, as webhooks name it',
  towerIds: 'Towers whose kiosk may take people into this queue and check them in',
};

export const NewQueueSchema = z.strictObject({
  partnerId: NameSchema.optional().meta({ description: 'Whom it is for; required of operators' }),
  queueId: NameSchema.optional().meta({ description: 'Its id; made up when you give none' }),
  organization: organization.meta({ description: queueTexts.organization }),
  location: location.meta({ description: queueTexts.location }),
  towerIds: towerIds.default([]).meta({ description: queueTexts.towerIds }),
});

export const QueueChangesSchema = z.strictObject({
  organization: organization.optional().meta({ description: queueTexts.organization }),
  location: location.optional().meta({ description: queueTexts.location }),
  towerIds: towerIds.optional().meta({ description: queueTexts.towerIds }),
});

export const QueueResourceSchema = QueueSchema.omit({ kind: true, version: true });

const texts = { extraStatus: 'In your own words, such as `goToEntrance`' };

export const NewPositionSchema = z.strictObject({
  queue: NameSchema.meta({ description: 'The queue’s id' }),
  type: details.type.default('manual').meta({
    description: '`booking` waits for its time slot; the others wait in the queue from now on',
  }),
  priority: details.priority.default(0).meta({ description: 'As webhooks show it; 0 to 1000' }),
  label: details.label.default('').meta({ description: 'What is shown or called out, such as `A2`' }),
  locale: details.locale.default('en').meta({ description: 'Language of the person, such as `en`' }),
  notification: strictNotification
    .default({ type: 'none', settings: { from: '', to: '' } })
    .meta({ description: 'How the person wants to be notified, as webhooks show it' }),
  numberOfPeople: details.numberOfPeople.default(1).meta({ description: 'How many people wait together' }),
  booking: z
    .strictObject({ start: TimestampSchema, end: TimestampSchema })
    .optional()
    .meta({ description: 'The time slot, as RFC 3339 date-times; of type `booking` only' }),
  bookingReminderAt: TimestampSchema.optional().meta({
    description: 'An RFC 3339 date-time; default: half an hour ahead of the time slot',
  }),
  extraStatus: details.extraStatus.meta({ description: texts.extraStatus }),
});
export type NewPositionBody = z.infer<typeof NewPositionSchema>;

export const CallSchema = z.strictObject({
  station: z.strictObject(StationSchema.shape).optional().meta({ description: 'Where to' }),
  extraStatus: details.extraStatus.meta({ description: texts.extraStatus }),
});

export const NewFeedbackSchema = z.strictObject({
  rating: FeedbackSchema.shape.rating.meta({ description: 'From 1, the worst, to 5' }),
  message: FeedbackSchema.shape.message.meta({ description: 'In the person’s own words' }),
});

export const PositionResourceSchema = z.object({
  positionId: NameSchema,
  partnerId: NameSchema,
  ...details,
});
