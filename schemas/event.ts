import * as z from 'zod';
import {
  InstantSchema,
  JsonTextSchema,
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TowerIdSchema,
} from './primitives.ts';
import { BookingDetailsSchema } from './booking.ts';
import { CommandOutcomeSchema, LockerStatusSchema, ReservationStatusSchema } from './entity.ts';
import { PositionDetailsSchema, PositionStatusSchema, queuePositionEvents } from './position.ts';

/**
 * Who made it happen. A partner's own HTTP call is `api`; some contracts never send those back to the one who
 * called. What an operator's call made of a partner's reservation is `operator`: the partner has not heard of that.
 * `system` is Towercast itself, about its own deliveries.
 */
export const CauseSchema = z.enum(['tower', 'courier', 'timer', 'api', 'operator', 'system']);
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
  /** Null when it happened at no tower: a booking, or a position that no kiosk has touched. */
  towerId: TowerIdSchema.nullable(),
  /** Null also for what concerns the tower as a whole. */
  locker: LockerNumberSchema.nullable(),
  /** The audience: partners that may know of it. Never more than those whom it concerns. */
  partnerIds: z.array(NameSchema).max(20),
  /** A sample, made to try one endpoint: it goes to that one only, whatever its filter, and moves no state. */
  test: z.strictObject({ endpointId: NameSchema }).optional(),
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
  'key_unknown',
  'key_elsewhere',
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
  /** The command that this use of the token settled as `opened`. */
  commandId: NameSchema.optional(),
});
export type LockerOpenData = z.infer<typeof LockerOpenDataSchema>;

/** `outcome` is null until there is one. */
const CommandDataSchema = z.object({
  commandId: NameSchema,
  requestId: NumericIdSchema,
  tokenId: NumericIdSchema,
  expiresAt: InstantSchema,
  outcome: CommandOutcomeSchema.nullable(),
  reason: z.string().nullable(),
});
export type CommandData = z.infer<typeof CommandDataSchema>;

/** `status` is what holds after this event. */
const LockerDataSchema = z.object({ lockerStatus: LockerStatusSchema });

/** What a booking is after this event, or was before it was deleted. */
export const BookingDataSchema = z.object({ bookingId: NameSchema, ...BookingDetailsSchema.shape });
export type BookingData = z.infer<typeof BookingDataSchema>;

/** What a position is after this event. */
export const PositionDataSchema = z.object({ positionId: NameSchema, ...PositionDetailsSchema.shape });
export type PositionData = z.infer<typeof PositionDataSchema>;

/** A check-in at a kiosk that came to nothing, and why. */
const RefusedCheckInDataSchema = z.object({
  positionId: NameSchema,
  queue: NameSchema,
  status: PositionStatusSchema,
  refusal: RefusalSchema,
});

/** A key was used at a lock, or refused by it. What only a key of this lock can tell is null with a `refusal`. */
const AccessDataSchema = z.object({
  lockId: NameSchema,
  lockName: z.string(),
  keyId: NameSchema,
  keyOrigin: z.enum(['integrator', 'app']).nullable(),
  appUserId: z.string().nullable(),
  userName: z.string().nullable(),
  refusal: RefusalSchema.optional(),
});

/** Whose endpoint it is: the operator hears of every partner's. Null in events of before this field existed. */
const ownerId = NameSchema.nullable().default(null).meta({ description: 'Whose endpoint it is' });

/** An endpoint has begun to fail, takes requests again, or was disabled. */
const EndpointHealthDataSchema = z.object({
  endpointId: NameSchema,
  partnerId: ownerId,
  /** Since when no request to it has succeeded; null when that is not why. */
  failingSince: InstantSchema.nullable(),
  /** The last failure's stable code, or why it was disabled: `gone`, `failing`. Null when it has recovered. */
  reason: z.string().nullable(),
});
export type EndpointHealthData = z.infer<typeof EndpointHealthDataSchema>;

/** A delivery was given up. */
const DeliveryDeadDataSchema = z.object({
  deliveryId: z.string(),
  endpointId: NameSchema,
  partnerId: ownerId,
  eventId: z.string(),
  eventType: z.string(),
  reason: z.string(),
  attempts: z.int().min(0),
  /** Of a delivery in order, which the lane goes on without. Null of others, and in events of before this field existed. */
  sequence: z.int().min(1).nullable().default(null).meta({
    description: 'Where its endpoint asks for order: its number, which is skipped. Else null.',
  }),
  sequenceOf: z.string().nullable().default(null).meta({
    description: 'What that number counts: the same as the header `towercast-sequence-of`.',
  }),
});

/** In the place of a delivery that was given up, at an endpoint that asks for order. */
const SequenceSkippedDataSchema = z.object({
  endpointId: NameSchema,
  /** Of the delivery that was given up. */
  sequence: z.int().min(1),
  /** What its numbers count, as in the header. Null in events of before this field existed. */
  sequenceOf: z
    .string()
    .nullable()
    .default(null)
    .meta({ description: 'What the numbers count: the same as the header `towercast-sequence-of`.' }),
  deliveryId: z.string(),
  eventId: z.string(),
  eventType: z.string(),
  reason: z.string(),
});

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
      // Details changed; the status did not.
      'reservation.updated',
    ],
    ReservationDataSchema,
  ),
  event(['parcel.stocked', 'parcel.incomplete', 'parcel.picked_up', 'parcel.collected'], ParcelDataSchema),
  event(['locker.assigned', 'locker.token_created', 'locker.token_used'], LockerOpenDataSchema),
  // The link is closed: by the partner, or because nobody used it in time.
  event(['locker.request_canceled', 'locker.request_expired'], LockerOpenDataSchema),
  event(['locker.token_refused'], z.object({ tokenId: NumericIdSchema, refusal: RefusalSchema })),
  event(['locker.keypad_used'], z.object({ lockerStatus: LockerStatusSchema, code: z.string() })),
  event(['locker.opened', 'locker.closed', 'locker.left_open', 'locker.forced'], LockerDataSchema),
  event(
    ['command.sent', 'command.opened', 'command.refused', 'command.expired', 'command.unknown'],
    CommandDataSchema,
  ),
  event(['tower.started'], z.object({ firmware: z.string().optional() })),
  event(['access.locked', 'access.unlocked', 'access.denied'], AccessDataSchema),
  event(['booking.added', 'booking.edited', 'booking.deleted'], BookingDataSchema),
  event(queuePositionEvents, PositionDataSchema),
  event(['position.check_in_refused'], RefusedCheckInDataSchema),
  event(['endpoint.failing', 'endpoint.recovered', 'endpoint.disabled'], EndpointHealthDataSchema),
  event(['delivery.dead'], DeliveryDeadDataSchema),
  event(['sequence.skipped'], SequenceSkippedDataSchema),
]);
export type DomainEvent = z.infer<typeof DomainEventSchema>;
export type EventType = DomainEvent['type'];

/** Every event type, in the order of the schema. */
export const eventTypes: readonly EventType[] = DomainEventSchema.options.flatMap(
  (option) => option.shape.type.options,
);

/** Events about deliveries. They go to those endpoints that are `operational`, which hear nothing else. */
const operationalEvents = [
  'endpoint.failing',
  'endpoint.recovered',
  'endpoint.disabled',
  'delivery.dead',
] as const satisfies readonly EventType[];
export const isOperational = (type: EventType): boolean => operationalEvents.some((one) => one === type);
