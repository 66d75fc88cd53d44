import * as z from 'zod';
import { DomainEventSchema } from './event.ts';
import { InstantSchema, NameSchema } from './primitives.ts';

/** What one POST came to. Milliseconds and bytes; the excerpt is capped. */
export const AttemptSchema = z.object({
  /** 1 for the first. */
  number: z.int().min(1),
  at: InstantSchema,
  outcome: z.enum(['delivered', 'failed', 'crashed']),
  /** HTTP status; null when no response came. */
  status: z.int().nullable(),
  /** A stable code: `http_500`, `timeout`, `connection_reset`, `redirect`, … Null when delivered. */
  reason: z.string().nullable(),
  durationMs: z.number(),
  peerAddress: z.string().nullable(),
  /** SHA-256 in hex of the body sent; null when nothing was. */
  requestSha256: z.string().nullable(),
  /** SHA-256 in hex of the part of the response body that was read. */
  responseSha256: z.string().nullable(),
  responseExcerpt: z.string().max(1024).nullable(),
});
export type Attempt = z.infer<typeof AttemptSchema>;

/** Body of a message on the delivery queue: one attempt to make. */
export const DeliveryTaskSchema = z.object({
  v: z.literal(1),
  /**
   * Random, new each time a task is sent. Two tasks for the same attempt come from a crash between sending and
   * acknowledging; the record keeps the first one's id and drops the other's successors.
   */
  taskId: z.string().min(1),
  partnerId: NameSchema,
  endpointId: NameSchema,
  event: DomainEventSchema,
  attempts: z.array(AttemptSchema),
});
export type DeliveryTask = z.infer<typeof DeliveryTaskSchema>;

export const DeliveryStatusSchema = z.enum([
  /** Another attempt is coming. */
  'pending',
  'delivered',
  /** Given up; an operator can see and retry it. */
  'dead',
  /** The endpoint was disabled; recovered when it is enabled. */
  'held',
]);

/** One per endpoint and event, written when its first attempt ends. */
export const DeliveryRecordSchema = z.object({
  id: z.string(),
  partnerId: NameSchema,
  endpointId: NameSchema,
  status: DeliveryStatusSchema,
  /** Why it is dead or held. */
  reason: z.string().nullable(),
  event: DomainEventSchema,
  attempts: z.array(AttemptSchema),
  /** The task whose outcome this record shows. */
  taskId: z.string(),
  /** When the next attempt is due: set when `timers` must send it, null when it is on the queue or over. */
  dueAt: InstantSchema.nullable().default(null),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecordSchema>;
