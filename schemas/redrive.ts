import * as z from 'zod';
import { EndpointFilterSchema } from './endpoint.ts';
import { InstantSchema, NameSchema, VersionSchema } from './primitives.ts';

/** Up to where a reader of a partner's log has come: so many entries of this page, and all of the pages before. */
export const LogPositionSchema = z.object({ page: z.int().min(0), index: z.int().min(0) });
export type LogPosition = z.infer<typeof LogPositionSchema>;

/**
 * What is sent again. `events`: what the partner's log has and the endpoint wants, whether it was sent before or not.
 * `undelivered`: the endpoint's deliveries that are dead or held.
 */
export const RedriveSourceSchema = z.enum(['events', 'undelivered']);
export type RedriveSource = z.infer<typeof RedriveSourceSchema>;

/** Among the endpoint's deliveries: everything received before, and of that instant up to `after`. */
export const ReceiptPositionSchema = z.object({ receivedAt: InstantSchema, after: z.string() });
export type ReceiptPosition = z.infer<typeof ReceiptPositionSchema>;

/** Up to where it has come: in the log, or among the deliveries. */
export const RedriveCursorSchema = z.union([z.object({ log: LogPositionSchema }), ReceiptPositionSchema]);
export type RedriveCursor = z.infer<typeof RedriveCursorSchema>;

export const RedriveStatusSchema = z.enum([
  'running',
  /** Everything was sent. What became of it shows in the deliveries. */
  'done',
  'canceled',
  /** It can't go on: see `reason`. */
  'failed',
]);
export type RedriveStatus = z.infer<typeof RedriveStatusSchema>;

/** Sends again what an endpoint missed, page by page; `timers` moves it on every minute. */
export const RedriveSchema = z.object({
  kind: z.literal('redrive'),
  redriveId: NameSchema,
  partnerId: NameSchema,
  endpointId: NameSchema,
  source: RedriveSourceSchema,
  /** Of receipt; `until` is excluded. */
  since: InstantSchema,
  until: InstantSchema,
  filter: EndpointFilterSchema,
  /** Nothing but this event: a single retry at an endpoint that asks for order. */
  eventId: z.string().min(1).optional(),
  /** Deliveries a second, over the minute. */
  perSecond: z.number().positive(),
  status: RedriveStatusSchema,
  /** Why it failed, or what it waits for: `endpoint_disabled`. */
  reason: z.string().nullable(),
  /** Null at its start. */
  cursor: RedriveCursorSchema.nullable(),
  /** Events or deliveries that it has come past. */
  looked: z.int().min(0),
  /** Deliveries that it has sent. Those of a page that a crash interrupted may be missing. */
  sent: z.int().min(0),
  /** Before this it sends nothing more: its rate is used up. */
  nextSlotAt: InstantSchema,
  createdAt: InstantSchema,
  endedAt: InstantSchema.nullable(),
  /** Since when `timers` looks at it; null at its end. */
  dueAt: InstantSchema.nullable().default(null),
  /** Epoch seconds, from its end on. */
  expiresAt: z.int().optional(),
  version: VersionSchema,
});
export type Redrive = z.infer<typeof RedriveSchema>;
