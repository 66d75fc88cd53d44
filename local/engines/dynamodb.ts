import { isDeepStrictEqual } from 'node:util';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ResourceNotFoundException,
  type TableDescription,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { StartError } from '../start-error.ts';

const KeySchema = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const IndexSchema = z.strictObject({
  IndexName: z.string(),
  KeySchema,
  Projection: z.strictObject({
    ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
    NonKeyAttributes: z.array(z.string()).optional(),
  }),
});

/** Properties of AWS::DynamoDB::Table: what runs here, and what only a managed service has, as unknown. */
export const TableSchema = z.strictObject({
  TableName: z.string().optional(),
  AttributeDefinitions: z.array(
    z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }),
  ),
  KeySchema,
  BillingMode: z.literal('PAY_PER_REQUEST'),
  GlobalSecondaryIndexes: z.array(IndexSchema).default([]),
  StreamSpecification: z
    .strictObject({
      StreamViewType: z.enum(['NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY']),
    })
    .optional(),
  TimeToLiveSpecification: z.strictObject({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
  DeletionProtectionEnabled: z.unknown().optional(),
  PointInTimeRecoverySpecification: z.unknown().optional(),
  SSESpecification: z.unknown().optional(),
  Tags: z.unknown().optional(),
});
export type TableProperties = z.infer<typeof TableSchema>;

/**
 * Creates a table unless it is there. An existing one keeps its data, and must have the keys and indexes that the
 * template says. Throws StartError otherwise, and when the engine doesn't answer.
 */
export async function ensureTable(
  client: DynamoDBClient,
  name: string,
  table: TableProperties,
): Promise<void> {
  const existing = await describe(client, name);
  if (existing) assertSameShape(name, existing, table);
  else await create(client, name, table);
  const ttl = table.TimeToLiveSpecification;
  if (!ttl?.Enabled) return;
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  if (TimeToLiveDescription?.AttributeName !== ttl.AttributeName)
    await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: ttl }));
}

/** ARN of the table's stream, as the engine names it. */
export async function streamArn(client: DynamoDBClient, table: string): Promise<string> {
  const arn = (await describe(client, table))?.LatestStreamArn;
  if (arn !== undefined) return arn;
  throw new StartError('no_stream', `the template maps the stream of ${table}, which has none`);
}

async function describe(client: DynamoDBClient, name: string): Promise<TableDescription | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw new StartError(
      'engine_unreachable',
      `the DynamoDB engine does not answer (${error instanceof Error ? error.message || error.name : 'unknown error'}): check DYNAMODB_ENDPOINT`,
      { cause: error },
    );
  }
}

async function create(client: DynamoDBClient, name: string, table: TableProperties): Promise<void> {
  const { StreamSpecification, GlobalSecondaryIndexes } = table;
  await client.send(
    new CreateTableCommand({
      TableName: name,
      AttributeDefinitions: table.AttributeDefinitions,
      KeySchema: table.KeySchema,
      BillingMode: table.BillingMode,
      ...(GlobalSecondaryIndexes.length === 0
        ? {}
        : {
            GlobalSecondaryIndexes: GlobalSecondaryIndexes.map(indexOf),
          }),
      ...(StreamSpecification
        ? { StreamSpecification: { StreamEnabled: true, ...StreamSpecification } }
        : {}),
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { TableName: name });
}

/** Absent is not the same as undefined to the SDK's types. */
const indexOf = ({ IndexName, KeySchema, Projection }: z.infer<typeof IndexSchema>) => ({
  IndexName,
  KeySchema,
  Projection: {
    ProjectionType: Projection.ProjectionType,
    ...(Projection.NonKeyAttributes ? { NonKeyAttributes: Projection.NonKeyAttributes } : {}),
  },
});

function assertSameShape(name: string, existing: TableDescription, wanted: TableProperties): void {
  const is = shapeOf(existing.KeySchema, existing.GlobalSecondaryIndexes ?? []);
  if (!isDeepStrictEqual(is, shapeOf(wanted.KeySchema, wanted.GlobalSecondaryIndexes)))
    throw new StartError(
      'table_changed',
      `the data folder holds ${name} with other keys or indexes than the template: start over with --fresh, or choose another --data DIR`,
    );
}

interface Index {
  readonly IndexName?: string | undefined;
  readonly KeySchema?: unknown;
}

const shapeOf = (keys: unknown, indexes: readonly Index[]) => ({
  keys,
  indexes: Object.fromEntries(indexes.map(({ IndexName = '', KeySchema }) => [IndexName, KeySchema])),
});
