import * as z from 'zod';
import { InstantSchema, NameSchema, TowerIdSchema } from './primitives.ts';

/** `rejected` is the end of whatever was not served, whoever ended it: so the partner document's samples show it. */
export const PositionStatusSchema = z.enum([
  'upcoming',
  'waiting',
  'called',
  'fulfilled',
  'completed',
  'rejected',
]);
export type PositionStatus = z.infer<typeof PositionStatusSchema>;

const text = z.string().max(200);

export const NotificationSchema = z.object({
  type: z.enum(['none', 'phoneNumber', 'email']),
  settings: z.object({ from: text, to: text, recipient: text.optional() }),
});

export const FeedbackSchema = z.object({ rating: z.int().min(1).max(5), message: z.string().max(2_000) });
export type Feedback = z.infer<typeof FeedbackSchema>;

export const StationSchema = z.object({ id: z.string().min(1).max(64), label: text });
export type Station = z.infer<typeof StationSchema>;

/** Everything that a position says, besides its id: what the `queue-position` contract shows. */
export const PositionDetailsSchema = z.object({
  organization: z.string().min(1).max(64),
  location: z.string().min(1).max(200),
  /** The queue's id. */
  queue: NameSchema,
  type: z.enum(['walkIn', 'manual', 'booking']),
  status: PositionStatusSchema,
  priority: z.int().min(0).max(1_000),
  label: text,
  locale: z.string().min(2).max(35),
  notification: NotificationSchema,
  numberOfPeople: z.int().min(1).max(1_000),
  /** Of type `booking` only. */
  booking: z.object({ start: InstantSchema, end: InstantSchema }).optional(),
  bookingReminderAt: InstantSchema.optional(),
  createdAt: InstantSchema,
  extraStatus: z.string().max(64).optional(),
  /** Where it was called to. */
  station: StationSchema.optional(),
  /** When it was checked in. */
  fulfilledAt: InstantSchema.optional(),
  leaveReminderAt: InstantSchema.nullable(),
  leaveAt: InstantSchema.nullable(),
  feedback: FeedbackSchema.optional(),
});

/** Somebody's place in a queue. */
export const PositionSchema = z.object({
  kind: z.literal('position'),
  positionId: NameSchema,
  partnerId: NameSchema,
  ...PositionDetailsSchema.shape,
  /** When its status was established, by the clock of whoever did. */
  statusAt: InstantSchema,
  /** When the timer activates it; null when there is nothing to wait for. */
  dueAt: InstantSchema.nullable().default(null),
  version: z.int().min(0),
});
export type Position = z.infer<typeof PositionSchema>;

/** A line of people waiting at a place of a partner's. */
export const QueueSchema = z.object({
  kind: z.literal('queue'),
  queueId: NameSchema,
  partnerId: NameSchema,
  organization: z.string().min(1).max(64),
  location: z.string().min(1).max(200),
  /** Towers whose kiosk may take people into this queue and check them in. */
  towerIds: z.array(TowerIdSchema).max(100),
  version: z.int().min(0),
});
export type Queue = z.infer<typeof QueueSchema>;

/** The eleven types that the `queue-position` contract has a name for, as events. */
export const queuePositionEvents = [
  'position.created',
  'position.booking_confirmed',
  'position.booking_activated',
  'position.booking_removed',
  'position.retried',
  'position.called',
  'position.fulfilled',
  'position.completed',
  'position.cancelled',
  'position.cancelled_by_staff',
  'position.feedback_received',
] as const;
