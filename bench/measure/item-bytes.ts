import { DynamoDBClient, paginateScan, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { LocalStack } from '../../local/local-stack.ts';

export interface TableBytes {
  items: number;
  bytes: number;
  largest: number;
}

/** How large a table's items are, as DynamoDB counts, about: names and values, and a little for each nesting. */
export async function measureTable(stack: LocalStack, logicalId: string): Promise<TableBytes> {
  const client = new DynamoDBClient({ ...stack.aws, endpoint: stack.addresses.dynamodb });
  const total: TableBytes = { items: 0, bytes: 0, largest: 0 };
  for await (const { Items = [] } of paginateScan({ client }, { TableName: stack.tables[logicalId] }))
    for (const item of Items) {
      const bytes = itemBytes(item);
      total.items += 1;
      total.bytes += bytes;
      total.largest = Math.max(total.largest, bytes);
    }
  client.destroy();
  return total;
}

/** Without the 100 bytes that only storage charges for. */
export const itemBytes = (map: Record<string, AttributeValue>): number =>
  Object.entries(map).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

/** Source: DynamoDB, "Item sizes and formats". */
function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, each) => sum + 1 + valueBytes(each), 0);
  if (value.M !== undefined) return 3 + itemBytes(value.M) + Object.keys(value.M).length;
  if (value.SS !== undefined) return value.SS.reduce((sum, each) => sum + Buffer.byteLength(each), 3);
  return 1;
}
