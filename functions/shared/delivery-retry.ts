import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  UpdateCommand,
} from './aws/documents.ts';
import { deliveryRecordKey, dueText } from './delivery-item.ts';
import { dueShard } from './keys.ts';

export interface DeliveryRetry {
  /**
   * Makes a delivery due now, as a replay: `timers` sends it within a minute. One write and no message, so that nothing
   * is lost in between. Gives the record as it stands then, or null when it has changed since it was read. A place that
   * it had in a lane is given up: its turn there is over, and under that number it would never be sent.
   */
  retry(record: DeliveryRecord, now: Instant): Promise<DeliveryRecord | null>;
}

export interface DeliveryRetryOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  /** Partitions of the due index. */
  dueShards: number;
}

export const createDeliveryRetry = (options: DeliveryRetryOptions): DeliveryRetry => ({
  async retry(record, now) {
    const { documents, deliveriesTable, dueShards } = options;
    const key = deliveryRecordKey(record);
    const replay = { redriveId: null, attemptsBefore: record.attempts.length };
    const dueAt = dueText(now);
    try {
      await documents.send(
        new UpdateCommand({
          TableName: deliveriesTable,
          Key: key,
          UpdateExpression:
            'SET #status = :pending, #reason = :none, #replay = :replay, waitsFor = :time, duePk = :duePk, dueAt = :dueAt ' +
            'REMOVE #sequence',
          ConditionExpression: '#status = :seen AND taskId = :taskId AND size(attempts) = :attempts',
          ExpressionAttributeNames: {
            '#status': 'status',
            '#reason': 'reason',
            '#replay': 'replay',
            '#sequence': 'sequence',
          },
          ExpressionAttributeValues: {
            ':pending': 'pending',
            ':none': null,
            ':replay': replay,
            ':time': 'time',
            ':duePk': dueShard(key, dueShards),
            ':dueAt': dueAt,
            ':seen': record.status,
            ':taskId': record.taskId,
            ':attempts': record.attempts.length,
          },
        }),
      );
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return null;
      throw error;
    }
    const { sequence: _over, ...rest } = record;
    return { ...rest, status: 'pending', reason: null, replay, waitsFor: 'time', dueAt };
  },
});
