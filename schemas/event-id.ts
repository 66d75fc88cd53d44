import { instantToMs } from './instant.ts';
import type { Instant } from './primitives.ts';

/** The primary key of an event: what an event's id contains. */
export interface EventKey {
  /** The subject whose order matters: tower and locker, locker 0 being the tower itself. */
  pk: string;
  /** Time of occurrence in base 36, so that text order is time order until 2059, and the source. */
  sk: string;
}

/** What caused an event, as the last part of its id: a tower's message, or an entity's new version. */
export type EventSource =
  | { boot: string; seq: number }
  | { entity: 'reservation' | 'request' | 'token'; id: string | number; version: number };

const prefix = { reservation: 'res', request: 'req', token: 'tok' } as const;

const sourceText = (source: EventSource): string =>
  'boot' in source
    ? `${source.boot}-${source.seq}`
    : // `~` can't occur in a boot name, so no tower can take a name that belongs to an entity.
      `${prefix[source.entity]}~${source.id}~${source.version}`;

/** Text order is time order: 8 digits reach from 1970 to 2059. */
export const timeToBase36 = (instant: Instant): string =>
  Math.max(0, instantToMs(instant)).toString(36).padStart(8, '0');

export function eventKey(
  towerId: string,
  locker: number | null,
  occurredAt: Instant,
  source: EventSource,
): EventKey {
  return { pk: `${towerId}-${locker ?? 0}`, sk: `${timeToBase36(occurredAt)}_${sourceText(source)}` };
}

/** `evt_0000000000000001-9_mf3k2p1c_b7-1042` */
export const eventIdOf = (key: EventKey): string => `evt_${key.pk}_${key.sk}`;

/** The key that an event's id contains, or null when it is no event id. A tower's id may contain `_`. */
export function parseEventId(id: string): EventKey | null {
  const match = /^evt_([A-Za-z0-9:_-]+-\d{1,4})_([0-9a-z]{8}_[A-Za-z0-9~-]+)$/.exec(id);
  return match?.[1] !== undefined && match[2] !== undefined ? { pk: match[1], sk: match[2] } : null;
}
