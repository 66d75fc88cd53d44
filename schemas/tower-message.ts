import * as z from 'zod';
import { LockerNumberSchema, NameSchema, NumericIdSchema, TimestampSchema } from './primitives.ts';

/**
 * `boot` and `seq` name the message within its tower; with its `at` and `locker` they name its event. A repeat, unchanged, is
 * the same event by construction.
 */
const envelope = {
  v: z.literal(1),
  boot: z.string().regex(/^[A-Za-z0-9-]{1,32}$/, 'must be 1-32 of A-Z a-z 0-9 -'),
  seq: z.int().min(0),
  at: TimestampSchema,
};

const atLocker = { ...envelope, locker: LockerNumberSchema };

const parcel = {
  ...atLocker,
  reservationId: NameSchema,
  barcode: z.string().min(1).max(128).optional(),
};

const lockerMessage = <T extends string>(type: T) => z.object({ ...atLocker, type: z.literal(type) });
/** A lock that the tower doesn't name is that of the key. */
const accessMessage = <T extends string>(type: T) =>
  z.object({ ...envelope, type: z.literal(type), keyId: NameSchema, lockId: NameSchema.optional() });
const parcelMessage = <T extends string>(type: T) => z.object({ ...parcel, type: z.literal(type) });

/**
 * What a tower publishes on `towers/{towerId}/events`, alone or in an array. Fields that a newer firmware adds
 * are dropped; a type that is not listed is quarantined.
 */
export const TowerMessageSchema = z.discriminatedUnion('type', [
  z.object({ ...atLocker, type: z.literal('token.used'), tokenId: NumericIdSchema }),
  z.object({ ...atLocker, type: z.literal('keypad.used'), code: z.string().min(1).max(32) }),
  parcelMessage('parcel.stocked'),
  z.object({ ...parcel, type: z.literal('parcel.incomplete'), reason: z.enum(['partial', 'oversize']) }),
  parcelMessage('parcel.picked_up'),
  parcelMessage('parcel.collected'),
  z.object({
    ...envelope,
    type: z.literal('command.result'),
    commandId: NameSchema,
    outcome: z.enum(['opened', 'refused']),
    reason: z.string().min(1).max(200).optional(),
  }),
  accessMessage('access.locked'),
  accessMessage('access.unlocked'),
  accessMessage('access.denied'),
  z.object({
    ...envelope,
    type: z.literal('position.walk_in'),
    queue: NameSchema,
    numberOfPeople: z.int().min(1).max(1_000).optional(),
    label: z.string().max(200).optional(),
    /** BCP 47. */
    locale: z.string().min(2).max(35).optional(),
    phoneNumber: z.string().min(1).max(32).optional(),
  }),
  z.object({ ...envelope, type: z.literal('position.checked_in'), positionId: NameSchema }),
  lockerMessage('locker.opened'),
  lockerMessage('locker.closed'),
  lockerMessage('locker.left_open'),
  lockerMessage('locker.forced'),
  z.object({ ...envelope, type: z.literal('tower.started'), firmware: z.string().min(1).max(64).optional() }),
  z.object({ ...envelope, type: z.literal('tower.heartbeat') }),
]);
export type TowerMessage = z.infer<typeof TowerMessageSchema>;

/**
 * What the IoT rule's SQL hands to `ingest`: `payload` is the publication in base64, whatever its bytes are;
 * `receivedAt` is the broker's clock in epoch milliseconds; `traceId` is one per publication, the same in each
 * retry of the invocation.
 */
export const RuleEventSchema = z.object({
  payload: z.base64(),
  topic: z.string(),
  clientId: z.string(),
  receivedAt: z.int(),
  traceId: z.string().min(1),
});
export type RuleEvent = z.infer<typeof RuleEventSchema>;
