import { CreateTableCommand, DynamoDBClient, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import {
  createDocuments,
  PutCommand,
  ScanCommand,
  type DynamoDBDocumentClient,
} from '../../../functions/shared/aws/documents.ts';
import type { Transport } from '../../../functions/shared/aws/transport.ts';
import { startDynoxide } from '../../../local/engines/dynoxide.ts';

/** The entities and events tables on a real engine, in memory. */
export interface Tables extends AsyncDisposable {
  /** Of the engine, for clients in other processes. */
  endpoint: string;
  documents: DynamoDBDocumentClient;
  /** Another client, with something between it and the engine. */
  connect(transport?: (network: Transport) => Transport): DynamoDBDocumentClient;
  createTable(input: CreateTableCommandInput): Promise<void>;
  entitiesTable: string;
  eventsTable: string;
  dueShards: number;
  retentionDays: number;
  /** Every item of a table, unparsed. */
  scan(table: string): Promise<Record<string, unknown>[]>;
  put(table: string, item: Record<string, unknown>): Promise<void>;
  /** The operations that were asked for since the last call, in order. */
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
  const place = {
    endpoint: dynoxide.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const connect: Tables['connect'] = (transport) =>
    createDocuments({ ...place, ...(transport !== undefined && { transport }) });
  const network = connect();
  const administration = new DynamoDBClient(place);
  const createTable = async (input: CreateTableCommandInput) => {
    await administration.send(new CreateTableCommand(input));
  };
  const indexes: [string, string, string][] = [
    ['byPartner', 'listPk', 'listSk'],
    ['due', 'duePk', 'dueAt'],
  ];
  await createTable(tableOf('entities', indexes));
  await createTable(tableOf('events'));
  let requests: string[] = [];
  const documents: DynamoDBDocumentClient = {
    async send(command) {
      requests.push(command.operation);
      return network.send(command);
    },
    destroy: () => network.destroy(),
  };
  return {
    endpoint: dynoxide.endpoint,
    documents,
    connect,
    createTable,
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
      administration.destroy();
      await dynoxide.stop();
    },
  };
}
