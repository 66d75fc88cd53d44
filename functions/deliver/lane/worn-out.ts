import type { SQSRecord } from 'aws-lambda';
import type { DeliveryTask } from '../../../schemas/delivery.ts';
import { placeOf } from '../../domain/lane.ts';
import { TowercastError } from '../../shared/errors.ts';
import { receiveTask } from '../receive-task.ts';
import { readLane, type LaneDeps } from './situation.ts';

/** Whether SQS has given a message so often that any other queue would have moved it to its DLQ. */
export const isWornOut = ({ maxReceiveCount }: LaneDeps, { attributes }: SQSRecord): boolean =>
  Number(attributes.ApproximateReceiveCount) > maxReceiveCount;

/**
 * Whether a message that failed again and again belongs on the DLQ: it had its turn, so that nothing overtakes it there,
 * or it is no task at all. What never had its turn stays, and its lane with it, for as long as the storage fails: the next
 * of its group would get the earlier place.
 */
export async function isDeadLetter(deps: LaneDeps, { body }: SQSRecord): Promise<boolean> {
  const task = readTask(deps, body);
  if (task === null) return true;
  // In this order: see readStanding.
  const lane = await readLane(deps, task);
  const { kind } = placeOf(lane, await deps.store.get(task), task);
  return kind === 'head' || kind === 'past';
}

function readTask(deps: LaneDeps, body: string): DeliveryTask | null {
  try {
    return receiveTask(deps, body);
  } catch (error) {
    if (error instanceof TowercastError && error.code === 'task_unreadable') return null;
    throw error;
  }
}
