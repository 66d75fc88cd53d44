import type { EndpointFilter } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { compareInstants, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { LogPosition } from '../../schemas/redrive.ts';
import { passes } from '../domain/match.ts';
import type { LogSlice } from '../shared/partner-log-reader.ts';
import { whileCounted } from './long-requests.ts';
import { Problem, unreadable } from './problem.ts';
import type { Services } from './services.ts';

export interface Pull {
  partnerId: string;
  from: LogPosition;
  /** Whether `from` is what an answer before gave: then nothing may be missing after it. */
  isContinued: boolean;
  /** Of the events given. */
  limit: number;
  filter: EndpointFilter;
  /** What was received before is left out. */
  since: Instant | null;
  /** How long to wait for the first event, if there is none: from the begin of the request. */
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

type PullServices = Pick<Services, 'log' | 'events' | 'pause' | 'waitingPulls' | 'now' | 'warn'>;

/**
 * What follows in a partner's log. Returns as soon as there is something, or the end was reached and the wait is over. Ends
 * before an event that this release can't read. Throws 503 when that is the first one; 400 and 410 for a cursor beyond the
 * end, or of before what is kept; 429 when it would have to wait and as many of the partner's requests do already: an answer
 * without events would be asked for again at once, and so without end.
 */
export async function pullEvents(services: PullServices, pull: Pull): Promise<Pulled> {
  const endMs = instantToMs(services.now()) + pull.waitMs;
  const pulled: Pulled = { items: [], next: pull.from, atEnd: false };
  await look(services, pull, pulled);
  if (!isNothingYet(pulled) || pull.waitMs === 0) return pulled;
  return whileCounted(services.waitingPulls, pull.waiterId, {
    refusal: tooManyWaiting,
    work: () => waitForEvents(services, { pull, pulled, endMs }),
  });
}

const isNothingYet = ({ items, atEnd }: Pulled): boolean => atEnd && items.length === 0;

const tooManyWaiting = (): Problem =>
  new Problem(
    429,
    'too_many_waiting',
    'As many of your requests wait for events as may at a time. There is nothing new: ask again later, or without "wait".',
    { headers: { 'retry-after': String(retryAfterSeconds) } },
  );

interface Wait {
  pull: Pull;
  pulled: Pulled;
  /** Epoch milliseconds. */
  endMs: number;
}

async function waitForEvents(services: PullServices, wait: Wait): Promise<Pulled> {
  const { pull, pulled, endMs } = wait;
  const restMs = (): number => endMs - instantToMs(services.now());
  // Looking takes its time, too: API Gateway waits for 29 s, whatever they were spent with.
  for (let rest = restMs(); isNothingYet(pulled) && rest > 0; rest = restMs()) {
    await services.pause(Math.min(pollMs, rest));
    await look(services, pull, pulled);
  }
  return pulled;
}

/** Moves `pulled` on until it is full, at the log's end or before what can't be read, or has looked at much. */
async function look(services: PullServices, pull: Pull, pulled: Pulled): Promise<void> {
  for (let rounds = 1; rounds <= maxRounds; rounds += 1) {
    const canGoOn = await readRound(services, pull, pulled);
    if (!canGoOn || pulled.atEnd || pulled.items.length === pull.limit) return;
  }
}

/** Moves `pulled` on by one read of the log. False when this release can't go on. */
async function readRound(services: PullServices, pull: Pull, pulled: Pulled): Promise<boolean> {
  const { partnerId, limit, filter, since } = pull;
  const selects = Object.keys(filter).length > 0 || since !== null;
  const size = selects ? roundSize : limit - pulled.items.length;
  const slice = await services.log.read(partnerId, pulled.next, size);
  if (pull.isContinued && pulled.next === pull.from) assertKept(slice);
  // The next request is told.
  if (pull.isContinued && slice.begin === 'cleaned_up') {
    pulled.atEnd = false;
    return false;
  }
  const { entries, isEnd } = slice;
  const known = await services.events.getMany(entries.map(({ eventId }) => eventId));
  for (const [index, { eventId, receivedAt, position }] of entries.entries()) {
    const isEarly = since !== null && compareInstants(receivedAt, since) < 0;
    if (!isEarly && known.unreadable.has(eventId)) return stopBefore(services, { pull, pulled, eventId });
    pulled.next = position;
    const event = known.events.get(eventId);
    // Its retention is over.
    if (event === undefined || !event.partnerIds.includes(partnerId)) continue;
    if (isEarly || !passes(filter, event)) continue;
    pulled.items.push(event);
    if (pulled.items.length < limit) continue;
    pulled.atEnd = isEnd && index === entries.length - 1;
    return true;
  }
  pulled.atEnd = isEnd;
  return true;
}

/** A receiver of webhooks would get it once the right release runs: who pulls must not pass it either. */
function stopBefore(
  { warn }: PullServices,
  { pull, pulled, eventId }: { pull: Pull; pulled: Pulled; eventId: string },
): false {
  warn('event unreadable', { partnerId: pull.partnerId, eventId });
  if (pulled.next === pull.from) throw unreadable();
  pulled.atEnd = false;
  return false;
}

function assertKept({ begin }: LogSlice): void {
  if (begin === 'beyond_end')
    throw new Problem(400, 'cursor_unknown', 'The log has never come as far as this cursor.');
  if (begin === 'cleaned_up')
    throw new Problem(
      410,
      'cursor_expired',
      'What followed this cursor is no longer kept, as a whole or in part. Leave "after" out to begin with the oldest that is.',
    );
}
