import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { DueDeliveries, WaitingDelivery } from '../shared/due-deliveries.ts';
import type { EventReader } from '../shared/event-reader.ts';
import type { Channel, TaskSender } from '../shared/queue.ts';
import type { GiveUp } from './give-up.ts';
import type { Run, ShardReport } from './run.ts';

export interface HandOutDeps {
  deliveries: DueDeliveries;
  events: Pick<EventReader, 'getMany' | 'get'>;
  giveUp: GiveUp;
  sender: TaskSender;
  /** How long a delivery belongs to the run that took it, and to its task, from its turn on. */
  leaseSeconds: number;
  newTaskId: () => string;
  clock: () => Instant;
}

/** A waiting delivery and when its turn is. */
export interface Turn {
  waiting: WaitingDelivery;
  /** Epoch milliseconds. */
  atMs: number;
  /** Default: `live`. */
  via?: Channel;
}

/** What BatchGetItem reads in one request. */
export const turnsAtOnce = 100;

/**
 * Puts waiting deliveries on the queue, each with its delay. A lease comes first: if this run dies between the
 * two, the delivery is due again when the lease ends; the other way round it would be sent twice by two runs.
 */
export async function handOut(deps: HandOutDeps, turns: readonly Turn[], run: Run): Promise<ShardReport> {
  const report: ShardReport = { done: 0, skipped: 0, failures: [] };
  for (let at = 0; at < turns.length && run.hasTime(); at += turnsAtOnce)
    await handOutSome(deps, turns.slice(at, at + turnsAtOnce), run, report);
  return report;
}

interface Taken {
  record: DeliveryRecord;
  atMs: number;
  /** When it is due again if nothing comes of its task. */
  leasedUntil: Instant;
  via: Channel;
}

async function handOutSome(
  deps: HandOutDeps,
  turns: readonly Turn[],
  run: Run,
  report: ShardReport,
): Promise<void> {
  const records = await deps.deliveries.read(turns.map(({ waiting }) => waiting));
  const found = turns.flatMap(({ atMs, via = 'live' }, index): Taken[] => {
    const record = records[index] ?? null;
    if (record === null) return [];
    const leasedUntil = instantFromMs(atMs + deps.leaseSeconds * 1_000);
    // `deliver` lets replays go over the queue of the slow only.
    return [{ record, atMs, leasedUntil, via: record.replay === null ? via : 'slow' }];
  });
  report.skipped += turns.length - found.length;
  // Before the lease: what is leased and not sent waits until the lease ends.
  if (found.length === 0 || !run.hasTime()) return;
  const [leased, { events }] = await Promise.all([
    leaseAll(deps, found, report),
    // A record names its event; the event itself is in the events table, for longer than any schedule.
    deps.events.getMany(found.map(({ record }) => record.event.id)),
  ]);
  await sendAll(deps, leased, events, report);
}

async function leaseAll(
  { deliveries }: HandOutDeps,
  found: readonly Taken[],
  report: ShardReport,
): Promise<Taken[]> {
  const outcomes = await deliveries.lease(
    found.map(({ record, leasedUntil }) => ({ record, until: leasedUntil })),
  );
  return found.filter(({ record }, index) => {
    const outcome = outcomes[index];
    if (outcome === 'taken') report.skipped += 1;
    else if (outcome !== 'leased') report.failures.push({ what: `delivery ${record.id}`, error: outcome });
    return outcome === 'leased';
  });
}

async function sendAll(
  deps: HandOutDeps,
  leased: readonly Taken[],
  events: ReadonlyMap<string, DomainEvent>,
  report: ShardReport,
): Promise<void> {
  const nowMs = instantToMs(deps.clock());
  const send = async (taken: Taken): Promise<void> => {
    const { record, atMs, via } = taken;
    // One that is there, and that this release can't read, throws: its delivery waits for a release that can.
    const event = events.get(record.event.id) ?? (await deps.events.get(record.event.id));
    if (event === null) return deps.giveUp(record);
    const delaySeconds = Math.max(0, Math.ceil((atMs - nowMs) / 1_000));
    await deps.sender.send([{ task: taskOf(deps, taken, event), delaySeconds, via }]);
  };
  // One by one, for each settles by itself; the sender joins what is sent at the same time into requests.
  const sent = await Promise.allSettled(leased.map(send));
  for (const [index, result] of sent.entries()) {
    if (result.status === 'fulfilled') report.done += 1;
    else report.failures.push({ what: `delivery ${leased[index]?.record.id}`, error: result.reason });
  }
}

function taskOf(
  { newTaskId }: HandOutDeps,
  { record, leasedUntil }: Taken,
  event: DomainEvent,
): DeliveryTask {
  const { partnerId, endpointId, attempts, replay, sequence } = record;
  const task = { v: 1, yields: true, taskId: newTaskId(), partnerId, endpointId, event, attempts } as const;
  return {
    ...task,
    leasedUntil,
    ...(replay !== null && { replay }),
    // `deliver` passes it on to its lane.
    ...(sequence !== undefined && { sequence }),
  };
}
