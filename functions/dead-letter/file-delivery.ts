import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt, DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import {
  attemptsOfSchedule,
  isOutcomeOf,
  noticeOf,
  recordOfTask,
  wasAcknowledged,
} from '../shared/delivery-record.ts';
import type { DeliveryStore } from '../shared/delivery-store.ts';
import { nextAttempt } from '../shared/retry-schedule.ts';

export interface FileDeliveryDeps {
  store: Pick<DeliveryStore, 'advance'>;
  /** Who hears of dead deliveries besides the partner. */
  operatorPartnerId: string | null;
  now: () => number;
  random: () => number;
  /** Of deliveries, from the receipt of their events. */
  retentionDays: number;
}

/** `kept`: a replay that failed for good undoes no earlier delivery. `dropped`: the delivery is further than this task, or delivered. */
export type Filed = 'rescheduled' | 'dead' | 'kept' | 'dropped';

/**
 * Files a task that the function could not process. That counts as an attempt, and the delivery waits in the due
 * index for the next one while its schedule has any; without, it is dead.
 */
export async function fileDelivery(
  deps: FileDeliveryDeps,
  task: DeliveryTask,
  { endpoint, scheduleSeconds }: { endpoint: Endpoint | null; scheduleSeconds: readonly number[] },
): Promise<Filed> {
  const crashed = crashedAttempt(task.attempts.length + 1, deps.now());
  const attempts = [...task.attempts, crashed];
  const { now, random, retentionDays } = deps;
  const next = nextAttempt({
    scheduleSeconds,
    attemptsMade: attemptsOfSchedule(task, attempts),
    retryAfterMs: null,
    random,
    nowMs: now(),
    receivedAt: task.event.receivedAt,
    retentionDays,
  });
  const dueAt = next.kind === 'in' ? instantFromMs(Math.round(now() + next.delayMs)) : null;
  const reason = next.kind === 'too-late' ? 'event_expired' : crashed.reason;
  const end = wasAcknowledged(endpoint, attempts) ? 'delivered' : 'dead';
  const record = recordOfTask(task, {
    status: dueAt === null ? end : 'pending',
    reason: dueAt === null && end === 'dead' ? reason : null,
    attempts,
    dueAt,
    waitsFor: 'time',
  });
  const { operatorPartnerId } = deps;
  const notice = noticeOf(record, { operatorPartnerId, now: instantFromMs(deps.now()) });
  const outcome = await deps.store.advance(record, attempts.length, notice);
  if (outcome.kind === 'behind') return takeUp(deps, task, outcome.current, dueAt);
  if (dueAt !== null) return 'rescheduled';
  return end === 'dead' ? 'dead' : 'kept';
}

/**
 * The task may have got as far as its record, and crashed each time before its successor was sent: then nobody else
 * will send it. If it was sent after all, one attempt too many is made.
 */
async function takeUp(
  deps: FileDeliveryDeps,
  task: DeliveryTask,
  current: DeliveryRecord | null,
  dueAt: string | null,
): Promise<Filed> {
  if (!isOutcomeOf(task, current)) return 'dropped';
  if (current.status !== 'pending' || current.dueAt !== null) return 'dropped';
  const taken = { ...current, dueAt: dueAt ?? instantFromMs(deps.now()) };
  const outcome = await deps.store.advance(taken, current.attempts.length + 1);
  return outcome.kind === 'written' ? 'rescheduled' : 'dropped';
}

const crashedAttempt = (number: number, nowMs: number): Attempt => ({
  number,
  at: instantFromMs(nowMs),
  outcome: 'crashed',
  status: null,
  reason: 'function_failed',
  durationMs: 0,
  peerAddress: null,
  connection: null,
  times: null,
  requestSha256: null,
  responseSha256: null,
  responseExcerpt: null,
});
