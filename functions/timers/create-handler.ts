import type { Logger } from '@aws-lambda-powertools/logger';
import type { Instant } from '../../schemas/primitives.ts';
import { TowercastError } from '../shared/errors.ts';
import { runDueDeliveries, type DueDeliveriesDeps } from './due-deliveries.ts';
import { runDueEntities, type DueEntitiesDeps } from './due-entities.ts';
import { sumReports, type Run, type ShardReport } from './run.ts';

export interface TimersDeps extends DueEntitiesDeps, DueDeliveriesDeps {
  dueShards: number;
  clock: () => Instant;
  logger: Pick<Logger, 'info' | 'error'>;
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
}

/** What is needed of Lambda's context. */
export interface RemainingTime {
  getRemainingTimeInMillis(): number;
}

/** A page takes less than this, retries of the SDK included. */
const reserveMs = 5_000;

/**
 * Does whatever is due. A failure stops neither the other items nor the other shards, and the next run tries again;
 * throws TowercastError `timers_failed` at the end so that it is seen.
 */
export function createHandler(deps: TimersDeps) {
  return async (_event: unknown, context: RemainingTime): Promise<void> => {
    const run: Run = {
      now: deps.clock(),
      hasTime: () => context.getRemainingTimeInMillis() > reserveMs,
    };
    const [entities, deliveries] = await Promise.all([
      runShards(deps.dueShards, 'entities', async (shard) => runDueEntities(deps, shard, run)),
      runShards(deps.dueShards, 'deliveries', async (shard) => runDueDeliveries(deps, shard, run)),
    ]);
    report(deps, 'Entities', entities);
    report(deps, 'Deliveries', deliveries);
    const failures = entities.failures.length + deliveries.failures.length;
    if (failures > 0) throw new TowercastError('timers_failed', `${failures} due items failed`);
  };
}

async function runShards(
  shards: number,
  what: string,
  runShard: (shard: number) => Promise<ShardReport>,
): Promise<ShardReport> {
  const one = async (shard: number): Promise<ShardReport> => {
    try {
      return await runShard(shard);
    } catch (error) {
      return { done: 0, skipped: 0, failures: [{ what: `${what} of shard ${shard}`, error }] };
    }
  };
  return sumReports(await Promise.all(Array.from({ length: shards }, async (_, shard) => one(shard))));
}

function report({ logger, metrics }: TimersDeps, what: 'Entities' | 'Deliveries', sum: ShardReport): void {
  for (const failure of sum.failures) {
    logger.error('due item failed', { what: failure.what, cause: failure.error });
  }
  const { done, skipped } = sum;
  const failed = sum.failures.length;
  if (done + skipped + failed > 0) logger.info('due', { what, done, skipped, failed });
  if (done > 0) metrics.addMetric(`${what}Due`, 'Count', done);
  if (failed > 0) metrics.addMetric(`${what}DueFailed`, 'Count', failed);
}
