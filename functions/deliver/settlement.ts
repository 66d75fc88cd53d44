import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt, DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { laneGraceMs } from '../domain/lane.ts';
import { isOutcomeOf, noticeOf, recordOfTask, successorOf } from '../shared/delivery-record.ts';
import type { DeliveryStore } from '../shared/delivery-store.ts';
import type { Channel, TaskSender } from '../shared/queue.ts';

/** How a delivery goes on after a task. `attempts` are all that were made, this task's included if it made one. */
export type Settlement =
  | { kind: 'delivered'; attempts: Attempt[] }
  /**
   * In a lane, also when no attempt was made: `slotAt` is then its turn under the endpoint's limits, `via` the queue on
   * which it may be made.
   */
  | {
      kind: 'retry';
      attempts: Attempt[];
      delayMs: number;
      reason?: string;
      slotAt?: Instant | undefined;
      via?: Channel;
    }
  /** No attempt was made: its endpoint takes none now. `timers` drains the endpoint's backlog. */
  | { kind: 'parked'; attempts: Attempt[]; reason: string }
  | { kind: 'dead'; attempts: Attempt[]; reason: string }
  /** `byRequest`: somebody wanted its endpoint to get nothing. */
  | { kind: 'held'; attempts: Attempt[]; reason: string; byRequest?: boolean };

/** `dropped`: the record shows another chain ahead of this task, or delivered; the task ends without a successor. */
export type Settled = 'recorded' | 'resumed' | 'dropped';

export interface SettlementDeps {
  store: DeliveryStore;
  tasks: TaskSender;
  now: () => number;
  newTaskId: () => string;
  /** A successor that is due later waits in the due index instead of on the queue. */
  maxDelaySeconds: number;
  /** Milliseconds to the next attempt after these. */
  resumeDelayMs: (task: DeliveryTask, attempts: readonly Attempt[]) => number;
  /** Who hears of dead deliveries besides the partner. */
  operatorPartnerId: string | null;
}

export interface SettleOptions {
  /** Whether a delivered one replaces whatever is on record, which takes no condition and shares a request with others. */
  replaces?: boolean;
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
  { replaces = true }: SettleOptions = {},
): Promise<Settled> {
  const record = recordOf(deps, task, settlement);
  if (settlement.kind === 'delivered' && replaces) {
    await deps.store.put(record);
    return 'recorded';
  }
  const { operatorPartnerId, now } = deps;
  const notice = noticeOf(record, { operatorPartnerId, now: instantFromMs(now()) });
  const outcome = await deps.store.advance(record, task.attempts.length + 1, notice);
  if (outcome.kind === 'behind') return resume(deps, task, outcome.current);
  if (settlement.kind === 'retry' && delaySecondsOf(settlement) <= deps.maxDelaySeconds)
    await sendNext(deps, task, settlement, delaySecondsOf(settlement));
  return 'recorded';
}

const delaySecondsOf = ({ delayMs }: { delayMs: number }): number => Math.round(delayMs / 1_000);

/**
 * Takes up where a crash ended this same task: its record stands, its successor may never have been sent. A
 * successor too many only repeats a delivery. `dropped` when the record isn't this task's.
 */
export async function resume(
  deps: SettlementDeps,
  task: DeliveryTask,
  current: DeliveryRecord | null,
): Promise<'resumed' | 'dropped'> {
  if (!isOutcomeOf(task, current)) return 'dropped';
  if (current.status === 'pending' && current.dueAt === null) {
    const delaySeconds = Math.round(deps.resumeDelayMs(task, current.attempts) / 1_000);
    await sendNext(deps, task, current, Math.min(delaySeconds, deps.maxDelaySeconds));
  }
  return 'resumed';
}

function sendNext(
  deps: SettlementDeps,
  task: DeliveryTask,
  { attempts, slotAt, via }: Pick<Extract<Settlement, { kind: 'retry' }>, 'attempts' | 'slotAt' | 'via'>,
  delaySeconds: number,
): Promise<void> {
  const successor = successorOf(task, { taskId: deps.newTaskId(), attempts });
  const next = slotAt === undefined ? successor : { ...successor, slotAt };
  return deps.tasks.send([{ task: next, delaySeconds, ...(via !== undefined && { via }) }]);
}

const recordOf = (deps: SettlementDeps, task: DeliveryTask, settlement: Settlement): DeliveryRecord =>
  recordOfTask(task, {
    status: statusOf(settlement),
    reason: ('reason' in settlement ? settlement.reason : undefined) ?? null,
    attempts: settlement.attempts,
    waitsFor: settlement.kind === 'parked' ? 'endpoint' : 'time',
    dueAt: dueAtOf(deps, task, settlement),
  });

function statusOf({ kind }: Settlement): DeliveryRecord['status'] {
  return kind === 'retry' || kind === 'parked' ? 'pending' : kind;
}

function dueAtOf(
  { now, maxDelaySeconds }: SettlementDeps,
  task: DeliveryTask,
  settlement: Settlement,
): Instant | null {
  if (settlement.kind === 'parked') return task.event.receivedAt;
  if (settlement.kind !== 'retry') return null;
  const dueMs = now() + delaySecondsOf(settlement) * 1_000;
  if (delaySecondsOf(settlement) > maxDelaySeconds) return instantFromMs(dueMs);
  // A lane must not stand still because its head's successor came to nothing.
  return task.sequence === undefined ? null : instantFromMs(dueMs + laneGraceMs);
}
