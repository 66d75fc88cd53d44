import { PositionDataSchema, type DomainEvent } from '../../schemas/event.ts';
import { addMs, compareInstants, inMilliseconds } from '../../schemas/instant.ts';
import type { Feedback, Position, Queue, Station } from '../../schemas/position.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type Decision, type EventCircumstances } from './event.ts';
import { transitions, type PositionAction } from './position-transitions.ts';

export type PositionEventType = Exclude<
  Extract<DomainEvent['type'], `position.${string}`>,
  'position.check_in_refused'
>;

export type NewPosition = Pick<
  Position,
  'positionId' | 'type' | 'priority' | 'label' | 'locale' | 'notification' | 'numberOfPeople'
> &
  Partial<Pick<Position, 'booking' | 'bookingReminderAt' | 'extraStatus'>>;

/** A person's or a timer's doing, or what a kiosk's message says. */
export type PositionOrigin =
  | { by: 'api' | 'timer'; now: Instant }
  | { by: 'tower'; towerId: string; boot: string; seq: number; at: Instant; receivedAt: Instant };

export type PositionCommand =
  | { action: Exclude<PositionAction, 'call' | 'feedback'> }
  | { action: 'call'; station: Station | undefined; extraStatus: string | undefined }
  | { action: 'feedback'; feedback: Feedback };

export type PositionOutcome =
  | ({ kind: 'decided'; position: Position } & Decision)
  | { kind: 'refused'; refusal: 'transition_not_allowed' }
  | { kind: 'not_due' };

/** A customer is reminded of a booking half an hour ahead, as the partner document's samples show. */
const reminderLeadMs = 30 * 60_000;

/**
 * A ticket that waits from now on (`position.created`), or a booking that waits for its time slot
 * (`position.booking_confirmed`), when the timer activates it.
 */
export function createPosition(fields: NewPosition, queue: Queue, origin: PositionOrigin): PositionOutcome {
  const at = timeOf(origin);
  const slot = fields.booking;
  const position: Position = {
    ...fields,
    kind: 'position',
    partnerId: queue.partnerId,
    organization: queue.organization,
    location: queue.location,
    queue: queue.queueId,
    ...(slot !== undefined && {
      bookingReminderAt: fields.bookingReminderAt ?? addMs(slot.start, -reminderLeadMs),
    }),
    status: slot === undefined ? 'waiting' : 'upcoming',
    createdAt: inMilliseconds(at),
    leaveReminderAt: null,
    leaveAt: null,
    statusAt: at,
    // The index compares it as text, in milliseconds.
    dueAt: slot === undefined ? null : inMilliseconds(slot.start),
    version: 0,
  };
  const type = slot === undefined ? 'position.created' : 'position.booking_confirmed';
  return decided(position, type, origin, at);
}

/**
 * Activates a booking whose time slot has begun: at its time, however late the timer runs, but not before there was a
 * booking.
 */
export function runPositionTimer(position: Position, now: Instant): PositionOutcome {
  const { dueAt } = position;
  if (dueAt === null || compareInstants(dueAt, now) > 0) return { kind: 'not_due' };
  return movePosition(position, { action: 'activate' }, { by: 'timer', now });
}

/** What staff, the customer or a kiosk does. One transition per commit, for its event is named by the version. */
export function movePosition(
  position: Position,
  command: PositionCommand,
  origin: PositionOrigin,
): PositionOutcome {
  const { from, to, event } = transitions[command.action];
  const at = command.action === 'activate' ? activationOf(position, origin) : timeOf(origin);
  const moved: Position = {
    ...position,
    status: to,
    statusAt: at,
    dueAt: null,
    ...detailsOf(command, at),
  };
  if (from.includes(position.status)) return decided(moved, event, origin, at);
  if (command.action === 'check_in' && isOvertaken(position, at)) {
    const { events } = decision(moved, event, origin, { at, late: true });
    return { kind: 'decided', position, changes: [], events };
  }
  return { kind: 'refused', refusal: 'transition_not_allowed' };
}

/**
 * Whether a check-in happened before the position was ended without one: the kiosk was offline. It is told, but moves
 * nothing.
 */
const isOvertaken = ({ status, statusAt, fulfilledAt }: Position, at: Instant): boolean =>
  status === 'rejected' && fulfilledAt === undefined && compareInstants(at, statusAt) < 0;

function detailsOf(command: PositionCommand, at: Instant): Partial<Position> {
  switch (command.action) {
    case 'call':
      return {
        ...(command.station !== undefined && { station: command.station }),
        ...(command.extraStatus !== undefined && { extraStatus: command.extraStatus }),
      };
    case 'check_in':
      return { fulfilledAt: inMilliseconds(at) };
    case 'feedback':
      return { feedback: command.feedback };
    case 'activate':
    case 'retry':
    case 'check_out':
    case 'cancel':
    case 'cancel_by_staff':
    case 'reject':
      return {};
  }
}

function decided(
  position: Position,
  type: PositionEventType,
  origin: PositionOrigin,
  at: Instant,
): PositionOutcome {
  return { kind: 'decided', position, ...decision(position, type, origin, { at, late: false }) };
}

function decision(
  position: Position,
  type: PositionEventType,
  origin: PositionOrigin,
  { at, late }: { at: Instant; late: boolean },
): Decision {
  const circumstances = { ...positionCircumstances(position, origin), occurredAt: at, late };
  const event = toEvent(circumstances, { type, data: PositionDataSchema.parse(position) });
  return { changes: [position], events: [event] };
}

/** `position` has the version it was loaded at: the event is named by the one that the commit gives it, or by a message. */
export function positionCircumstances(position: Position, origin: PositionOrigin): EventCircumstances {
  const isTower = origin.by === 'tower';
  return {
    occurredAt: timeOf(origin),
    receivedAt: isTower ? origin.receivedAt : origin.now,
    cause: origin.by,
    late: false,
    towerId: isTower ? origin.towerId : null,
    locker: null,
    partnerIds: [position.partnerId],
    subject: { kind: 'position', id: position.positionId },
    source: isTower ? { boot: origin.boot, seq: origin.seq } : { version: position.version + 1 },
  };
}

const timeOf = (origin: PositionOrigin): Instant => (origin.by === 'tower' ? origin.at : origin.now);

function activationOf({ dueAt, createdAt }: Position, origin: PositionOrigin): Instant {
  if (dueAt === null) return timeOf(origin);
  return compareInstants(dueAt, createdAt) >= 0 ? dueAt : createdAt;
}
