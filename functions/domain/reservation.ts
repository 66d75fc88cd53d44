import { addMs, compareInstants, inMilliseconds } from '../../schemas/instant.ts';
import type { PositionInTime, Reservation, ReservationStatus } from '../../schemas/entity.ts';
import type { Cause, DomainEvent, Refusal, ReservationData } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { atInstant, comparePositions, latestPosition } from './position-in-time.ts';
import { isAllowed, isTerminal } from './reservation-transitions.ts';

/** What a tower may report of a parcel. */
export type ParcelFact = Extract<TowerMessage['type'], `parcel.${string}`>;

/** `courier` for what a courier did and somebody else reports. */
export type RequestCause = Extract<Cause, 'api' | 'operator' | 'courier'>;

export type ReservationCommand =
  | { by: 'tower'; fact: ParcelFact; position: PositionInTime; reason?: 'partial' | 'oversize' }
  /** Whatever is due at `now`: expiry, or the end of the grace period. */
  | { by: 'timer'; now: Instant }
  /** `cause` is `api` by default. */
  | { by: 'api'; to: ReservationStatus; now: Instant; cause?: RequestCause };

export interface ReservationPolicy {
  /** From STOCKED to RETURNING. */
  graceHours: number;
}

type ReservationEvent = Extract<DomainEvent, { data: ReservationData }>;
export type ReservationDraft = Pick<ReservationEvent, 'type' | 'data'>;

export type ReservationDecision =
  /** The status moved; or, when `late`, something newer holds and the reservation is as it was. */
  | {
      kind: 'event';
      late: boolean;
      reservation: Reservation;
      draft: ReservationDraft;
      cause: Cause;
      occurredAt: Instant;
    }
  /**
   * The status stays. `reservation` may rest on a newer position: a fact that repeats the status makes older ones
   * late, in whichever order they arrive.
   */
  | { kind: 'refused'; refusal: Refusal; reservation: Reservation }
  | { kind: 'not_due' };

const statusOfFact = {
  'parcel.stocked': 'STOCKED',
  'parcel.incomplete': 'INCOMPLETE',
  'parcel.picked_up': 'PICKED_UP',
  'parcel.collected': 'RETURNED',
} as const satisfies Record<ParcelFact, ReservationStatus>;

const eventTypeOf = {
  NEW: 'reservation.created',
  RESERVED: 'reservation.reserved',
  INCOMPLETE: 'reservation.incomplete',
  STOCKED: 'reservation.stocked',
  RETURNING: 'reservation.returning',
  RETURNED: 'reservation.returned',
  PICKED_UP: 'reservation.picked_up',
  EXPIRED: 'reservation.expired',
  CANCELED: 'reservation.canceled',
} as const satisfies Record<ReservationStatus, DomainEvent['type']>;

/**
 * When a timer must look at the reservation next, or null. In milliseconds, since the due index sorts it as text. An
 * INCOMPLETE that was reported after the expiration date expires at its report: no event may occur before the one it
 * follows.
 */
export function dueAtOf(
  reservation: Pick<Reservation, 'status' | 'statusFrom' | 'expirationDate'>,
  { graceHours }: ReservationPolicy,
): Instant | null {
  const { status, statusFrom, expirationDate } = reservation;
  switch (status) {
    case 'NEW':
    case 'RESERVED':
      return expirationDate === undefined ? null : inMilliseconds(expirationDate);
    case 'INCOMPLETE': {
      if (expirationDate === undefined) return null;
      return inMilliseconds(
        compareInstants(expirationDate, statusFrom.at) > 0 ? expirationDate : statusFrom.at,
      );
    }
    case 'STOCKED':
      return addMs(statusFrom.at, graceHours * 3_600_000);
    case 'RETURNING':
    case 'RETURNED':
    case 'PICKED_UP':
    case 'EXPIRED':
    case 'CANCELED':
      return null;
  }
}

export function describeReservation(
  reservation: Reservation,
  previousStatus: ReservationStatus | null,
  reason?: ReservationData['reason'],
): ReservationDraft {
  const data = { ...reservationData(reservation, previousStatus), ...(reason !== undefined && { reason }) };
  return { type: eventTypeOf[reservation.status], data };
}

/** New details, in the status that it had before. */
export const describeUpdate = (reservation: Reservation): ReservationDraft => ({
  type: 'reservation.updated',
  data: reservationData(reservation, reservation.status),
});

function reservationData(
  { reservationId, unitId, status, flowType, barcode, docNumber, expirationDate }: Reservation,
  previousStatus: ReservationStatus | null,
): ReservationData {
  return {
    reservationId,
    unitId,
    status,
    previousStatus,
    flowType,
    barcode,
    ...(docNumber !== undefined && { docNumber }),
    ...(expirationDate !== undefined && { expirationDate }),
  };
}

