import { acknowledgementOf } from '../../schemas/contract.ts';
import { summaryOf, type Attempt, type DeliveryRecord, type DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { deliveryDead, type OperationalContext } from '../domain/operational-event.ts';
import { deliveryId, laneOfId } from './keys.ts';

/** What a delivery has come to. */
export type DeliveryState = Pick<DeliveryRecord, 'status' | 'reason' | 'attempts' | 'dueAt' | 'waitsFor'>;

/** The record of a task's delivery. */
export const recordOfTask = (task: DeliveryTask, state: DeliveryState): DeliveryRecord => ({
  id: deliveryId(task.endpointId, task.event.receivedAt, task.event.id),
  partnerId: task.partnerId,
  endpointId: task.endpointId,
  event: summaryOf(task.event),
  taskId: task.taskId,
  replay: task.replay ?? null,
  ...(task.sequence !== undefined && { sequence: task.sequence }),
  ...state,
});

/**
 * Why a delivery is dead whose endpoint was deleted. Somebody wanted that, and a backlog may have thousands of them: nobody
 * is told of each.
 */
export const endpointUnknown = 'endpoint_unknown';

/** What is told together with a record: that the delivery is dead. Null when there is nothing to tell. */
export function noticeOf(record: DeliveryRecord, context: OperationalContext): DomainEvent | null {
  if (record.status !== 'dead' || record.reason === endpointUnknown) return null;
  const { id, type } = record.event;
  // What stands for another delivery has the number of that one, in its lane.
  const lane = type === 'sequence.skipped' ? null : laneOfId(id);
  return deliveryDead(record, { ...context, lane });
}

/** Whether a record is what this very task came to: one attempt more, or its end, which takes none where there is no endpoint. */
export const isOutcomeOf = (task: DeliveryTask, record: DeliveryRecord | null): record is DeliveryRecord =>
  record?.taskId === task.taskId &&
  (record.status === 'dead' || record.attempts.length === task.attempts.length + 1);

/** What follows a task, with a name and a turn of its own: it happens now. */
export function successorOf(
  { slotAt: _used, leasedUntil: _ended, yields: _over, ...task }: DeliveryTask,
  next: Pick<DeliveryTask, 'taskId' | 'attempts'>,
): DeliveryTask {
  return { ...task, ...next };
}

/** How many attempts of the schedule that is running have been made: a replay starts it anew. */
export const attemptsOfSchedule = ({ replay }: DeliveryTask, attempts: readonly Attempt[]): number =>
  attempts.length - (replay?.attemptsBefore ?? 0);

const hasAcknowledged = (attempts: readonly Attempt[]): boolean =>
  attempts.some(({ outcome }) => outcome === 'delivered');

/**
 * Then no replay can undo it, whatever it comes to. A request for what must be read acknowledges nothing; of an endpoint that
 * is gone (null) nobody knows any more which it was.
 */
export const wasAcknowledged = (
  endpoint: Pick<Endpoint, 'contract'> | null,
  attempts: readonly Attempt[],
): boolean =>
  (endpoint === null || acknowledgementOf(endpoint.contract) === 'response') && hasAcknowledged(attempts);

/** Of what waited for longer than its event is kept: nobody can send it any more. A replay of it undoes no earlier delivery. */
export function expiredRecord(
  record: DeliveryRecord,
  endpoint: Pick<Endpoint, 'contract'> | null,
): DeliveryRecord {
  const over = { ...record, dueAt: null, waitsFor: 'time' as const };
  return wasAcknowledged(endpoint, record.attempts)
    ? { ...over, status: 'delivered', reason: null }
    : { ...over, status: 'dead', reason: 'event_expired' };
}
