import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from './aws/documents.ts';
import { deliveryRecordKey, parseDeliveryItem } from './delivery-item.ts';
import { parseDeliveryId } from './keys.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';
import { listUndelivered, type UndeliveredQuery } from './undelivered-list.ts';

export interface DeliveryReader {
  /** Null when there is none, or the id is no delivery id. */
  get(deliveryId: string): Promise<DeliveryRecord | null>;
  /** An endpoint's deliveries of one day of receipt (`2026-03-20`), newest first. */
  listByDay(endpointId: string, day: string, page: PageRequest): Promise<Page<DeliveryRecord>>;
  /** What an endpoint has dead or held, of one day of receipt or of all, newest first. The index lags by moments. */
  listUndelivered(query: UndeliveredQuery, page: PageRequest): Promise<Page<DeliveryRecord>>;
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
      const queried = { rows: Items.map(parseDeliveryItem), isCut: LastEvaluatedKey !== undefined };
      return cutPage(queried, limit, (record) => deliveryRecordKey(record).sk);
    },
    listUndelivered: async (query, page) =>
      listUndelivered({ documents, table: deliveriesTable }, query, page),
  };
}
