import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { parseDeliveryTask } from '../shared/delivery-task.ts';
import { deliver, type DeliverDeps } from './delivery.ts';

/**
 * Makes the attempts of a batch side by side: a slow partner must not hold up its neighbours. Only tasks that must be
 * given again fail; after the queue's maxReceiveCount they go to the DLQ, as does what is no task at all.
 */
export function createHandler(deps: DeliverDeps): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const processRecord = async (record: SQSRecord): Promise<void> => {
    try {
      const task = parseDeliveryTask(record.body);
      await deliver(deps, task, Number(record.attributes.ApproximateReceiveCount));
    } catch (error) {
      deps.logger.error('task failed', { messageId: record.messageId, error });
      throw error;
    }
  };
  return (event) =>
    processPartialResponse(event, processRecord, new BatchProcessor(EventType.SQS), {
      throwOnFullBatchFailure: false,
    });
}
