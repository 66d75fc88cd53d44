import type { Entity, Locker, Tower } from '../../schemas/entity.ts';
import type { DomainEvent, Refusal } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { QuarantineReason } from '../../schemas/quarantine.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { describeKeyUse, type AccessFact } from '../domain/access.ts';
import { toEvent, type EventCircumstances, type EventDraft } from '../domain/event.ts';
import { settleByResult } from '../domain/command.ts';
import { audienceAt } from '../domain/holding.ts';
import { decideTokenUse } from '../domain/locker-open.ts';
import { applyLockerFact, statusAfterParcel } from '../domain/locker.ts';
import {
  decideReservation,
  type ParcelFact,
  type ReservationDecision,
  type ReservationPolicy,
} from '../domain/reservation.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import { decideKioskMessage } from './decide-position.ts';
import type { Accepted } from './parse.ts';

export type MessageDecision =
  | { kind: 'event'; event: DomainEvent; changes: Entity[] }
  /** A heartbeat: all it says is that the tower lives. */
  | { kind: 'nothing' }
  | { kind: 'unknown'; reason: UnknownReason; detail: string };

/** What a message may be about that its tower does not have: it is quarantined. */
export type UnknownReason = Extract<
  QuarantineReason,
  'unknown_command' | 'unknown_locker' | 'unknown_lock' | 'unknown_key' | 'unknown_queue' | 'unknown_position'
>;

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
  if (message.type === 'command.result') return decideResult(message, at, context);
  if ('keyId' in message) return decideKeyUse(message, at, context);
  if (message.type === 'position.walk_in' || message.type === 'position.checked_in')
    return decideKioskMessage(message, at, context);
  const locker = context.entities.get({
    kind: 'locker',
    towerId: context.tower.towerId,
    locker: message.locker,
  });
  if (locker === null) return { kind: 'unknown', reason: 'unknown_locker', detail: String(message.locker) };
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

/** An event of the lock, not of its locker: its log is one query. Nothing rests on it, so it is never late. */
function decideKeyUse(message: Of<AccessFact>, at: Instant, context: MessageContext): MessageDecision {
  const { tower, entities, receivedAt } = context;
  const key = entities.get({ kind: 'key', keyId: message.keyId });
  const lockId = message.lockId ?? key?.lockId;
  if (lockId === undefined) return { kind: 'unknown', reason: 'unknown_key', detail: message.keyId };
  const lock = entities.get({ kind: 'lock', lockId });
  // Another tower's lock is as good as none: a tower speaks of what it has.
  if (lock?.towerId !== tower.towerId) return { kind: 'unknown', reason: 'unknown_lock', detail: lockId };
  const event = toEvent(
    {
      occurredAt: at,
      receivedAt,
      cause: 'tower',
      late: false,
      towerId: tower.towerId,
      locker: lock.locker,
      partnerIds: [lock.partnerId],
      source: { boot: message.boot, seq: message.seq },
      subject: { kind: 'lock', id: lockId },
    },
    describeKeyUse({ fact: message.type, keyId: message.keyId, key, lock }),
  );
  return { kind: 'event', event, changes: [] };
}

/**
 * The locker follows the parcel whatever becomes of the reservation. A parcel of a known reservation is told to its
 * partner, even from another locker than its own; of an unknown one, to the tower's partners: whose it is nobody knows.
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
  const partnerIds = reservation === null ? tower.partnerIds : [reservation.partnerId];
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
  const { entities, locker, tower, at, position } = context;
  const token = entities.get({ kind: 'token', tokenId: message.tokenId });
  const request = token === null ? null : entities.get({ kind: 'request', requestId: token.requestId });
  const command =
    token?.commandId === undefined ? null : entities.get({ kind: 'command', commandId: token.commandId });
  const decision = decideTokenUse({ token, request, command, locker, tokenId: message.tokenId, position });
  const partnerIds = decision.token === null ? audienceAt(tower, locker, at) : [decision.token.partnerId];
  const late = decision.kind === 'used' && decision.late;
  const event = toEvent({ ...circumstances(context), late, partnerIds }, decision.draft);
  if (decision.kind === 'refused') return { kind: 'event', event, changes: [] };
  const changes: Entity[] = [decision.token];
  if (decision.locker !== locker) changes.push(decision.locker);
  if (decision.command !== null) changes.push(decision.command);
  return { kind: 'event', event, changes };
}

/** Its event is named by the command: a second answer finds it settled, and says nothing new. */
function decideResult(message: Of<'command.result'>, at: Instant, context: MessageContext): MessageDecision {
  const { tower, entities, receivedAt } = context;
  const { commandId, outcome, reason = null } = message;
  const command = entities.get({ kind: 'command', commandId });
  if (command?.towerId !== tower.towerId)
    return { kind: 'unknown', reason: 'unknown_command', detail: commandId };
  const decision = settleByResult(command, { outcome, reason, at, receivedAt });
  const event = decision?.events[0];
  if (decision === null || event === undefined) return { kind: 'nothing' };
  return { kind: 'event', event, changes: [...decision.changes] };
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
    partnerIds: audienceAt(tower, locker, at),
    source: { boot: position.boot, seq: position.seq },
  };
}
