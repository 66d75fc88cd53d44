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
  /** Told of an item that is no delivery that this release knows; the others of its shard go on. */
  onUnreadable?: (key: ItemKey, error: unknown) => void;
}

/** BatchGetItem. */
const maxBatchKeys = 100;
const IndexItemSchema = z.object({ pk: z.string(), sk: z.string() });

export function createDueDeliveries(options: DueDeliveriesOptions): DueDeliveries {
  const { documents, deliveriesTable } = options;
  return {
    async due(shard, now, limit) {
      const until = dueText(now);
      const records: DeliveryRecord[] = [];
      let from: Position | undefined;
      do {
        // As many as are still wanted: what can't be read must not fill the page for good.
        const page = await queryDue(options, { shard, until, limit: limit - records.length, from });
        const read = await readRecords(options, page.keys);
        // The index lags behind the table: what was taken or ended meanwhile is left out.
        records.push(
          ...read.filter(({ status, dueAt }) => status === 'pending' && dueAt !== null && dueAt <= until),
        );
        from = page.next;
      } while (from !== undefined && records.length < limit);
      return records.sort((a, b) => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1));
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

type Position = Record<string, unknown>;

interface DueQuery {
  shard: number;
  until: string;
  limit: number;
  from: Position | undefined;
}

async function queryDue(
  { documents, deliveriesTable }: DueDeliveriesOptions,
  { shard, until, limit, from }: DueQuery,
): Promise<{ keys: ItemKey[]; next: Position | undefined }> {
  const page = await documents.send(
    new QueryCommand({
      TableName: deliveriesTable,
      IndexName: 'due',
      KeyConditionExpression: 'duePk = :shard AND dueAt <= :now',
      ExpressionAttributeValues: { ':shard': `due#${shard}`, ':now': until },
      Limit: Math.min(limit, maxBatchKeys),
      ...(from !== undefined && { ExclusiveStartKey: from }),
    }),
  );
  return { keys: (page.Items ?? []).map((item) => IndexItemSchema.parse(item)), next: page.LastEvaluatedKey };
}

/** At most 100. */
async function readRecords(options: DueDeliveriesOptions, keys: ItemKey[]): Promise<DeliveryRecord[]> {
  const { documents, deliveriesTable, onUnreadable } = options;
  const records: DeliveryRecord[] = [];
  let request: BatchGetCommandInput['RequestItems'] =
    keys.length === 0
      ? undefined
      : { [deliveriesTable]: { Keys: keys.map(({ pk, sk }) => ({ pk, sk })), ConsistentRead: true } };
  while (request !== undefined && Object.keys(request).length > 0) {
    const page: BatchGetCommandOutput = await documents.send(new BatchGetCommand({ RequestItems: request }));
    for (const item of page.Responses?.[deliveriesTable] ?? []) {
      try {
        records.push(parseDeliveryItem(item));
      } catch (error) {
        onUnreadable?.(IndexItemSchema.parse(item), error);
      }
    }
    request = page.UnprocessedKeys;
  }
  return records;
}
