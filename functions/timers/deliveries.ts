import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { forEachAtMost } from '../shared/concurrency.ts';
import type { WaitingDelivery } from '../shared/due-deliveries.ts';
import { findDue, type Found, type LookingRun } from './due-deliveries.ts';
import { handOut, turnsAtOnce, type HandOutDeps, type Turn } from './hand-out.ts';
import { recordOldest, type TimersMetrics } from './metrics.ts';
import { windowSeconds, type Pace } from './pace.ts';
import { createRounds, type Rounds } from './rounds.ts';
import { addReport, emptyReport, failed, runShards, type Run, type ShardReport } from './run.ts';

export interface DeliveriesDeps extends HandOutDeps {
  dueShards: number;
  /** Due deliveries that one endpoint is given in a second, all runs together. */
  catchUpPerSecond: number;
  metrics: TimersMetrics;
}

/** More than a run has time to hand out (40,000 with 512 MB). So many keys are 25 MB in memory. */
const maxKept = 100_000;
/** Each makes four requests at a time at most: the client holds 50 sockets. */
const handOutsAtOnce = 8;

/**
 * Puts the due deliveries back on the delivery queue, each endpoint's at its pace, and by rounds. It looks through all that
 * is due first: to hand out what is found page by page would let those endpoints that have the longest overdue use up the time
 * of a run.
 */
export async function runDeliveries(deps: DeliveriesDeps, run: LookingRun, pace: Pace): Promise<ShardReport> {
  const perEndpoint = Math.ceil(deps.catchUpPerSecond * windowSeconds);
  const rounds = createRounds({ perEndpoint, atMost: maxKept });
  const { report, found } = await findAll(deps, run, rounds);
  const given = await handOutInOrder(deps, rounds.inOrder(), run, pace);
  addReport(report, given);
  const left = found.count - given.done - given.skipped - given.failures.length;
  if (left > 0) deps.metrics.addMetric('DeliveriesLeftForLater', 'Count', left);
  recordOldest(deps.metrics, 'healthy', found.oldestAt, instantToMs(run.now));
  return report;
}

async function findAll(
  { deliveries, dueShards }: DeliveriesDeps,
  run: LookingRun,
  rounds: Rounds,
): Promise<{ report: ShardReport; found: Found }> {
  const found: Found = { count: 0, oldestAt: null };
  const report = await runShards(dueShards, 'deliveries', async (shard) => {
    const part = await findDue(deliveries, shard, run, rounds);
    found.count += part.count;
    found.oldestAt = earlier(found.oldestAt, part.oldestAt);
    return emptyReport();
  });
  return { report, found };
}

const earlier = (a: Instant | null, b: Instant | null): Instant | null =>
  a === null || (b !== null && b < a) ? b : a;

/** Turns are taken just before they are used: a second that is over by then has none. */
async function handOutInOrder(
  deps: DeliveriesDeps,
  waiting: readonly WaitingDelivery[],
  run: Run,
  pace: Pace,
): Promise<ShardReport> {
  const report = emptyReport();
  const parts = Array.from({ length: Math.ceil(waiting.length / turnsAtOnce) }, (_, index) =>
    waiting.slice(index * turnsAtOnce, (index + 1) * turnsAtOnce),
  );
  await forEachAtMost(handOutsAtOnce, parts, async (part) => {
    if (!run.hasTime()) return;
    const turns = part.flatMap((one): Turn[] => {
      const atMs = pace.take(one.endpointId);
      return atMs === null ? [] : [{ waiting: one, atMs }];
    });
    const given = await handOut(deps, turns, run).catch((error: unknown) => failed('deliveries', error));
    addReport(report, given);
  });
  return report;
}
