import { eventIdOf, eventKey, type EventSource } from '../../schemas/event-id.ts';
import type { Entity, Locker, Tower } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';

type Draft<E> = E extends DomainEvent ? Pick<E, 'type' | 'data'> : never;

/** What an event says, before it is known where, when and to whom. */
export type EventDraft = Draft<DomainEvent>;

/** Where, when, why and to whom. */
export type EventCircumstances = Omit<DomainEvent, 'id' | 'type' | 'data'> & { source: EventSource };

/** What a decider wants stored, in one transaction: entities at the version they were loaded at, and their events. */
export interface Decision {
  changes: readonly Entity[];
  events: readonly DomainEvent[];
}

/** The event, named by what caused it, so that the same cause makes the same event each time. */
export function toEvent(circumstances: EventCircumstances, draft: EventDraft): DomainEvent {
  const { source, ...base } = circumstances;
  const key = eventKey(base.towerId, base.locker, base.occurredAt, source);
  return { id: eventIdOf(key), ...base, ...draft };
}

/** Who hears of a locker's door: whoever holds the locker, or the tower's partners when nobody does. */
export const audienceOf = (tower: Tower, locker: Locker): string[] =>
  locker.holderId === null ? tower.partnerIds : [locker.holderId];
