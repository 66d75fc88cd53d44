import { isDeepStrictEqual } from 'node:util';
import type { Locker, Reservation, ReservationStatus } from '../../schemas/entity.ts';
import type { Cause, Refusal } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type Decision } from './event.ts';
import { lockerAfterTransition } from './locker.ts';
import { atInstant } from './position-in-time.ts';
import {
  decideReservation,
  describeReservation,
  describeUpdate,
  dueAtOf,
  type RequestCause,
  type ReservationDecision,
  type ReservationPolicy,
} from './reservation.ts';
import { isTerminal } from './reservation-transitions.ts';

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
export function createReservation(
  fields: NewReservation,
  now: Instant,
  policy: ReservationPolicy,
): Decision & { reservation: Reservation } {
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
  return { changes: [reservation], events: [event], reservation };
}

/** A reservation that blocks its locker from the start: NEW and RESERVED in one commit, and an event for each. */
export function reserveLocker(
  fields: NewReservation,
  { locker, now, policy }: Omit<ReservationContext, 'reservation'> & { locker: Locker },
): Decision & { reservation: Reservation } {
  const created = createReservation(fields, now, policy);
  const decision = decideReservation(created.reservation, { by: 'api', to: 'RESERVED', now }, policy);
  if (decision.kind !== 'event') throw new TypeError('a new reservation may be reserved');
  const { reservation, draft } = decision;
  const { source, ...rest } = circumstances(reservation, now, now, 'api');
  const reserved = toEvent({ ...rest, source: { ...source, step: 2 } }, draft);
  return {
    changes: [reservation, lockerAfterTransition(locker, transitionOf(reservation, now))],
    events: [...created.events, reserved],
    reservation,
  };
}

/** Details that a partner may change; null takes an optional one away. */
export interface ReservationDetails {
  flowType?: string | undefined;
  barcode?: string | undefined;
  docNumber?: string | null | undefined;
  expirationDate?: Instant | null | undefined;
}

/** The reservation with other details. Its status, and what that rests on, stay. */
export function withDetails(
  reservation: Reservation,
  details: ReservationDetails,
  policy: ReservationPolicy,
): Reservation {
  const { docNumber, expirationDate, ...rest } = reservation;
  const newNumber = details.docNumber === undefined ? docNumber : details.docNumber;
  const newDate = details.expirationDate === undefined ? expirationDate : details.expirationDate;
  const changed: Omit<Reservation, 'dueAt'> = {
    ...rest,
    flowType: details.flowType ?? rest.flowType,
    barcode: details.barcode ?? rest.barcode,
    ...(newNumber != null && { docNumber: newNumber }),
    ...(newDate != null && { expirationDate: newDate }),
  };
  return { ...changed, dueAt: dueAtOf(changed, policy) };
}

/** A reservation with new details and no new status. Refused when it is over. */
export function updateReservation(
  { reservation, now, policy }: Omit<ReservationContext, 'locker'>,
  details: ReservationDetails,
  cause: 'api' | 'operator' = 'api',
): CommandOutcome {
  if (isTerminal(reservation.status)) return { kind: 'refused', refusal: 'transition_not_allowed' };
  const updated = withDetails(reservation, details, policy);
  if (isDeepStrictEqual(updated, reservation)) return { kind: 'decided', changes: [], events: [] };
  const event = toEvent(circumstances(updated, now, now, cause), describeUpdate(updated));
  return { kind: 'decided', changes: [updated], events: [event] };
}

/**
 * What a partner does itself, or an operator for it: reserve (`RESERVED`), cancel (`CANCELED`; with the parcel inside this makes it
 * RETURNING), or record what its own staff did. One transition per commit, for its event is named by the version.
 */
export function moveReservation(
  context: ReservationContext,
  to: ReservationStatus,
  cause: RequestCause = 'api',
): CommandOutcome {
  const { reservation, now, policy } = context;
  return toOutcome(context, decideReservation(reservation, { by: 'api', to, now, cause }, policy));
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
    locker === null ? null : lockerAfterTransition(locker, transitionOf(reservation, occurredAt));
  return {
    kind: 'decided',
    changes: lockerAfter === null || lockerAfter === locker ? [reservation] : [reservation, lockerAfter],
    events: [toEvent(circumstances(reservation, occurredAt, now, cause), draft)],
  };
}

const transitionOf = ({ status, partnerId }: Reservation, at: Instant) => ({ to: status, partnerId, at });

/** `reservation` has the version it was loaded at: the event is named by the one that the commit gives it. */
const circumstances = (reservation: Reservation, occurredAt: Instant, receivedAt: Instant, cause: Cause) => ({
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
