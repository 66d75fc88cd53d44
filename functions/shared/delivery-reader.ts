import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from './aws/documents.ts';
import { deliveryRecordKey, parseDeliveryItem } from './delivery-item.ts';
import { parseDeliveryId } from './keys.ts';
import type { Page, PageRequest } from './page.ts';

export interface DeliveryReader {
  /** Null when there is none, or the id is no delivery id. */
  get(deliveryId: string): Promise<DeliveryRecord | null>;
  /** An endpoint's deliveries of one day of receipt (`2026-03-20`), newest first. */
  listByDay(endpointId: string, day: string, page: PageRequest): Promise<Page<DeliveryRecord>>;
}

export function createDeliveryReader(options: {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
}): DeliveryReader {
  const { documents, deliveriesTable } = options;
  return {
    async get(deliveryId) {
      const key = parseDeliveryId(deliveryId);
      if (key === null) return null;
      const { Item } = await documents.send(
        new GetCommand({ TableName: deliveriesTable, Key: key, ConsistentRead: true }),
      );
      return Item === undefined ? null : parseDeliveryItem(Item);
    },
    async listByDay(endpointId, day, { limit, after }) {
      const { Items = [], LastEvaluatedKey } = await documents.send(
        new QueryCommand({
          TableName: deliveriesTable,
          KeyConditionExpression: `pk = :pk${after === null ? '' : ' AND sk < :after'}`,
          ExpressionAttributeValues: {
            ':pk': `${endpointId}#${day}`,
            ...(after !== null && { ':after': after }),
          },
          ScanIndexForward: false,
          Limit: limit + 1,
          ConsistentRead: true,
        }),
      );
      const records = Items.map(parseDeliveryItem);
      const items = records.slice(0, limit);
      const last = items.at(-1);
      // A query also ends at 1 MB, before its limit.
      const more = records.length > limit || (LastEvaluatedKey !== undefined && records.length > 0);
      return { items, next: more && last !== undefined ? deliveryRecordKey(last).sk : null };
    },
  };
}
