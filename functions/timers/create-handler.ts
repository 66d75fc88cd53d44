import type { Logger } from '@aws-lambda-powertools/logger';
import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { TowercastError } from '../shared/errors.ts';
import type { HandOutWindows } from '../shared/hand-out-window.ts';
import { runDeliveries, type DeliveriesDeps } from './deliveries.ts';
import type { LookingRun } from './due-deliveries.ts';
import { runEndpoints, type EndpointsDeps } from './endpoints.ts';
import { runEntities, type EntitiesDeps } from './entities.ts';
import { recordOldest, secondsSince, type TimersMetrics } from './metrics.ts';
import { claimWindow, createPace, type Window } from './pace.ts';
import { runRedrives, type RedrivesDeps } from './redrives.ts';
import { failed, sumReports, type Run, type ShardReport } from './run.ts';

export interface TimersDeps
  extends EntitiesDeps, DeliveriesDeps, Omit<EndpointsDeps, 'entities'>, Omit<RedrivesDeps, 'entities'> {
  windows: HandOutWindows;
  clock: () => Instant;
  logger: Pick<Logger, 'info' | 'error'>;
  metrics: TimersMetrics;
}

/** What is needed of Lambda's context. */
export interface RemainingTime {
  getRemainingTimeInMillis(): number;
}

/**
 * What is begun with so much time left ends in time, while DynamoDB and SQS answer. When they hang, a page may take longer than
 * a run, with the clients' retries: it is cut off then, and what it had leased is due again when the lease ends.
 */
const reserveMs = 5_000;

/** What a run does, and what it counts that under. */
const parts = {
  entities: { done: 'EntitiesDue', failed: 'EntitiesDueFailed' },
  deliveries: { done: 'DeliveriesDue', failed: 'DeliveriesDueFailed' },
  endpoints: { done: 'DeliveriesDrained', failed: 'EndpointsFailed' },
  redrives: { done: 'DeliveriesRedriven', failed: 'RedrivesFailed' },
};
type Part = keyof typeof parts;

/**
 * Does whatever is due. A failure stops neither the other items nor the other parts, and the next run tries again;
 * throws TowercastError `timers_failed` at the end so that it is seen.
 */
export function createHandler(deps: TimersDeps) {
  return async (_event: unknown, context: RemainingTime): Promise<void> => {
    const halfMs = context.getRemainingTimeInMillis() / 2;
    const run: LookingRun = {
      now: deps.clock(),
      mayLook: () => context.getRemainingTimeInMillis() > halfMs,
      hasTime: () => context.getRemainingTimeInMillis() > reserveMs,
    };
    const window = claimWindow(deps.windows, run);
    const reports = await Promise.all([
      runPart(deps, 'entities', async () => runEntities(deps, run)),
      runPart(deps, 'deliveries', async () =>
        runDeliveries(deps, run, paceFrom(deps, await window, deps.catchUpPerSecond)),
      ),
      runPart(deps, 'endpoints', async () => attendEndpoints(deps, run, await window)),
      runPart(deps, 'redrives', async () => runRedrives(deps, run)),
    ]);
    const { failures } = sumReports(reports);
    if (failures.length > 0) throw new TowercastError('timers_failed', `${failures.length} due items failed`);
  };
}

/** Runs a part to its end, whatever happens in it, and tells of it. */
async function runPart(
  { logger, metrics }: TimersDeps,
  what: Part,
  work: () => Promise<ShardReport>,
): Promise<ShardReport> {
  const report = await work().catch((error: unknown) => failed(what, error));
  for (const failure of report.failures)
    logger.error('due item failed', { what: failure.what, cause: failure.error });
  const { done, skipped } = report;
  const failures = report.failures.length;
  if (done + skipped + failures > 0) logger.info('due', { what, done, skipped, failed: failures });
  if (done > 0) metrics.addMetric(parts[what].done, 'Count', done);
  if (failures > 0) metrics.addMetric(parts[what].failed, 'Count', failures);
  return report;
}

const paceFrom = ({ clock }: TimersDeps, window: Window, perSecond: number) =>
  createPace({ ...window, perSecond, now: () => instantToMs(clock()) });

async function attendEndpoints(deps: TimersDeps, run: Run, window: Window): Promise<ShardReport> {
  const { metrics, drainPerSecond } = deps;
  const report = await runEndpoints(deps, run, paceFrom(deps, window, drainPerSecond));
  metrics.addMetric('BreakersOpen', 'Count', report.breakersOpen);
  metrics.addMetric('BreakersOpenLong', 'Count', report.breakersOpenLong);
  metrics.addMetric('BacklogDeliveries', 'Count', report.parked);
  if (report.disabled > 0) metrics.addMetric('EndpointsDisabled', 'Count', report.disabled);
  recordOldest(metrics, 'failing', report.oldestAt, instantToMs(run.now));
  metrics.addMetric(
    'OldestDrainingSeconds',
    'Seconds',
    secondsSince(report.oldestDrainingAt, instantToMs(run.now)),
  );
  return report;
}
