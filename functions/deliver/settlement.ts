import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt, DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { DeliveryStore } from '../shared/delivery-store.ts';
import { deliveryId } from '../shared/keys.ts';
import type { TaskSender } from '../shared/queue.ts';

/** How a delivery goes on after a task. `attempts` are all that were made, this task's included if it made one. */
export type Settlement =
  | { kind: 'delivered'; attempts: Attempt[] }
  | { kind: 'retry'; attempts: Attempt[]; delayMs: number }
  | { kind: 'dead' | 'held'; attempts: Attempt[]; reason: string };

/** `dropped`: the record shows another chain ahead of this task, or delivered; the task ends without a successor. */
export type Settled = 'recorded' | 'resumed' | 'dropped';

export interface SettlementDeps {
  store: DeliveryStore;
  tasks: TaskSender;
  now: () => number;
  newTaskId: () => string;
  /** A successor that is due later waits in the due index instead of on the queue. */
  maxDelaySeconds: number;
  /** Milliseconds to the next attempt after so many, by the schedule alone. */
  resumeDelayMs: (attemptsMade: number) => number;
}

/**
 * Records what a task came to and sends its successor, in this order, so that a crash in between is made up for when
 * SQS gives the task again. Two tasks for one attempt (a crash after sending, a repeated stream record) would
 * start two chains of attempts: the condition on the record lets one go on.
 */
export async function settle(
  deps: SettlementDeps,
  task: DeliveryTask,
  settlement: Settlement,
): Promise<Settled> {
  if (settlement.kind === 'delivered') {
    await deps.store.put(recordOf(task, settlement, null));
    return 'recorded';
  }
  const delaySeconds = settlement.kind === 'retry' ? Math.round(settlement.delayMs / 1_000) : null;
  const parked = delaySeconds !== null && delaySeconds > deps.maxDelaySeconds;
  const dueAt = parked ? instantFromMs(deps.now() + delaySeconds * 1_000) : null;

  const outcome = await deps.store.advance(recordOf(task, settlement, dueAt), task.attempts.length + 1);
  if (outcome.kind === 'behind') return resume(deps, task, outcome.current);
  if (delaySeconds !== null && !parked) await sendNext(deps, task, settlement.attempts, delaySeconds);
  return 'recorded';
}

/**
 * Takes up where a crash ended this same task: its record stands, its successor may never have been sent. A
 * successor too many only repeats a delivery. `dropped` when the record isn't this task's.
 */
export async function resume(
  deps: SettlementDeps,
  task: DeliveryTask,
  current: DeliveryRecord | null,
): Promise<'resumed' | 'dropped'> {
  if (current?.taskId !== task.taskId || current.attempts.length !== task.attempts.length + 1)
    return 'dropped';
  if (current.status === 'pending' && current.dueAt === null) {
    const delaySeconds = Math.round(deps.resumeDelayMs(current.attempts.length) / 1_000);
    await sendNext(deps, task, current.attempts, Math.min(delaySeconds, deps.maxDelaySeconds));
  }
  return 'resumed';
}

const sendNext = (
  deps: SettlementDeps,
  task: DeliveryTask,
  attempts: Attempt[],
  delaySeconds: number,
): Promise<void> =>
  deps.tasks.send([{ task: { ...task, taskId: deps.newTaskId(), attempts }, delaySeconds }]);

function recordOf(task: DeliveryTask, settlement: Settlement, dueAt: string | null): DeliveryRecord {
  return {
    id: deliveryId(task.endpointId, task.event.receivedAt, task.event.id),
    partnerId: task.partnerId,
    endpointId: task.endpointId,
    status: settlement.kind === 'retry' ? 'pending' : settlement.kind,
    reason: 'reason' in settlement ? settlement.reason : null,
    event: task.event,
    attempts: settlement.attempts,
    taskId: task.taskId,
    dueAt,
  };
}
