import { acknowledgementOf } from '../../schemas/contract.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { summaryOf, type Attempt, type DeliveryRecord, type DeliveryTask } from '../../schemas/delivery.ts';
import { deliveryDead } from '../domain/operational-event.ts';
import type { DeliveryStore } from '../shared/delivery-store.ts';
import { deliveryId } from '../shared/keys.ts';
import { nextDelayMs } from '../shared/retry-schedule.ts';

export interface FileDeliveryDeps {
  store: Pick<DeliveryStore, 'advance'>;
  /** Who hears of dead deliveries besides the partner. */
  operatorPartnerId: string | null;
  now: () => number;
  random: () => number;
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
  const { replay = null } = task;
  const dueAt = nextDue(deps, scheduleSeconds, attempts.length - (replay?.attemptsBefore ?? 0));
  const end = wasAcknowledged(task, endpoint) ? 'delivered' : 'dead';
  const record: DeliveryRecord = {
    id: deliveryId(task.endpointId, task.event.receivedAt, task.event.id),
    partnerId: task.partnerId,
    endpointId: task.endpointId,
    status: dueAt === null ? end : 'pending',
    reason: dueAt === null && end === 'dead' ? crashed.reason : null,
    event: summaryOf(task.event),
    attempts,
    taskId: task.taskId,
    dueAt,
    waitsFor: 'time',
    replay,
    ...(task.sequence !== undefined && { sequence: task.sequence }),
  };
  const { operatorPartnerId } = deps;
  const notice =
    record.status === 'dead'
      ? deliveryDead(record, { operatorPartnerId, now: instantFromMs(deps.now()) })
      : null;
  const outcome = await deps.store.advance(record, attempts.length, notice);
  if (outcome.kind === 'behind') return takeUp(deps, task, outcome.current, dueAt);
  if (dueAt !== null) return 'rescheduled';
  return end === 'dead' ? 'dead' : 'kept';
}

/** What is acknowledged by reading was not by any response. */
const wasAcknowledged = ({ attempts }: DeliveryTask, endpoint: Endpoint | null): boolean =>
  (endpoint === null || acknowledgementOf(endpoint.contract) === 'response') &&
  attempts.some(({ outcome }) => outcome === 'delivered');

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
  if (
    current === null ||
    current.taskId !== task.taskId ||
    current.attempts.length !== task.attempts.length + 1
  )
    return 'dropped';
  if (current.status !== 'pending' || current.dueAt !== null) return 'dropped';
  const taken = { ...current, dueAt: dueAt ?? instantFromMs(deps.now()) };
  const outcome = await deps.store.advance(taken, current.attempts.length + 1);
  return outcome.kind === 'written' ? 'rescheduled' : 'dropped';
}

function nextDue(
  { now, random }: FileDeliveryDeps,
  scheduleSeconds: readonly number[],
  attemptsMade: number,
): string | null {
  const delayMs = nextDelayMs({ scheduleSeconds, attemptsMade, retryAfterMs: null, random });
  return delayMs === null ? null : instantFromMs(Math.round(now() + delayMs));
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
