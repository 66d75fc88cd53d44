import type { Tower } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { toEvent } from '../domain/event.ts';
import {
  createPosition,
  movePosition,
  positionCircumstances,
  type NewPosition,
  type PositionOutcome,
} from '../domain/position.ts';
import { walkInPositionId } from '../domain/walk-in.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { MessageDecision } from './decide-message.ts';

export type KioskMessage = Extract<TowerMessage, { type: `position.${string}` }>;

export interface KioskContext {
  tower: Tower;
  /** The message's queue and position, as far as they exist. */
  entities: EntitySet;
  receivedAt: Instant;
}

/** What a kiosk's message comes to. A tower speaks for the queues that name it, and for no others. */
export function decideKioskMessage(
  message: KioskMessage,
  at: Instant,
  context: KioskContext,
): MessageDecision {
  return message.type === 'position.walk_in'
    ? decideWalkIn(message, at, context)
    : decideCheckIn(message, at, context);
}

type Of<T extends KioskMessage['type']> = Extract<KioskMessage, { type: T }>;

function decideWalkIn(message: Of<'position.walk_in'>, at: Instant, context: KioskContext): MessageDecision {
  const { entities, tower } = context;
  const queue = entities.get({ kind: 'queue', queueId: message.queue });
  if (queue === null || !queue.towerIds.includes(tower.towerId))
    return { kind: 'unknown', reason: 'unknown_queue', detail: message.queue };
  const positionId = walkInPositionId({ ...message, towerId: tower.towerId, at });
  const outcome = createPosition(walkInFields(message, positionId), queue, originOf(message, at, context));
  // It stands already when the message comes again: then so does its event, unless its retention is over.
  const exists = entities.get({ kind: 'position', positionId }) !== null;
  return eventOf(exists && outcome.kind === 'decided' ? { ...outcome, changes: [] } : outcome);
}

function walkInFields(message: Of<'position.walk_in'>, positionId: string): NewPosition {
  const { phoneNumber } = message;
  return {
    positionId,
    type: 'walkIn',
    priority: 0,
    label: message.label ?? '',
    locale: message.locale ?? 'en',
    notification:
      phoneNumber === undefined
        ? { type: 'none', settings: { from: '', to: '' } }
        : { type: 'phoneNumber', settings: { from: '', to: phoneNumber } },
    numberOfPeople: message.numberOfPeople ?? 1,
  };
}

function decideCheckIn(
  message: Of<'position.checked_in'>,
  at: Instant,
  context: KioskContext,
): MessageDecision {
  const { entities, tower } = context;
  const { positionId } = message;
  const position = entities.get({ kind: 'position', positionId });
  const queue = position === null ? null : entities.get({ kind: 'queue', queueId: position.queue });
  if (position === null || !queue?.towerIds.includes(tower.towerId))
    return { kind: 'unknown', reason: 'unknown_position', detail: positionId };
  const origin = originOf(message, at, context);
  const outcome = movePosition(position, { action: 'check_in' }, origin);
  if (outcome.kind !== 'refused') return eventOf(outcome);
  const data = { positionId, queue: position.queue, status: position.status, refusal: outcome.refusal };
  const event = toEvent(positionCircumstances(position, origin), {
    type: 'position.check_in_refused',
    data,
  });
  return { kind: 'event', event, changes: [] };
}

const originOf = ({ boot, seq }: KioskMessage, at: Instant, { tower, receivedAt }: KioskContext) => ({
  by: 'tower' as const,
  towerId: tower.towerId,
  boot,
  seq,
  at,
  receivedAt,
});

function eventOf(outcome: PositionOutcome): MessageDecision {
  const event = outcome.kind === 'decided' ? outcome.events[0] : undefined;
  if (outcome.kind !== 'decided' || event === undefined) throw new TypeError('a message makes an event');
  return { kind: 'event', event, changes: [...outcome.changes] };
}
