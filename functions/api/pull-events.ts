import type { EndpointFilter } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { LogPosition } from '../../schemas/redrive.ts';
import { passes } from '../domain/match.ts';
import type { Services } from './services.ts';

export interface Pull {
  partnerId: string;
  from: LogPosition;
  /** Of the events given. */
  limit: number;
  filter: EndpointFilter;
  /** What was received before is left out. */
  since: Instant | null;
  /** How long to wait for the first event, if there is none. */
  waitMs: number;
}

export interface Pulled {
  items: DomainEvent[];
  /** Where to go on, always. */
  next: LogPosition;
  /** Whether nothing followed at the time. */
  atEnd: boolean;
}

/** Entries that one round looks at, and rounds after which a pull that looks for few of them ends early. */
const roundSize = 100;
const maxRounds = 10;
/** Between two looks at the end of the log: each reads one page of 1 kB. */
const pollMs = 500;

/** What follows in a partner's log. Returns as soon as there is something, or the end was reached and the wait is over. */
export async function pullEvents(
  services: Pick<Services, 'log' | 'events' | 'pause'>,
  pull: Pull,
): Promise<Pulled> {
  const pulled: Pulled = { items: [], next: pull.from, atEnd: false };
  let waitedMs = 0;
  for (let rounds = 1; ; rounds += 1) {
    await readRound(services, pull, pulled);
    const { items, atEnd } = pulled;
    if (items.length === pull.limit) return pulled;
    if (!atEnd && rounds < maxRounds) continue;
    if (!atEnd || items.length > 0 || waitedMs >= pull.waitMs) return pulled;
    const restMs = Math.min(pollMs, pull.waitMs - waitedMs);
    await services.pause(restMs);
    waitedMs += restMs;
    rounds = 0;
  }
}

/** Moves `pulled` on by one read of the log. */
async function readRound(
  { log, events }: Pick<Services, 'log' | 'events'>,
  { partnerId, limit, filter, since }: Pull,
  pulled: Pulled,
): Promise<void> {
  const selects = Object.keys(filter).length > 0 || since !== null;
  const size = selects ? roundSize : limit - pulled.items.length;
  const { entries, isEnd } = await log.read(partnerId, pulled.next, size);
  const known = await events.getMany(entries.map(({ eventId }) => eventId));
  for (const [index, { eventId, receivedAt, position }] of entries.entries()) {
    pulled.next = position;
    const event = known.get(eventId);
    // Its retention is over, or this release does not know its kind.
    if (event === undefined || !event.partnerIds.includes(partnerId)) continue;
    if (since !== null && compareInstants(receivedAt, since) < 0) continue;
    if (!passes(filter, event)) continue;
    pulled.items.push(event);
    if (pulled.items.length < limit) continue;
    pulled.atEnd = isEnd && index === entries.length - 1;
    return;
  }
  pulled.atEnd = isEnd;
}
