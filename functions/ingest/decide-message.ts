import type { Entity, Locker, Tower } from '../../schemas/entity.ts';
import type { DomainEvent, Refusal } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { audienceOf, toEvent, type EventCircumstances, type EventDraft } from '../domain/event.ts';
import { decideTokenUse } from '../domain/locker-open.ts';
import { applyLockerFact, statusAfterParcel } from '../domain/locker.ts';
import {
  decideReservation,
  type ParcelFact,
  type ReservationDecision,
  type ReservationPolicy,
} from '../domain/reservation.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { Accepted } from './parse.ts';

export type MessageDecision =
  | { kind: 'event'; event: DomainEvent; changes: Entity[] }
  /** A heartbeat: all it says is that the tower lives. */
  | { kind: 'nothing' }
  | { kind: 'unknown_locker' };

export interface MessageContext {
  tower: Tower;
  /** The message's locker, reservation, token and the token's request, as far as they exist. */
  entities: EntitySet;
  receivedAt: Instant;
  policy: ReservationPolicy;
}

type Of<T extends TowerMessage['type']> = Extract<TowerMessage, { type: T }>;

interface AtLocker extends MessageContext {
  locker: Locker;
  at: Instant;
  position: { at: Instant; boot: string; seq: number };
}

/** What a tower's message comes to: exactly one event, but for heartbeats. Pure. */
export function decideMessage({ message, at }: Accepted, context: MessageContext): MessageDecision {
  if (message.type === 'tower.heartbeat') return { kind: 'nothing' };
  if (message.type === 'tower.started') return decideStart(message, at, context);
  const locker = context.entities.get({
    kind: 'locker',
    towerId: context.tower.towerId,
    locker: message.locker,
  });
  if (locker === null) return { kind: 'unknown_locker' };
  const position = { at, boot: message.boot, seq: message.seq };
  const atLocker = { ...context, locker, at, position };
  switch (message.type) {
    case 'parcel.stocked':
    case 'parcel.incomplete':
    case 'parcel.picked_up':
    case 'parcel.collected':
      return decideParcel(message, atLocker);
    case 'token.used':
      return decideToken(message, atLocker);
    case 'keypad.used':
      return eventOnly(atLocker, {
        type: 'locker.keypad_used',
        data: { lockerStatus: locker.status, code: message.code },
      });
    case 'locker.opened':
    case 'locker.closed':
    case 'locker.left_open':
    case 'locker.forced':
      return eventOnly(atLocker, { type: message.type, data: { lockerStatus: locker.status } });
  }
}

function decideStart(message: Of<'tower.started'>, at: Instant, context: MessageContext): MessageDecision {
  const { towerId, partnerIds } = context.tower;
  const { receivedAt } = context;
  const source = { boot: message.boot, seq: message.seq };
  const { firmware } = message;
  const event = toEvent(
    { occurredAt: at, receivedAt, cause: 'tower', late: false, towerId, locker: null, partnerIds, source },
    { type: 'tower.started', data: firmware === undefined ? {} : { firmware } },
  );
  return { kind: 'event', event, changes: [] };
}

/**
 * The locker follows the parcel whatever becomes of the reservation. A parcel of a known reservation is told to its
 * partner, even from another locker than its own; of an unknown one, to whoever hears of the locker.
 */
function decideParcel(message: Of<ParcelFact>, context: AtLocker): MessageDecision {
  const { entities, locker, tower, position, policy } = context;
  const { type, reservationId } = message;
  const reservation = entities.get({ kind: 'reservation', reservationId });
  const reason = message.type === 'parcel.incomplete' ? message.reason : undefined;
  const isHere = reservation?.towerId === locker.towerId && reservation.locker === locker.locker;
  const partnerId = isHere ? reservation.partnerId : null;
  const applied = applyLockerFact(locker, { status: statusAfterParcel(type, reason), position, partnerId });

  const cause = type === 'parcel.collected' ? ('courier' as const) : ('tower' as const);
  const partnerIds = reservation === null ? audienceOf(tower, locker) : [reservation.partnerId];
  const refuse = (refusal: Refusal) => describeRefusal(message, refusal);
  const outcome = (draft: EventDraft, late: boolean, changed: Entity[]): MessageDecision => ({
    kind: 'event',
    event: toEvent({ ...circumstances(context), cause, late, partnerIds }, draft),
    changes: applied.locker === locker ? changed : [...changed, applied.locker],
  });
  if (reservation === null) return outcome(refuse('reservation_unknown'), false, []);
  if (!isHere) return outcome(refuse('reservation_elsewhere'), false, []);
  const decision = decideReservation(
    reservation,
    { by: 'tower', fact: type, position, ...(reason !== undefined && { reason }) },
    policy,
  );
  const changed = changedReservation(decision, reservation);
  switch (decision.kind) {
    case 'event':
      return outcome(decision.draft, decision.late, changed);
    case 'refused':
      return outcome(refuse(decision.refusal), false, changed);
    case 'not_due':
      throw new TypeError('a fact is never due');
  }
}

const describeRefusal = (message: Of<ParcelFact>, refusal: Refusal): EventDraft => ({
  type: message.type,
  data: {
    reservationId: message.reservationId,
    ...(message.barcode !== undefined && { barcode: message.barcode }),
    ...(message.type === 'parcel.incomplete' && { reason: message.reason }),
    refusal,
  },
});

const changedReservation = (decision: ReservationDecision, before: Entity): Entity[] =>
  decision.kind === 'not_due' || decision.reservation === before ? [] : [decision.reservation];

function decideToken(message: Of<'token.used'>, context: AtLocker): MessageDecision {
  const { entities, locker, tower, position } = context;
  const token = entities.get({ kind: 'token', tokenId: message.tokenId });
  const request = token === null ? null : entities.get({ kind: 'request', requestId: token.requestId });
  const decision = decideTokenUse({ token, request, locker, tokenId: message.tokenId, position });
  const partnerIds = decision.token === null ? audienceOf(tower, locker) : [decision.token.partnerId];
  const late = decision.kind === 'used' && decision.late;
  const event = toEvent({ ...circumstances(context), late, partnerIds }, decision.draft);
  if (decision.kind === 'refused') return { kind: 'event', event, changes: [] };
  const changes = decision.locker === locker ? [decision.token] : [decision.token, decision.locker];
  return { kind: 'event', event, changes };
}

const eventOnly = (context: AtLocker, draft: EventDraft): MessageDecision => ({
  kind: 'event',
  event: toEvent(circumstances(context), draft),
  changes: [],
});

function circumstances({ tower, locker, at, receivedAt, position }: AtLocker): EventCircumstances {
  return {
    occurredAt: at,
    receivedAt,
    cause: 'tower',
    late: false,
    towerId: tower.towerId,
    locker: locker.locker,
    partnerIds: audienceOf(tower, locker),
    source: { boot: position.boot, seq: position.seq },
  };
}
