import type { EndpointFilter } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { LogPosition } from '../../schemas/redrive.ts';
import { passes } from '../domain/match.ts';
import { Problem } from './problem.ts';
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
  /** The partner that waits; null when it is an operator, whose requests are not counted. */
  waiterId: string | null;
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
/** A slot is free again after some of the time that a wait may take. */
const retryAfterSeconds = 5;

type PullServices = Pick<Services, 'log' | 'events' | 'pause' | 'waitingPulls'>;

/**
 * What follows in a partner's log. Returns as soon as there is something, or the end was reached and the wait is over.
 * Throws 429 when it would have to wait and as many of the partner's requests do already: an answer without events would be
 * asked for again at once, and so without end.
 */
export async function pullEvents(services: PullServices, pull: Pull): Promise<Pulled> {
  const pulled: Pulled = { items: [], next: pull.from, atEnd: false };
  await look(services, pull, pulled);
  if (!isNothingYet(pulled) || pull.waitMs === 0) return pulled;
  if (pull.waiterId === null) return waitForEvents(services, pull, pulled);
  const waiting = await services.waitingPulls.begin(pull.waiterId);
  if (waiting === null) throw tooManyWaiting();
  try {
    return await waitForEvents(services, pull, pulled);
  } finally {
    await waiting.end();
  }
}

const isNothingYet = ({ items, atEnd }: Pulled): boolean => atEnd && items.length === 0;

const tooManyWaiting = (): Problem =>
  new Problem(
    429,
    'too_many_waiting',
    'As many of your requests wait for events as may at a time. There is nothing new: ask again later, or without "wait".',
    { headers: { 'retry-after': String(retryAfterSeconds) } },
  );

async function waitForEvents(services: PullServices, pull: Pull, pulled: Pulled): Promise<Pulled> {
  let waitedMs = 0;
  while (isNothingYet(pulled) && waitedMs < pull.waitMs) {
    const restMs = Math.min(pollMs, pull.waitMs - waitedMs);
    await services.pause(restMs);
    waitedMs += restMs;
    await look(services, pull, pulled);
  }
  return pulled;
}

/** Moves `pulled` on until it is full, at the log's end, or has looked at much. */
async function look(services: PullServices, pull: Pull, pulled: Pulled): Promise<void> {
  for (let rounds = 1; rounds <= maxRounds; rounds += 1) {
    await readRound(services, pull, pulled);
    if (pulled.atEnd || pulled.items.length === pull.limit) return;
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
