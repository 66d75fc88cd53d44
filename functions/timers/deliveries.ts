import { instantToMs } from '../../schemas/instant.ts';
import { runDueDeliveries } from './due-deliveries.ts';
import type { HandOutDeps } from './hand-out.ts';
import type { TimersMetrics } from './metrics.ts';
import { recordOldest } from './metrics.ts';
import type { Pace } from './pace.ts';
import { runShards, type Run, type ShardReport } from './run.ts';

export interface DeliveriesDeps extends HandOutDeps {
  dueShards: number;
  metrics: TimersMetrics;
}

/** Hands out the deliveries that are due, of all shards at one pace. */
export async function runDeliveries(deps: DeliveriesDeps, run: Run, pace: Pace): Promise<ShardReport> {
  let oldestAt: string | null = null;
  let later = 0;
  const report = await runShards(deps.dueShards, 'deliveries', async (shard) => {
    const part = await runDueDeliveries(deps, shard, run, pace);
    if (part.oldestDueAt !== null && (oldestAt === null || part.oldestDueAt < oldestAt))
      oldestAt = part.oldestDueAt;
    later += part.later;
    return part;
  });
  if (later > 0) deps.metrics.addMetric('DeliveriesLeftForLater', 'Count', later);
  recordOldest(deps.metrics, 'healthy', oldestAt, instantToMs(run.now));
  return report;
}
