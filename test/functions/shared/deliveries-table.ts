import { startTables, type Tables } from './tables.ts';

/** The deliveries table beside the others. */
export async function startDeliveriesTable(): Promise<Tables & { deliveriesTable: string }> {
  const tables = await startTables();
  const names = ['pk', 'sk', 'duePk', 'dueAt'];
  await tables.createTable({
    TableName: 'deliveries',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'due',
        KeySchema: [
          { AttributeName: 'duePk', KeyType: 'HASH' },
          { AttributeName: 'dueAt', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  });
  tables.takeRequests();
  return Object.assign(tables, { deliveriesTable: 'deliveries' });
}
