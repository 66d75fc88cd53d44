import * as z from 'zod';
import {
  InstantSchema,
  JsonTextSchema,
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TowerIdSchema,
} from './primitives.ts';
import { LockerStatusSchema, ReservationStatusSchema } from './entity.ts';

/**
 * Who made it happen. A partner's own HTTP call is `api`; some contracts never send those back to the one who
 * called.
 */
export const CauseSchema = z.enum(['tower', 'courier', 'timer', 'api']);
export type Cause = z.infer<typeof CauseSchema>;

const base = {
  id: z.string().min(1),
  /** When it happened, by the clock of whoever caused it. */
  occurredAt: InstantSchema,
  /** When Towercast learned of it. */
  receivedAt: InstantSchema,
  cause: CauseSchema,
  /** True when something newer was already known, so that this event moved no state. */
  late: z.boolean(),
  towerId: TowerIdSchema,
  locker: LockerNumberSchema.nullable(),
  /** The audience: partners that may know of it. Never more than those whom it concerns. */
  partnerIds: z.array(NameSchema).max(20),
};

/** `status` is what this event established, also when it is late and something newer holds. */
const ReservationDataSchema = z.object({
  reservationId: NameSchema,
  unitId: z.string(),
  status: ReservationStatusSchema,
  previousStatus: ReservationStatusSchema.nullable(),
  flowType: z.string(),
  barcode: z.string(),
  docNumber: z.string().optional(),
  expirationDate: InstantSchema.optional(),
  reason: z.enum(['partial', 'oversize']).optional(),
});
export type ReservationData = z.infer<typeof ReservationDataSchema>;

export const RefusalSchema = z.enum([
  'reservation_unknown',
  'reservation_elsewhere',
  'transition_not_allowed',
  'token_unknown',
  'token_elsewhere',
  'token_already_used',
]);
export type Refusal = z.infer<typeof RefusalSchema>;

/** A fact about a parcel that moved no reservation, and why it did not. */
const ParcelDataSchema = z.object({
  reservationId: NameSchema,
  barcode: z.string().optional(),
  reason: z.enum(['partial', 'oversize']).optional(),
  refusal: RefusalSchema,
});

/** Locker open requests: what the `locker-open` contract shows, under our own names. */
const LockerOpenDataSchema = z.object({
  lockerStatus: LockerStatusSchema,
  requestId: NumericIdSchema,
  requestPayload: JsonTextSchema,
  tokenId: NumericIdSchema.nullable(),
  clientInfo: z.string().nullable(),
});
export type LockerOpenData = z.infer<typeof LockerOpenDataSchema>;

/** `status` is what holds after this event. */
const LockerDataSchema = z.object({ lockerStatus: LockerStatusSchema });

const event = <const T extends readonly [string, ...string[]], D extends z.ZodType>(types: T, data: D) =>
  z.object({ ...base, type: z.enum(types), data });

export const DomainEventSchema = z.discriminatedUnion('type', [
  event(
    [
      'reservation.created',
      'reservation.reserved',
      'reservation.incomplete',
      'reservation.stocked',
      'reservation.returning',
      'reservation.returned',
      'reservation.picked_up',
      'reservation.expired',
      'reservation.canceled',
    ],
    ReservationDataSchema,
  ),
  event(['parcel.stocked', 'parcel.incomplete', 'parcel.picked_up', 'parcel.collected'], ParcelDataSchema),
  event(['locker.assigned', 'locker.token_created', 'locker.token_used'], LockerOpenDataSchema),
  event(['locker.token_refused'], z.object({ tokenId: NumericIdSchema, refusal: RefusalSchema })),
  event(['locker.keypad_used'], z.object({ lockerStatus: LockerStatusSchema, code: z.string() })),
  event(['locker.opened', 'locker.closed', 'locker.left_open', 'locker.forced'], LockerDataSchema),
  event(['tower.started'], z.object({ firmware: z.string().optional() })),
]);
export type DomainEvent = z.infer<typeof DomainEventSchema>;
export type EventType = DomainEvent['type'];

/** Every event type, in the order of the schema. */
export const eventTypes: readonly EventType[] = DomainEventSchema.options.flatMap(
  (option) => option.shape.type.options,
);
