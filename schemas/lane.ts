import * as z from 'zod';
import { ReplaySchema } from './delivery.ts';
import { InstantSchema, NameSchema } from './primitives.ts';

const SequenceSchema = z.int().min(1);

/** A delivery in a lane: which event it is of, and which run of it (null: the first). */
const LanePlaceSchema = z.object({
  sequence: SequenceSchema,
  eventId: z.string().min(1),
  receivedAt: InstantSchema,
  replay: ReplaySchema.nullable(),
});
export type LanePlace = z.infer<typeof LanePlaceSchema>;

/** What an endpoint that asks for order gets about one subject (a locker, say), one delivery after the other. */
export const LaneSchema = z.object({
  endpointId: NameSchema,
  /** As in event-id.ts. */
  subject: z.string().min(1),
  /** One more at each change: who has seen another one must not act. 0: not stored yet. */
  version: z.int().min(0),
  /** The last sequence number that was given. */
  given: z.int().min(0),
  /** The last one that the partner acknowledged. */
  acknowledged: z.int().min(0),
  /**
   * Whose turn it is, or was: its record tells whether it is over. It is named here before its first attempt, so that
   * nothing can overtake it, whatever becomes of its task.
   */
  head: LanePlaceSchema.nullable(),
  /** Somebody is making the head's attempt of this number, until then at the latest. Void once the attempt is on record. */
  turn: z.object({ attempt: z.int().min(1), until: InstantSchema }).nullable(),
});
export type Lane = z.infer<typeof LaneSchema>;

/** What came while the lane's head waited. */
export const WaitingInLaneSchema = LanePlaceSchema.extend({ partnerId: NameSchema });
export type WaitingInLane = z.infer<typeof WaitingInLaneSchema>;
