import { CreateTableCommand, DynamoDBClient, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { startDynoxide } from '../../../local/engines/dynoxide.ts';

/** The entities and events tables on a real engine, in memory. */
export interface Tables extends AsyncDisposable {
  documents: DynamoDBDocumentClient;
  /** Another client, with middleware of its own. */
  connect(): DynamoDBDocumentClient;
  entitiesTable: string;
  eventsTable: string;
  dueShards: number;
  retentionDays: number;
  /** Every item of a table, unparsed. */
  scan(table: string): Promise<Record<string, unknown>[]>;
  put(table: string, item: Record<string, unknown>): Promise<void>;
  /** Names of the commands that were sent since the last call, in order. */
  takeRequests(): string[];
}

const keySchema = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: 'HASH' as const },
  { AttributeName: range, KeyType: 'RANGE' as const },
];

const tableOf = (
  TableName: string,
  indexes: readonly [string, string, string][] = [],
): CreateTableCommandInput => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: keySchema('pk', 'sk'),
  AttributeDefinitions: ['pk', 'sk', ...indexes.flatMap(([, hash, range]) => [hash, range])].map((name) => ({
    AttributeName: name,
    AttributeType: 'S',
  })),
  ...(indexes.length > 0 && {
    GlobalSecondaryIndexes: indexes.map(([IndexName, hash, range]) => ({
      IndexName,
      KeySchema: keySchema(hash, range),
      Projection: { ProjectionType: 'KEYS_ONLY' },
    })),
  }),
});

export async function startTables(): Promise<Tables> {
  const dynoxide = await startDynoxide();
  const connect = () =>
    DynamoDBDocumentClient.from(
      new DynamoDBClient({
        endpoint: dynoxide.endpoint,
        region: 'eu-central-1',
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      }),
      { marshallOptions: { removeUndefinedValues: true } },
    );
  const documents = connect();
  const indexes: [string, string, string][] = [
    ['byPartner', 'listPk', 'listSk'],
    ['due', 'duePk', 'dueAt'],
  ];
  await documents.send(new CreateTableCommand(tableOf('entities', indexes)));
  await documents.send(new CreateTableCommand(tableOf('events')));
  let requests: string[] = [];
  documents.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        requests.push(commandName ?? '');
        return next(args);
      },
    { step: 'initialize', name: 'countRequests' },
  );
  return {
    documents,
    connect,
    entitiesTable: 'entities',
    eventsTable: 'events',
    dueShards: 4,
    retentionDays: 90,
    async scan(table) {
      const { Items } = await documents.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
      return Items ?? [];
    },
    async put(table, item) {
      await documents.send(new PutCommand({ TableName: table, Item: item }));
    },
    takeRequests() {
      const taken = requests;
      requests = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      documents.destroy();
      await dynoxide.stop();
    },
  };
}
