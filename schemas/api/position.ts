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

export const NewQueueSchema = z.strictObject({
  /** Operators name the partner; a partner's queues are its own. */
  partnerId: NameSchema.optional(),
  /** Made up when you give none. */
  queueId: NameSchema.optional(),
  organization,
  location,
  /** Towers whose kiosk may take people into this queue and check them in. */
  towerIds: towerIds.default([]),
});

export const QueueChangesSchema = z.strictObject({
  organization: organization.optional(),
  location: location.optional(),
  towerIds: towerIds.optional(),
});

export const QueueResourceSchema = QueueSchema.omit({ kind: true, version: true });

export const NewPositionSchema = z.strictObject({
  /** The queue's id. */
  queue: NameSchema,
  /** `booking` waits for its time slot; the others wait in the queue from now on. */
  type: details.type.default('manual'),
  priority: details.priority.default(0),
  label: details.label.default(''),
  locale: details.locale.default('en'),
  notification: strictNotification.default({ type: 'none', settings: { from: '', to: '' } }),
  numberOfPeople: details.numberOfPeople.default(1),
  /** The time slot. Of type `booking` only. */
  booking: z.strictObject({ start: TimestampSchema, end: TimestampSchema }).optional(),
  /** Default: half an hour ahead of the time slot. */
  bookingReminderAt: TimestampSchema.optional(),
  extraStatus: details.extraStatus,
});
export type NewPositionBody = z.infer<typeof NewPositionSchema>;

export const CallSchema = z.strictObject({
  /** Where to. */
  station: z.strictObject(StationSchema.shape).optional(),
  /** Such as `goToEntrance`. */
  extraStatus: details.extraStatus,
});

export const NewFeedbackSchema = z.strictObject(FeedbackSchema.shape);

export const PositionResourceSchema = z.object({
  positionId: NameSchema,
  partnerId: NameSchema,
  ...details,
});
