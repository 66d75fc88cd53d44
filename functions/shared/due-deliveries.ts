import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  QueryCommand,
  UpdateCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { deliveryRecordKey, dueText, parseDeliveryItem } from './delivery-item.ts';
import type { ItemKey } from './keys.ts';

export interface DueDeliveries {
  /** Pending deliveries of a shard that are due, the longest overdue first, at most `limit`. */
  due(shard: number, now: Instant, limit: number): Promise<DeliveryRecord[]>;
  /**
   * Takes a due delivery: moves its `dueAt` to `until`, so that it comes back if whoever took it dies. False when
   * it was taken, sent or ended meanwhile.
   */
  lease(record: DeliveryRecord, until: Instant): Promise<boolean>;
}

export interface DueDeliveriesOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
}

/** BatchGetItem. */
const maxBatchKeys = 100;
const IndexItemSchema = z.object({ pk: z.string(), sk: z.string() });

export function createDueDeliveries({ documents, deliveriesTable }: DueDeliveriesOptions): DueDeliveries {
  return {
    async due(shard, now, limit) {
      const keys = await queryDue({ documents, deliveriesTable }, shard, now, limit);
      const records: DeliveryRecord[] = [];
      for (let start = 0; start < keys.length; start += maxBatchKeys) {
        const batch = keys.slice(start, start + maxBatchKeys);
        records.push(...(await readRecords({ documents, deliveriesTable }, batch)));
      }
      const until = dueText(now);
      // The index lags behind the table: what was taken or ended meanwhile is left out.
      return records
        .filter(({ status, dueAt }) => status === 'pending' && dueAt !== null && dueAt <= until)
        .sort((a, b) => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1));
    },
    async lease(record, until) {
      try {
        await documents.send(
          new UpdateCommand({
            TableName: deliveriesTable,
            Key: deliveryRecordKey(record),
            UpdateExpression: 'SET dueAt = :until',
            ConditionExpression: '#status = :pending AND dueAt = :seen',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':until': dueText(until),
              ':pending': 'pending',
              ':seen': record.dueAt,
            },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}

async function queryDue(
  { documents, deliveriesTable }: DueDeliveriesOptions,
  shard: number,
  now: Instant,
  limit: number,
): Promise<ItemKey[]> {
  const keys: ItemKey[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await documents.send(
      new QueryCommand({
        TableName: deliveriesTable,
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :shard AND dueAt <= :now',
        ExpressionAttributeValues: { ':shard': `due#${shard}`, ':now': dueText(now) },
        Limit: limit - keys.length,
        ...(from !== undefined && { ExclusiveStartKey: from }),
      }),
    );
    keys.push(...(page.Items ?? []).map((item) => IndexItemSchema.parse(item)));
    from = page.LastEvaluatedKey;
  } while (from !== undefined && keys.length < limit);
  return keys;
}

async function readRecords(
  { documents, deliveriesTable }: DueDeliveriesOptions,
  keys: ItemKey[],
): Promise<DeliveryRecord[]> {
  const records: DeliveryRecord[] = [];
  let request: BatchGetCommandInput['RequestItems'] = {
    [deliveriesTable]: { Keys: keys.map(({ pk, sk }) => ({ pk, sk })), ConsistentRead: true },
  };
  while (request !== undefined && Object.keys(request).length > 0) {
    const page: BatchGetCommandOutput = await documents.send(new BatchGetCommand({ RequestItems: request }));
    records.push(...(page.Responses?.[deliveriesTable] ?? []).map(parseDeliveryItem));
    request = page.UnprocessedKeys;
  }
  return records;
}
