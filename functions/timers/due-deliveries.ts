import type { Instant } from '../../schemas/primitives.ts';
import type { DueDeliveries } from '../shared/due-deliveries.ts';
import { dueShardName } from '../shared/keys.ts';
import type { Position } from '../shared/read-items.ts';
import type { Rounds } from './rounds.ts';
import type { Run } from './run.ts';

/** A run that looks for what is due before it does anything about it. */
export interface LookingRun extends Run {
  /** False when half of the function's time is over: hand out what was found. */
  mayLook: () => boolean;
}

export interface Found {
  /** How many are due, as far as one run looks. */
  count: number;
  /** When the longest overdue was due. */
  oldestAt: Instant | null;
}

/** Keys only: a page of what an endpoint has to wait with costs no more than this one request. */
const pageSize = 1_000;

/** Looks through what is due in one shard of the index, the longest overdue first. */
export async function findDue(
  deliveries: Pick<DueDeliveries, 'list'>,
  shard: number,
  run: LookingRun,
  rounds: Rounds,
): Promise<Found> {
  const found: Found = { count: 0, oldestAt: null };
  let from: Position | null = null;
  do {
    const page: Awaited<ReturnType<DueDeliveries['list']>> = await deliveries.list({
      partition: dueShardName(shard),
      until: run.now,
      limit: pageSize,
      from,
    });
    found.oldestAt ??= page.waiting[0]?.dueAt ?? null;
    found.count += page.waiting.length;
    for (const waiting of page.waiting) rounds.add(waiting);
    from = page.next;
  } while (from !== null && run.mayLook());
  return found;
}
