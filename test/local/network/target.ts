import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { ensureTable, type TableProperties } from '../../../local/engines/dynamodb.ts';
import { startDynoxide } from '../../../local/engines/dynoxide.ts';
import { startHttpServer } from '../../../local/engines/http-server.ts';
import { createKms } from '../../../local/engines/kms.ts';
import type { NetworkTarget } from '../../../local/network/store.ts';

/** The two engines that a network is loaded into, and what they hold. */
export interface Target extends NetworkTarget {
  /** Every item of a table, unparsed. */
  items(table: 'entities-test' | 'events-test'): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const secretsKeyArn = 'arn:aws:kms:eu-central-1:000000000000:key/secrets';

export async function startTarget(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'towercast-network-'));
  const [dynoxide, http] = await Promise.all([
    startDynoxide(),
    startHttpServer(0, [createKms(join(folder, 'key'), secretsKeyArn)]),
  ]);
  const aws = {
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const client = new DynamoDBClient({ ...aws, endpoint: dynoxide.endpoint });
  await ensureTable(
    client,
    'entities-test',
    table(['byPartner', 'listPk', 'listSk'], ['due', 'duePk', 'dueAt']),
  );
  await ensureTable(client, 'events-test', table());
  const documents = DynamoDBDocumentClient.from(client);
  return {
    aws,
    secretsKeyArn,
    addresses: {
      mqtt: '',
      api: '',
      oidc: '',
      iotData: '',
      sqs: '',
      s3: '',
      dynamodb: dynoxide.endpoint,
      kms: http.endpoint,
    },
    functionEnvironment: () => ({
      ENTITIES_TABLE: 'entities-test',
      EVENTS_TABLE: 'events-test',
      DUE_SHARDS: '4',
      GRACE_HOURS: '48',
      RETENTION_DAYS: '90',
    }),
    async items(name) {
      const items: Record<string, unknown>[] = [];
      for await (const page of paginateScan({ client: documents }, { TableName: name }))
        items.push(...(page.Items ?? []));
      return items;
    },
    async stop() {
      client.destroy();
      await Promise.all([dynoxide.stop(), http.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type IndexName = [name: string, partitionKey: string, sortKey: string];

const keys = (partitionKey: string, sortKey: string): TableProperties['KeySchema'] => [
  { AttributeName: partitionKey, KeyType: 'HASH' },
  { AttributeName: sortKey, KeyType: 'RANGE' },
];

function table(...indexes: IndexName[]): TableProperties {
  return {
    AttributeDefinitions: ['pk', 'sk', ...indexes.flatMap(([, ...names]) => names)].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: keys('pk', 'sk'),
    BillingMode: 'PAY_PER_REQUEST',
    GlobalSecondaryIndexes: indexes.map(([IndexName, partitionKey, sortKey]) => ({
      IndexName,
      KeySchema: keys(partitionKey, sortKey),
      Projection: { ProjectionType: 'KEYS_ONLY' },
    })),
    DeletionProtectionEnabled: false,
    PointInTimeRecoverySpecification: {},
    SSESpecification: {},
    Tags: [],
  };
}
