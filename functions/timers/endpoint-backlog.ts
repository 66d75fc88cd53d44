import { isTroubled, passage } from '../domain/endpoint-health.ts';
import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { WaitingDelivery, WaitingPage } from '../shared/due-deliveries.ts';
import { backlogShard } from '../shared/keys.ts';
import type { Position } from '../shared/read-items.ts';
import { handOut, type HandOutDeps, type Turn } from './hand-out.ts';
import { windowSeconds, type Pace } from './pace.ts';
import { addReport, emptyReport, type Run, type ShardReport } from './run.ts';

export interface BacklogDeps extends HandOutDeps {
  /** Deliveries of a backlog that its endpoint is given in a second, beside what happens now. */
  drainPerSecond: number;
}

export interface Backlog {
  /** As it is stored; null when it is gone: then nothing waits for anybody. */
  endpoint: Endpoint | null;
  health: EndpointHealth;
}

export interface BacklogReport extends ShardReport {
  /** What was parked when this run came, as far as one run looks. */
  parked: number;
  /** When the longest parked was received. */
  oldestAt: Instant | null;
}

/**
 * Sends an endpoint's parked deliveries, oldest first: one as a probe when the breaker is due for one, and at a limited
 * rate once it is closed. One that is taken leaves the backlog for the due index, where it comes back if its task is lost.
 */
export async function runEndpointBacklog(
  deps: BacklogDeps,
  backlog: Backlog,
  run: Run,
  pace: Pace,
): Promise<BacklogReport> {
  const page = await listFrom(deps, backlog, run, null);
  const { waiting } = page;
  const known = { parked: waiting.length, oldestAt: waiting[0]?.dueAt ?? null };
  if (isOver(backlog)) return { ...(await drain(deps, backlog, { run, pace, page })), ...known };
  switch (passage(backlog.health, instantToMs(run.now))) {
    case 'closed':
      return { ...emptyReport(), ...known };
    case 'probe':
      return { ...(await probe(deps, backlog, { run, pace, page })), ...known };
    case 'free':
      return { ...(await drain(deps, backlog, { run, pace, page })), ...known };
  }
}

/** Of an endpoint that takes nothing any more: its deliveries are only filed. */
export const isOver = ({ endpoint }: Pick<Backlog, 'endpoint'>): boolean =>
  endpoint === null || endpoint.status === 'disabled';

const listFrom = (
  { deliveries, drainPerSecond }: BacklogDeps,
  { health }: Backlog,
  { now }: Run,
  from: Position | null,
): Promise<WaitingPage> =>
  deliveries.list({
    partition: backlogShard(health.endpointId),
    until: now,
    limit: Math.ceil(drainPerSecond * windowSeconds),
    from,
  });

interface Draining {
  run: Run;
  pace: Pace;
  /** The first. */
  page: WaitingPage;
}

/** One that can't be read must not keep an endpoint from being tried. */
const probesToRead = 10;

async function probe(
  deps: BacklogDeps,
  backlog: Backlog,
  { run, pace, page }: Draining,
): Promise<ShardReport> {
  const candidates = page.waiting.slice(0, probesToRead);
  const records = await deps.deliveries.read(candidates);
  const readable = candidates.filter((_, index) => records[index] != null).slice(0, 1);
  return handOut(deps, turnsOf(readable, backlog, pace), run);
}

async function drain(
  deps: BacklogDeps,
  backlog: Backlog,
  { run, pace, page }: Draining,
): Promise<ShardReport> {
  const report = emptyReport();
  for (let current = page; ;) {
    const part = await handOut(deps, turnsOf(current.waiting, backlog, pace), run);
    addReport(report, part);
    // What could not be read, or was somebody else's, takes nobody's turn: the backlog goes on behind it. Here and there a
    // second has two of its turns then.
    if (part.skipped === 0 || current.next === null || !run.hasTime()) return report;
    pace.giveBack(backlog.health.endpointId, part.skipped);
    current = await listFrom(deps, backlog, run, current.next);
  }
}

/** What is filed needs no limit of its endpoint's. */
function turnsOf(waiting: readonly WaitingDelivery[], backlog: Backlog, pace: Pace): Turn[] {
  const { endpoint, health } = backlog;
  const perSecond = isOver(backlog) ? undefined : endpoint?.limits?.perSecond;
  const via = isTroubled(health) ? ('slow' as const) : ('live' as const);
  return waiting.flatMap((one): Turn[] => {
    const atMs = pace.take(health.endpointId, perSecond);
    return atMs === null ? [] : [{ waiting: one, atMs, via }];
  });
}
