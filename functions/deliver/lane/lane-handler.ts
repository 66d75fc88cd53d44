import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { processInGroups } from '../../shared/in-groups.ts';
import { deliverInLane } from './deliver-in-lane.ts';
import { idsOfMessage } from '../../shared/task-ids.ts';
import { receiveTask } from '../receive-task.ts';
import type { LaneDeps } from './situation.ts';
import { isDeadLetter, isWornOut } from './worn-out.ts';

/** What is needed of Lambda's context. */
export interface RemainingTime {
  getRemainingTimeInMillis(): number;
}

/** What a task takes besides its attempt. */
const reserveMs = 5_000;

/**
 * A batch of the queue that keeps order. What there is no time left for waits in its lane, and is woken by a task of its
 * own: a message that were left to its visibility timeout would hold up its group for minutes. What failed too often
 * leaves the queue only if nothing can overtake it then, so that is decided here and not by SQS.
 */
export function createLaneHandler(
  deps: LaneDeps,
): (event: SQSEvent, context?: RemainingTime) => Promise<SQSBatchResponse> {
  return async (event, context) =>
    processInGroups(event, async (record, isFirst) => {
      // One that comes first has all the time there ever is.
      const remainingMs = context?.getRemainingTimeInMillis() ?? Infinity;
      const hasTime = isFirst || remainingMs > deps.attemptTimeoutMs + reserveMs;
      try {
        await processMessage(deps, record, hasTime);
      } catch (error) {
        noteFailure(deps, record, error);
        throw error;
      }
    });
}

/** What was given too often and is still here holds up its lane. The group's name begins with the endpoint's. */
function noteFailure(deps: LaneDeps, record: SQSRecord, error: unknown): void {
  const isHeldUp = isWornOut(deps, record);
  deps.metrics.addMetric('TasksFailed', 'Count', 1);
  if (isHeldUp) deps.metrics.addMetric('LaneTasksHeldUp', 'Count', 1);
  const group = record.attributes.MessageGroupId;
  deps.logger.error(isHeldUp ? 'lane held up' : 'task failed', { ...idsOfMessage(record), group, error });
}

async function processMessage(deps: LaneDeps, record: SQSRecord, hasTime: boolean): Promise<void> {
  if (isWornOut(deps, record) && (await isDeadLetter(deps, record))) {
    await deps.handOver(record);
    const group = record.attributes.MessageGroupId;
    deps.logger.error('task handed to the DLQ', { ...idsOfMessage(record), group });
    return;
  }
  await deliverInLane(deps, receiveTask(deps, record.body), { channel: 'ordered', hasTime });
}
