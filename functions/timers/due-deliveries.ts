import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Run, ShardReport } from './run.ts';

export interface DueDeliveriesDeps {
  deliveries: {
    due(shard: number, now: Instant, limit: number): Promise<DeliveryRecord[]>;
    /** False when it was taken, sent or ended meanwhile. */
    lease(record: DeliveryRecord, until: Instant): Promise<boolean>;
  };
  sender: { send(tasks: { task: DeliveryTask; delaySeconds: number }[]): Promise<void> };
  leaseSeconds: number;
  newTaskId: () => string;
}

const pageSize = 50;

/**
 * Puts the due deliveries of one shard back on the delivery queue. A lease comes first: if this run dies between the
 * two, the delivery is due again when the lease ends; the other way round it would be sent twice by two runs.
 */
export async function runDueDeliveries(
  deps: DueDeliveriesDeps,
  shard: number,
  run: Run,
): Promise<ShardReport> {
  const report: ShardReport = { done: 0, skipped: 0, failures: [] };
  const seen = new Set<string>();
  do {
    const due = await deps.deliveries.due(shard, run.now, pageSize);
    // The index lags behind the leases, and what failed stays due: a page of nothing new is the end.
    const fresh = due.filter(({ id }) => !seen.has(id));
    if (fresh.length === 0) break;
    for (const { id } of fresh) seen.add(id);
    const leased = await leaseAll(deps, fresh, run.now, report);
    await sendAll(deps, leased, report);
  } while (run.hasTime());
  return report;
}

async function leaseAll(
  { deliveries, leaseSeconds }: DueDeliveriesDeps,
  records: DeliveryRecord[],
  now: Instant,
  report: ShardReport,
): Promise<DeliveryRecord[]> {
  const until = instantFromMs(instantToMs(now) + leaseSeconds * 1_000);
  const leases = await Promise.allSettled(records.map(async (record) => deliveries.lease(record, until)));
  return records.filter((record, index) => {
    const lease = leases[index];
    if (lease?.status === 'fulfilled' && !lease.value) report.skipped += 1;
    if (lease?.status === 'rejected') {
      report.failures.push({ what: `delivery ${record.id}`, error: lease.reason });
    }
    return lease?.status === 'fulfilled' && lease.value;
  });
}

async function sendAll(
  { sender, newTaskId }: DueDeliveriesDeps,
  records: DeliveryRecord[],
  report: ShardReport,
): Promise<void> {
  const tasks = records.map(({ partnerId, endpointId, event, attempts }) => {
    const task: DeliveryTask = { v: 1, taskId: newTaskId(), partnerId, endpointId, event, attempts };
    return { task, delaySeconds: 0 };
  });
  // One by one, for each settles by itself; the sender joins what is sent at the same time into requests.
  const sent = await Promise.allSettled(tasks.map(async (task) => sender.send([task])));
  for (const [index, { status, ...result }] of sent.entries()) {
    if (status === 'fulfilled') report.done += 1;
    else
      report.failures.push({
        what: `delivery ${records[index]?.id}`,
        error: 'reason' in result ? result.reason : null,
      });
  }
}
