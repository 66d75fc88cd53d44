import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { parseDeliveryTask } from '../../shared/delivery-task.ts';
import { processInGroups } from '../../shared/in-groups.ts';
import { deliverInLane } from './deliver-in-lane.ts';
import type { LaneDeps } from './situation.ts';

/** What is needed of Lambda's context. */
export interface RemainingTime {
  getRemainingTimeInMillis(): number;
}

/** What a task takes besides its attempt. */
const reserveMs = 5_000;

/**
 * A batch of the queue that keeps order. What there is no time left for waits in its lane, and is woken by a task of its
 * own: a message that were left to its visibility timeout would hold up its group for minutes.
 */
export function createLaneHandler(
  deps: LaneDeps,
): (event: SQSEvent, context?: RemainingTime) => Promise<SQSBatchResponse> {
  return async (event, context) =>
    processInGroups(event, async (record, isFirst) => {
      try {
        // One that comes first has all the time there ever is.
        const remainingMs = context?.getRemainingTimeInMillis() ?? Infinity;
        const hasTime = isFirst || remainingMs > deps.attemptTimeoutMs + reserveMs;
        await deliverInLane(deps, parseDeliveryTask(record.body), hasTime);
      } catch (error) {
        deps.logger.error('task failed', { messageId: record.messageId, error });
        throw error;
      }
    });
}
