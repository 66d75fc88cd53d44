import { dueShardName } from '../shared/keys.ts';
import type { Position } from '../shared/read-items.ts';
import { handOut, type HandOutDeps, type Turn } from './hand-out.ts';
import type { Pace } from './pace.ts';
import { addReport, type Run, type ShardReport } from './run.ts';

export interface DueReport extends ShardReport {
  /** Left for later runs, so that no endpoint is given more than its pace. */
  later: number;
  /** Of what was due when this run came: the longest overdue. */
  oldestDueAt: string | null;
}

/** Keys only: a page of what an endpoint has to wait with costs no more than this one request. */
const pageSize = 1_000;

/**
 * Puts the due deliveries of one shard back on the delivery queue: the longest overdue first, of each endpoint as many
 * as its pace allows. So after an outage an endpoint is not flooded, and one with a hundred thousand deliveries keeps no
 * other waiting.
 */
export async function runDueDeliveries(
  deps: HandOutDeps,
  shard: number,
  run: Run,
  pace: Pace,
): Promise<DueReport> {
  const report: DueReport = { done: 0, skipped: 0, failures: [], later: 0, oldestDueAt: null };
  let from: Position | null = null;
  do {
    const page: Awaited<ReturnType<HandOutDeps['deliveries']['list']>> = await deps.deliveries.list({
      partition: dueShardName(shard),
      until: run.now,
      limit: pageSize,
      from,
    });
    report.oldestDueAt ??= page.waiting[0]?.dueAt ?? null;
    const turns = page.waiting.flatMap((waiting): Turn[] => {
      const atMs = pace.take(waiting.endpointId);
      return atMs === null ? [] : [{ waiting, atMs }];
    });
    report.later += page.waiting.length - turns.length;
    addReport(report, await handOut(deps, turns, run));
    from = page.next;
  } while (from !== null && run.hasTime());
  return report;
}
