import { walkInPositionId } from '../../functions/domain/walk-in.ts';
import {
  eventIdOf,
  parseEventId,
  subjectEventKey,
  type EventSource,
  type EventSubject,
} from '../../schemas/event-id.ts';
import { toInstant } from '../../schemas/instant.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';

/** An event's id but for its time: what whoever causes an event can tell before it is there. */
export type EventName = string;

/** Any: a name has none. */
const someTime = '2026-01-01T00:00:00.000Z';

export const eventName = (subject: EventSubject, source: EventSource): EventName =>
  nameOfEvent(eventIdOf(subjectEventKey(subject, someTime, source)));

/** What is no event's id names itself. */
export function nameOfEvent(eventId: string): EventName {
  const key = parseEventId(eventId);
  return key === null ? eventId : `${key.pk} ${key.sk.slice(key.sk.indexOf('_') + 1)}`;
}

/** Of the event that a tower's message becomes. A `command.result` settles a command, which names the event then. */
export const nameOfMessage = (towerId: string, message: TowerMessage): EventName =>
  eventName(subjectOf(towerId, message), { boot: message.boot, seq: message.seq });

function subjectOf(towerId: string, message: TowerMessage): EventSubject {
  if ('lockId' in message && message.lockId !== undefined) return { kind: 'lock', id: message.lockId };
  if (message.type === 'position.checked_in') return { kind: 'position', id: message.positionId };
  if (message.type === 'position.walk_in') return { kind: 'position', id: positionOf(towerId, message) };
  return { towerId, locker: 'locker' in message ? message.locker : null };
}

/** The id of the position that a kiosk's walk-in creates. */
export const positionOf = (towerId: string, { boot, seq, at }: TowerMessage): string =>
  walkInPositionId({ towerId, boot, seq, at: toInstant(at) });
