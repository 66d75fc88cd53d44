import type { Instant } from '../../schemas/primitives.ts';

/** One run of the timers. What comes due after its start is the next run's. */
export interface Run {
  now: Instant;
  /** False when the function's time is nearly over: leave the rest to the next run. */
  hasTime: () => boolean;
}

export interface Failure {
  what: string;
  error: unknown;
}

/** What a run did in one shard of an index. */
export interface ShardReport {
  done: number;
  /** Somebody else was ahead. */
  skipped: number;
  failures: Failure[];
}

export const emptyReport = (): ShardReport => ({ done: 0, skipped: 0, failures: [] });

export const failed = (what: string, error: unknown): ShardReport => ({
  ...emptyReport(),
  failures: [{ what, error }],
});

/** Adds what a part of it did. */
export function addReport(sum: ShardReport, part: ShardReport): void {
  sum.done += part.done;
  sum.skipped += part.skipped;
  sum.failures.push(...part.failures);
}

export function sumReports(reports: readonly ShardReport[]): ShardReport {
  const sum = emptyReport();
  for (const part of reports) addReport(sum, part);
  return sum;
}

/** Runs all shards side by side: one that fails as a whole is a failure of that shard. */
export async function runShards(
  shards: number,
  what: string,
  runShard: (shard: number) => Promise<ShardReport>,
): Promise<ShardReport> {
  const one = async (shard: number): Promise<ShardReport> => {
    try {
      return await runShard(shard);
    } catch (error) {
      return failed(`${what} of shard ${shard}`, error);
    }
  };
  return sumReports(await Promise.all(Array.from({ length: shards }, async (_, shard) => one(shard))));
}
