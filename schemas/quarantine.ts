import * as z from 'zod';
import { InstantSchema } from './primitives.ts';

/** Why a tower's message can never be processed. */
export const QuarantineReasonSchema = z.enum([
  /** Not `towers/{towerId}/events`. */
  'topic_mismatch',
  'oversized',
  'not_utf8',
  'not_json',
  'not_object',
  'unknown_type',
  'invalid_message',
  /** The tower's clock is more than ten minutes ahead of the receipt. */
  'clock_ahead',
  /** Before 2020: a clock that was never set. */
  'clock_implausible',
  'unknown_tower',
  'unknown_locker',
  /** The result of a command that this tower was never sent. */
  'unknown_command',
  /** The lock is at no locker of this tower. */
  'unknown_lock',
  /** The message names no lock, and nobody knows its key. */
  'unknown_key',
  /** Unknown, or not one that this tower's kiosk serves. */
  'unknown_queue',
  /** Unknown, or in a queue that this tower's kiosk does not serve. */
  'unknown_position',
  /** Stands for all of a publication that were not kept one by one. */
  'too_many',
  /** On the delivery DLQ, but not a delivery task. */
  'task_unreadable',
  /** In the events table, but not an event that this release knows: after a rollback, say. */
  'event_unreadable',
]);
export type QuarantineReason = z.infer<typeof QuarantineReasonSchema>;

/** A message that can never be processed, as it came. Kept among the entities, for an operator to see. */
export const QuarantineRecordSchema = z.object({
  kind: z.literal('quarantine'),
  topic: z.string(),
  clientId: z.string(),
  traceId: z.string(),
  /** Place in the array; 0 for a message by itself or a publication as a whole. */
  index: z.int().min(0),
  reason: QuarantineReasonSchema,
  detail: z.string(),
  /** How many messages this stands for. */
  count: z.int().min(1),
  /** The bytes, in base64: of the message, or of the whole publication when it could not be taken apart. */
  raw: z.base64(),
  /** True when `raw` is the beginning only. */
  truncated: z.boolean(),
  receivedAt: InstantSchema,
});
export type QuarantineRecord = z.infer<typeof QuarantineRecordSchema>;
