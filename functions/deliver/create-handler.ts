import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Channel } from '../shared/queue.ts';
import { idsOfMessage } from '../shared/task-ids.ts';
import { deliver } from './delivery.ts';
import { deliverInLane } from './lane/deliver-in-lane.ts';
import { createLaneHandler, type RemainingTime } from './lane/lane-handler.ts';
import type { LaneDeps } from './lane/situation.ts';
import { receiveTask } from './receive-task.ts';

export interface DeliverHandlerDeps extends LaneDeps {
  /** Which queue a message came from. */
  channelOf: (queueArn: string) => Channel;
}

/**
 * Makes the attempts of a batch side by side: a slow partner must not hold up its neighbours. Only tasks that must be
 * given again fail; after the queue's maxReceiveCount they go to the DLQ, as does what is no task at all. What must keep
 * an order has a queue of its own, and so batches of its own, until it has its number.
 */
export function createHandler(
  deps: DeliverHandlerDeps,
): (event: SQSEvent, context?: RemainingTime) => Promise<SQSBatchResponse> {
  const handleLanes = createLaneHandler(deps);
  const processRecord = async (record: SQSRecord): Promise<void> => {
    try {
      const task = receiveTask(deps, record.body);
      const count = Number(record.attributes.ApproximateReceiveCount);
      const channel = deps.channelOf(record.eventSourceARN);
      // A slow endpoint's turn in its lane. All of a batch begin at once, so that there is time.
      if (channel === 'slow' && task.sequence !== undefined)
        await deliverInLane(deps, task, { channel, hasTime: true });
      else await deliver(deps, task, { channel, count });
    } catch (error) {
      deps.metrics.addMetric('TasksFailed', 'Count', 1);
      deps.logger.error('task failed', { ...idsOfMessage(record), error });
      throw error;
    }
  };
  return (event, context) =>
    event.Records.some((record) => deps.channelOf(record.eventSourceARN) === 'ordered')
      ? handleLanes(event, context)
      : processPartialResponse(event, processRecord, new BatchProcessor(EventType.SQS), {
          throwOnFullBatchFailure: false,
        });
}