/** Pure: the same state and command give the same decision. */
export function decideReservation(
  state: Reservation,
  command: ReservationCommand,
  policy: ReservationPolicy,
): ReservationDecision {
  switch (command.by) {
    case 'tower':
      return decideFact(state, command, policy);
    case 'timer':
      return decideDue(state, command.now, policy);
    case 'api':
      return decideRequested(state, command, policy);
  }
}

/** No tower's clock was read before a parcel's first fact, so none can be older than NEW or RESERVED. */
const restsOnFacts = (state: Reservation): boolean => state.status !== 'NEW' && state.status !== 'RESERVED';

/**
 * A parcel that left the locker is gone, whether or not a timer or a person had meanwhile put it down for return: the
 * tower was offline then. Nothing that a tower said is overwritten.
 */
const endsAReturn = (state: Reservation, to: ReservationStatus): boolean =>
  state.status === 'RETURNING' && state.statusFrom.boot === null && isTerminal(to);

/**
 * A timer expires what it has heard nothing of. A tower that was offline may have seen the parcel before: then nothing had
 * expired. What it saw after the expiry stays refused, and what is older than the fact that had expired is late.
 */
const endsAnExpiry = ({ status, statusFrom, expiredFrom }: Reservation, position: PositionInTime): boolean =>
  status === 'EXPIRED' &&
  compareInstants(position.at, statusFrom.at) <= 0 &&
  (expiredFrom === undefined || comparePositions(position, expiredFrom) > 0);

function decideFact(
  state: Reservation,
  command: Extract<ReservationCommand, { by: 'tower' }>,
  policy: ReservationPolicy,
): ReservationDecision {
  const { fact, position, reason } = command;
  const to = statusOfFact[fact];
  const cause = fact === 'parcel.collected' ? 'courier' : 'tower';
  if (endsAnExpiry(state, position)) {
    const revived = moved(state, to, position, policy);
    const draft = describeReservation(revived, state.status, reason);
    return { kind: 'event', late: false, reservation: revived, draft, cause, occurredAt: position.at };
  }
  const isNewer = !restsOnFacts(state) || comparePositions(position, state.statusFrom) > 0;
  if (!isNewer && !endsAReturn(state, to)) {
    const draft = describeReservation({ ...state, status: to }, null, reason);
    return { kind: 'event', late: true, reservation: state, draft, cause, occurredAt: position.at };
  }
  const statusFrom = restsOnFacts(state) ? latestPosition(position, state.statusFrom) : position;
  if (!isAllowed(state.status, to, cause)) {
    const reservation = state.status === to && !isTerminal(to) ? moved(state, to, statusFrom, policy) : state;
    return { kind: 'refused', refusal: 'transition_not_allowed', reservation };
  }
  const reservation = moved(state, to, statusFrom, policy);
  const draft = describeReservation(reservation, state.status, reason);
  return { kind: 'event', late: false, reservation, draft, cause, occurredAt: position.at };
}

/** It happens at the time it was due, however late the timer runs. */
function decideDue(state: Reservation, now: Instant, policy: ReservationPolicy): ReservationDecision {
  if (state.dueAt === null || compareInstants(state.dueAt, now) > 0) return { kind: 'not_due' };
  const to = state.status === 'STOCKED' ? 'RETURNING' : 'EXPIRED';
  return transition(state, to, 'timer', state.dueAt, policy);
}

/**
 * A cancellation while the parcel is inside can't end it: the courier must take it out first, so it becomes
 * RETURNING.
 */
function decideRequested(
  state: Reservation,
  { to: requested, now, cause = 'api' }: Extract<ReservationCommand, { by: 'api' }>,
  policy: ReservationPolicy,
): ReservationDecision {
  const to = requested === 'CANCELED' && state.status === 'STOCKED' ? 'RETURNING' : requested;
  return transition(state, to, cause, now, policy);
}

function transition(
  state: Reservation,
  to: ReservationStatus,
  cause: 'timer' | RequestCause,
  occurredAt: Instant,
  policy: ReservationPolicy,
): ReservationDecision {
  if (!isAllowed(state.status, to, cause)) {
    return { kind: 'refused', refusal: 'transition_not_allowed', reservation: state };
  }
  const position = atInstant(occurredAt);
  const statusFrom = restsOnFacts(state) ? latestPosition(position, state.statusFrom) : position;
  const reservation = moved(state, to, statusFrom, policy);
  const draft = describeReservation(reservation, state.status);
  return { kind: 'event', late: false, reservation, draft, cause, occurredAt };
}

function moved(
  state: Reservation,
  status: ReservationStatus,
  statusFrom: PositionInTime,
  policy: ReservationPolicy,
): Reservation {
  const { expiredFrom: _, ...before } = state;
  const isExpiry = status === 'EXPIRED' && restsOnFacts(state);
  const next = { ...before, status, statusFrom, ...(isExpiry && { expiredFrom: state.statusFrom }) };
  return { ...next, dueAt: dueAtOf(next, policy) };
}
