import { compareInstants, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { countingCommit } from '../shared/commit.ts';
import { runDueEntities, type DueEntitiesDeps } from './due-entities.ts';
import { secondsSince, type TimersMetrics } from './metrics.ts';
import { runShards, type Run, type ShardReport } from './run.ts';

export interface EntitiesDeps extends DueEntitiesDeps {
  /** Partitions of the due index. */
  dueShards: number;
  metrics: Pick<TimersMetrics, 'addMetric'>;
}

/** Does what time does to entities, in all shards, and tells how late it is, what came of it and what there was no time for. */
export async function runEntities(deps: EntitiesDeps, run: Run): Promise<ShardReport> {
  let left = 0;
  let committed = 0;
  const commit = countingCommit(deps.commit, (events) => {
    committed += events;
  });
  const oldest: Instant[] = [];
  const report = await runShards(deps.dueShards, 'entities', async (shard) => {
    const part = await runDueEntities({ ...deps, commit }, shard, run);
    left += part.left;
    if (part.oldestAt !== null) oldest.push(part.oldestAt);
    return part;
  });
  const oldestAt = oldest.sort(compareInstants)[0] ?? null;
  // Zero is sent too: silence means that nobody looked.
  deps.metrics.addMetric('OldestEntityDueSeconds', 'Seconds', secondsSince(oldestAt, instantToMs(run.now)));
  if (committed > 0) deps.metrics.addMetric('EventsCommitted', 'Count', committed);
  if (left > 0) deps.metrics.addMetric('EntitiesLeftForLater', 'Count', left);
  return report;
}
