import { passage } from '../domain/endpoint-breaker.ts';
import { isTroubled } from '../domain/endpoint-health.ts';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { instantToMs } from '../../schemas/instant.ts';
import { forEachAtMost } from '../shared/concurrency.ts';
import type { WaitingDelivery, WaitingPage } from '../shared/due-deliveries.ts';
import { backlogShard } from '../shared/keys.ts';
import type { Position } from '../shared/read-items.ts';
import { handOut, type HandOutDeps, type Turn } from './hand-out.ts';
import { windowSeconds, type Pace } from './pace.ts';
import { addReport, emptyReport, type Run, type ShardReport } from './run.ts';

export interface BacklogDeps extends HandOutDeps {
  /** Deliveries of a backlog that its endpoint is given in a second, beside what happens now. */
  drainPerSecond: number;
  /** For how long a delivery is on record, from the receipt of its event. */
  retentionDays: number;
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
  const { ending, lasting } = Object.groupBy(page.waiting, ({ dueAt }) =>
    isEnding(deps, dueAt, run) ? 'ending' : 'lasting',
  );
  const report = {
    ...emptyReport(),
    parked: page.waiting.length,
    oldestAt: page.waiting[0]?.dueAt ?? null,
  };
  addReport(report, await endAll(deps, ending ?? [], run));
  const draining = { run, pace, page: { ...page, waiting: lasting ?? [] } };
  addReport(report, await send(deps, backlog, draining));
  return report;
}

const endsAtOnce = 8;
/** What is closer to its end than that is not tried any more: the record would vanish with nobody told. */
const noticeMs = 86_400_000;

/** A parked delivery is due since its receipt. */
const isEnding = ({ retentionDays }: BacklogDeps, receivedAt: Instant, { now }: Run): boolean => {
  const keptMs = retentionDays * 86_400_000;
  return instantToMs(receivedAt) + keptMs - Math.min(noticeMs, keptMs / 10) <= instantToMs(now);
};

async function endAll(
  { deliveries, giveUp }: BacklogDeps,
  waiting: readonly WaitingDelivery[],
  run: Run,
): Promise<ShardReport> {
  const report = emptyReport();
  const records = await deliveries.read(waiting);
  await forEachAtMost(endsAtOnce, records, async (record) => {
    if (record === null || !run.hasTime()) return;
    try {
      await giveUp(record);
      report.done += 1;
    } catch (error) {
      report.failures.push({ what: `delivery ${record.id}`, error });
    }
  });
  return report;
}

async function send(deps: BacklogDeps, backlog: Backlog, draining: Draining): Promise<ShardReport> {
  if (isOver(backlog)) return drain(deps, backlog, draining);
  switch (passage(backlog.health, instantToMs(draining.run.now))) {
    case 'closed':
      return emptyReport();
    case 'probe':
      return probe(deps, backlog, draining);
    case 'free':
      return drain(deps, backlog, draining);
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

/** Of the oldest, and of the newest. One that can't be read must not keep an endpoint from being tried. */
const probesToRead = 10;

/**
 * The oldest that is no replay, if one is seen. A replay that fails says nothing of the endpoint, and replays, whose events
 * were received long ago, would be all that it is tried with: however long it fails, it would never be disabled.
 */
async function probe(
  deps: BacklogDeps,
  backlog: Backlog,
  { run, pace, page }: Draining,
): Promise<ShardReport> {
  const oldest = await readable(deps, page.waiting.slice(0, probesToRead));
  const isAll = page.next === null && page.waiting.length <= probesToRead;
  const newest =
    isAll || oldest.some(isCounted) ? [] : await readable(deps, await listNewest(deps, backlog, run));
  const candidates = [...oldest, ...newest];
  const chosen = candidates.find(isCounted) ?? candidates[0];
  return handOut(deps, turnsOf(chosen === undefined ? [] : [chosen.waiting], backlog, pace), run);
}

interface Candidate {
  waiting: WaitingDelivery;
  record: DeliveryRecord;
}

const isCounted = ({ record }: Candidate): boolean => record.replay === null;

async function readable(
  { deliveries }: BacklogDeps,
  waiting: readonly WaitingDelivery[],
): Promise<Candidate[]> {
  const records = await deliveries.read(waiting);
  return waiting.flatMap((one, index): Candidate[] => {
    const record = records[index] ?? null;
    return record === null ? [] : [{ waiting: one, record }];
  });
}

/** The oldest of them first. */
async function listNewest(
  { deliveries }: BacklogDeps,
  { health }: Backlog,
  { now }: Run,
): Promise<WaitingDelivery[]> {
  const { waiting } = await deliveries.list({
    partition: backlogShard(health.endpointId),
    until: now,
    limit: probesToRead,
    from: null,
    newestFirst: true,
  });
  return waiting.toReversed();
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
