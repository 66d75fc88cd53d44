import { instantToMs } from './instant.ts';
import type { Instant } from './primitives.ts';

/** The primary key of an event: what an event's id contains. */
export interface EventKey {
  /** The subject whose order matters: see EventSubject. */
  pk: string;
  /** Time of occurrence in base 36, so that text order is time order until 2059, and the source. */
  sk: string;
}

/** Whose events are in order: a locker (null: the tower itself), or what is at no locker. */
export type EventSubject =
  | { towerId: string; locker: number | null }
  | { kind: 'booking' | 'position' | 'lock' | 'endpoint'; id: string };

/**
 * What caused an event, as the last part of its id: a tower's message, or an entity's new version. The entity goes
 * unnamed where it is the subject itself.
 */
export type EventSource =
  | { boot: string; seq: number }
  | {
      entity: 'reservation' | 'request' | 'token' | 'command' | 'test' | 'notice';
      id: string | number;
      version: number;
      /** Tells the steps apart that made one version. */
      step?: number;
    }
  | { version: number };

const prefix = {
  reservation: 'res',
  request: 'req',
  token: 'tok',
  command: 'cmd',
  test: 'test',
  notice: 'ntc',
} as const;

/** `~` can occur neither in a boot nor in a tower's id, so no tower can take a name that belongs to an entity. */
function sourceText(source: EventSource): string {
  if ('boot' in source) return `${source.boot}-${source.seq}`;
  if (!('entity' in source)) return `v~${source.version}`;
  const step = source.step === undefined ? '' : `~${source.step}`;
  return `${prefix[source.entity]}~${source.id}~${source.version}${step}`;
}

const subjectText = (subject: EventSubject): string =>
  'kind' in subject ? `${subject.kind}~${subject.id}` : `${subject.towerId}-${subject.locker ?? 0}`;

/** Text order is time order: 8 digits reach from 1970 to 2059. */
export const timeToBase36 = (instant: Instant): string =>
  Math.max(0, instantToMs(instant)).toString(36).padStart(8, '0');

export function eventKey(
  towerId: string,
  locker: number | null,
  occurredAt: Instant,
  source: EventSource,
): EventKey {
  return subjectEventKey({ towerId, locker }, occurredAt, source);
}

/** As `eventKey`, of any subject. */
export const subjectEventKey = (
  subject: EventSubject,
  occurredAt: Instant,
  source: EventSource,
): EventKey => ({
  pk: subjectText(subject),
  sk: `${timeToBase36(occurredAt)}_${sourceText(source)}`,
});

/** `evt_0000000000000001-9_mf3k2p1c_b7-1042`, `evt_lock~front-door_mf3k2p1c_b7-1043`, `evt_booking~B1_mf3k2p1c_v~2` */
export const eventIdOf = (key: EventKey): string => `evt_${key.pk}_${key.sk}`;

/** The key that an event's id contains, or null when it is no event id. A tower's id may contain `_`. */
export function parseEventId(id: string): EventKey | null {
  const match =
    /^evt_([A-Za-z0-9:_-]+-\d{1,4}|(?:booking|position|lock|endpoint)~[A-Za-z0-9-]+)_([0-9a-z]{8}_[A-Za-z0-9~-]+)$/.exec(
      id,
    );
  return match?.[1] !== undefined && match[2] !== undefined ? { pk: match[1], sk: match[2] } : null;
}

/** Whether a sample has this key: what a partner asked for over the API to try its endpoint. */
export const isSample = ({ sk }: EventKey): boolean =>
  sk.slice(sk.indexOf('_') + 1).startsWith(`${prefix.test}~`);
