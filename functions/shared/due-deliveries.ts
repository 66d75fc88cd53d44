import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { deliveryRecordKey, dueText, parseDeliveryItem } from './delivery-item.ts';
import type { ItemKey } from './keys.ts';
import {
  keyOf,
  queryDueKeys,
  readItems,
  type DueKeysPage,
  type Position,
  type TableOptions,
} from './read-items.ts';

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

export function createDueDeliveries(options: DueDeliveriesOptions): DueDeliveries {
  const { documents, deliveriesTable } = options;
  const table: TableOptions = { documents, table: deliveriesTable };
  return {
    async due(shard, now, limit) {
      const until = dueText(now);
      const records: DeliveryRecord[] = [];
      let from: Position | null = null;
      do {
        // As many as are still wanted: what can't be read must not fill the page for good.
        const wanted = limit - records.length;
        const page: DueKeysPage = await queryDueKeys(table, { shard, until, limit: wanted, from });
        const read = await readRecords(options, table, page.keys);
        // The index lags behind the table: what was taken or ended meanwhile is left out.
        records.push(
          ...read.filter(({ status, dueAt }) => status === 'pending' && dueAt !== null && dueAt <= until),
        );
        from = page.next;
      } while (from !== null && records.length < limit);
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

async function readRecords(
  { onUnreadable }: DueDeliveriesOptions,
  table: TableOptions,
  keys: readonly ItemKey[],
): Promise<DeliveryRecord[]> {
  const records: DeliveryRecord[] = [];
  for (const item of await readItems(table, keys)) {
    try {
      records.push(parseDeliveryItem(item));
    } catch (error) {
      onUnreadable?.(keyOf(item), error);
    }
  }
  return records;
}
