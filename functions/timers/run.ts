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

export const sumReports = (reports: readonly ShardReport[]): ShardReport => ({
  done: reports.reduce((sum, { done }) => sum + done, 0),
  skipped: reports.reduce((sum, { skipped }) => sum + skipped, 0),
  failures: reports.flatMap(({ failures }) => failures),
});
