import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { type DynamoDBDocumentClient, TransactWriteCommand, UpdateCommand } from './aws/documents.ts';
import type { CommitUnit } from './commit.ts';
import { deliveryRecordKey, dueText } from './delivery-item.ts';
import { dueShard } from './keys.ts';
import { isOvertaken } from './optimistic-locking.ts';

/** One delivery that was asked for again. */
export interface RetryUnit {
  /** As it was read. */
  seen: DeliveryRecord;
  now: Instant;
  /** Another item that must be stored together with it, under its own condition. */
  beside?: CommitUnit['beside'];
}

export interface DeliveryRetry {
  /**
   * Makes a delivery due now, as a replay: `timers` sends it within a minute. One write and no message, so that nothing
   * is lost in between. False when it, or what is beside it, has changed since it was read. A place that it had in a lane
   * is given up: its turn there is over, and under that number it would never be sent.
   */
  retry(unit: RetryUnit): Promise<boolean>;
}

export interface DeliveryRetryOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  /** Partitions of the due index. */
  dueShards: number;
}

/** What becomes of a delivery that is asked for again. */
export function retriedRecord({ sequence: _over, ...record }: DeliveryRecord, now: Instant): DeliveryRecord {
  const replay = { redriveId: null, attemptsBefore: record.attempts.length };
  return { ...record, status: 'pending', reason: null, replay, waitsFor: 'time', dueAt: dueText(now) };
}

export const createDeliveryRetry = (options: DeliveryRetryOptions): DeliveryRetry => ({
  async retry({ beside, ...unit }) {
    const { documents } = options;
    const update = updateOf(options, unit);
    try {
      // A transaction costs twice the write units.
      if (beside === undefined) await documents.send(new UpdateCommand(update));
      else
        await documents.send(
          new TransactWriteCommand({ TransactItems: [{ Update: update }, { Put: beside }] }),
        );
      return true;
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  },
});

function updateOf({ deliveriesTable, dueShards }: DeliveryRetryOptions, { seen, now }: RetryUnit) {
  const key = deliveryRecordKey(seen);
  const { status, reason, replay, waitsFor, dueAt } = retriedRecord(seen, now);
  return {
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
      ':pending': status,
      ':none': reason,
      ':replay': replay,
      ':time': waitsFor,
      ':duePk': dueShard(key, dueShards),
      ':dueAt': dueAt,
      ':seen': seen.status,
      ':taskId': seen.taskId,
      ':attempts': seen.attempts.length,
    },
  };
}
