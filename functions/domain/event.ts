import { eventIdOf, subjectEventKey, type EventSource, type EventSubject } from '../../schemas/event-id.ts';
import type { Entity } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';

type Draft<E> = E extends DomainEvent ? Pick<E, 'type' | 'data'> : never;

/** What an event says, before it is known where, when and to whom. */
export type EventDraft = Draft<DomainEvent>;

/** Where, when, why and to whom. */
export type EventCircumstances = Omit<DomainEvent, 'id' | 'type' | 'data'> & {
  source: EventSource;
  /** Whose order matters. Default: the locker, which then needs a `towerId`. */
  subject?: EventSubject;
};

/** What a decider wants stored, in one transaction: entities at the version they were loaded at, and their events. */
export interface Decision {
  changes: readonly Entity[];
  events: readonly DomainEvent[];
}

/** The event, named by what caused it, so that the same cause makes the same event each time. */
export function toEvent(circumstances: EventCircumstances, draft: EventDraft): DomainEvent {
  const { source, subject, ...base } = circumstances;
  const key = subjectEventKey(subject ?? lockerOf(base), base.occurredAt, source);
  return { id: eventIdOf(key), ...base, ...draft };
}

function lockerOf({ towerId, locker }: Pick<DomainEvent, 'towerId' | 'locker'>): EventSubject {
  if (towerId === null) throw new TypeError('an event at no tower needs a subject');
  return { towerId, locker };
}
