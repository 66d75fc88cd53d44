import type { Locker, Reservation, ReservationStatus } from '../../schemas/entity.ts';
import type { Refusal } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type Decision } from './event.ts';
import { lockerAfterTransition } from './locker.ts';
import { atInstant } from './position-in-time.ts';
import {
  decideReservation,
  describeReservation,
  dueAtOf,
  type ReservationDecision,
  type ReservationPolicy,
} from './reservation.ts';

export type NewReservation = Omit<Reservation, 'kind' | 'status' | 'statusFrom' | 'dueAt' | 'version'>;

export type CommandOutcome =
  ({ kind: 'decided' } & Decision) | { kind: 'refused'; refusal: Refusal } | { kind: 'not_due' };

export interface ReservationContext {
  reservation: Reservation;
  /** The reservation's locker; null leaves lockers alone. */
  locker: Locker | null;
  now: Instant;
  policy: ReservationPolicy;
}

/** A reservation in status NEW. It blocks no locker yet: `moveReservation` to RESERVED does. */
export function createReservation(fields: NewReservation, now: Instant, policy: ReservationPolicy): Decision {
  const unscheduled: Reservation = {
    ...fields,
    kind: 'reservation',
    status: 'NEW',
    statusFrom: atInstant(now),
    dueAt: null,
    version: 0,
  };
  const reservation = { ...unscheduled, dueAt: dueAtOf(unscheduled, policy) };
  const draft = describeReservation(reservation, null);
  const event = toEvent(circumstances(reservation, now, now, 'api'), draft);
  return { changes: [reservation], events: [event] };
}

/**
 * What a partner does itself: reserve (`RESERVED`), cancel (`CANCELED`; with the parcel inside this makes it
 * RETURNING), or record what its own staff did. One transition per commit, for its event is named by the version.
 */
export function moveReservation(context: ReservationContext, to: ReservationStatus): CommandOutcome {
  const { reservation, now, policy } = context;
  return toOutcome(context, decideReservation(reservation, { by: 'api', to, now }, policy));
}

/** Expiry or the end of the grace period, if it is due. */
export function runReservationTimer(context: ReservationContext): CommandOutcome {
  const { reservation, now, policy } = context;
  return toOutcome(context, decideReservation(reservation, { by: 'timer', now }, policy));
}

/**
 * The statuses that the API must set one after the other, from NEW, to arrive at `target`: `[]` for NEW itself, null
 * where the API can't go (EXPIRED is the timer's).
 */
export function apiPathTo(target: ReservationStatus): ReservationStatus[] | null {
  switch (target) {
    case 'NEW':
      return [];
    case 'RESERVED':
      return ['RESERVED'];
    case 'EXPIRED':
      return null;
    case 'INCOMPLETE':
    case 'STOCKED':
    case 'CANCELED':
      return ['RESERVED', target];
    case 'RETURNING':
    case 'RETURNED':
    case 'PICKED_UP':
      return ['RESERVED', 'STOCKED', target];
  }
}

function toOutcome(context: ReservationContext, decision: ReservationDecision): CommandOutcome {
  if (decision.kind === 'not_due') return decision;
  if (decision.kind === 'refused') return { kind: 'refused', refusal: decision.refusal };
  const { reservation, draft, cause, occurredAt } = decision;
  const { locker, now } = context;
  const lockerAfter =
    locker === null ? null : lockerAfterTransition(locker, reservation.status, reservation.partnerId);
  return {
    kind: 'decided',
    changes: lockerAfter === null || lockerAfter === locker ? [reservation] : [reservation, lockerAfter],
    events: [toEvent(circumstances(reservation, occurredAt, now, cause), draft)],
  };
}

/** `reservation` has the version it was loaded at: the event is named by the one that the commit gives it. */
const circumstances = (
  reservation: Reservation,
  occurredAt: Instant,
  receivedAt: Instant,
  cause: 'tower' | 'courier' | 'timer' | 'api',
) => ({
  occurredAt,
  receivedAt,
  cause,
  late: false,
  towerId: reservation.towerId,
  locker: reservation.locker,
  partnerIds: [reservation.partnerId],
  source: {
    entity: 'reservation',
    id: reservation.reservationId,
    version: reservation.version + 1,
  } as const,
});
