import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ensureTable, streamArn, TableSchema } from '../../../local/engines/dynamodb.ts';
import { type Dynoxide, startDynoxide } from '../../../local/engines/dynoxide.ts';
import { aws } from '../../../local/engines/engines.ts';
import type { Json } from '../../../local/intrinsics.ts';
import { StreamMappingSchema } from '../../../local/mappings/mapping-properties.ts';
import { startStreamMapping } from '../../../local/mappings/stream.ts';
import { waitFor } from '../../helpers/stack-process.ts';
import { resultOf, type Scripted, throws } from './scripted-invoke.ts';

const EventSchema = z.object({
  Records: z.array(
    z.object({
      eventSource: z.literal('aws:dynamodb'),
      dynamodb: z.object({
        SequenceNumber: z.string(),
        ApproximateCreationDateTime: z.number(),
        NewImage: z.object({
          pk: z.object({ S: z.string() }),
          bytes: z.object({ B: z.string() }).optional(),
        }),
      }),
    }),
  ),
});
type Records = z.infer<typeof EventSchema>['Records'];

const namesOf = (records: Records) => records.map(({ dynamodb }) => dynamodb.NewImage.pk.S);

let engine: Dynoxide;
let folder: string;
let dynamodb: DynamoDBClient;
let streams: DynamoDBStreamsClient;
let table: string;
let tables = 0;

beforeAll(async () => {
  engine = await startDynoxide();
  folder = await mkdtemp(path.join(tmpdir(), 'towercast-stream-'));
  dynamodb = new DynamoDBClient({ ...aws, endpoint: engine.endpoint });
  streams = new DynamoDBStreamsClient({ ...aws, endpoint: engine.endpoint });
});

afterAll(async () => {
  dynamodb.destroy();
  streams.destroy();
  await engine.stop();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  table = `things-${++tables}`;
  const properties = TableSchema.parse({
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
  });
  await ensureTable(dynamodb, table, properties);
});

async function put(...names: string[]): Promise<void> {
  for (const name of names)
    await dynamodb.send(
      new PutItemCommand({
        TableName: table,
        Item: { pk: { S: name }, bytes: { B: Buffer.from([255, 0]) } },
      }),
    );
}

/** Starts a mapping whose function answers as `respond` says; collects what it was invoked with. */
async function start(
  respond: (records: Records, invocation: number) => Scripted | Promise<Scripted>,
  properties: object = {},
) {
  const invoked: string[][] = [];
  const parked: Json[] = [];
  const mapping = startStreamMapping({
    client: streams,
    streamArn: await streamArn(dynamodb, table),
    properties: StreamMappingSchema.parse({
      EventSourceArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/things/stream/latest',
      FunctionName: 'f',
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 1,
      ...properties,
    }),
    functionArn: 'arn:f',
    invoke: async (event) => {
      const { Records } = EventSchema.parse(event);
      invoked.push(namesOf(Records));
      return resultOf(await respond(Records, invoked.length));
    },
    park: async (envelope) => {
      parked.push(envelope);
    },
    checkpointFile: path.join(folder, `${table}.json`),
    log: () => undefined,
    idleMs: 5,
  });
  return { mapping, invoked, parked };
}

const seen = (invoked: string[][], ...names: string[]) =>
  waitFor(() => (names.every((name) => invoked.flat().includes(name)) ? true : undefined), {
    timeoutMs: 10_000,
    describe: () => `${names.join()}; ${JSON.stringify(invoked)} came`,
  });

const done = { batchItemFailures: [] };

describe("a mapping of a table's stream", () => {
  it('hands over records of before and after its start, in order, as Lambda shapes them', async () => {
    await put('a', 'b');
    const bytes: unknown[] = [];
    const { mapping, invoked } = await start((records) => {
      bytes.push(...records.map(({ dynamodb }) => dynamodb.NewImage.bytes?.B));
      return done;
    });
    await seen(invoked, 'b');
    await put('c');
    await seen(invoked, 'c');
    await mapping.stop();
    expect(invoked.flat()).toEqual(['a', 'b', 'c']);
    expect(new Set(bytes)).toEqual(new Set(['/wA=']));
  });

  it('has no more records in a batch than its size', async () => {
    await put('a', 'b', 'c');
    const { mapping, invoked } = await start(() => done, { BatchSize: 2 });
    await seen(invoked, 'c');
    await mapping.stop();
    expect(invoked).toEqual([['a', 'b'], ['c']]);
  });

  it('runs one batch of a shard at a time, unless its factor says more: then other items don’t wait', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `item-${index}`);
    await put(...names);
    const mostAtOnce = async (ParallelizationFactor: number): Promise<number> => {
      let [running, most] = [0, 0];
      const second = Promise.withResolvers<void>();
      const { mapping, invoked } = await start(
        async () => {
          most = Math.max(most, (running += 1));
          if (running > 1) second.resolve();
          if (ParallelizationFactor > 1) await second.promise;
          running -= 1;
          return done;
        },
        { ParallelizationFactor },
      );
      await seen(invoked, ...names);
      await mapping.stop();
      await rm(path.join(folder, `${table}.json`));
      return most;
    };
    expect(await mostAtOnce(1)).toBe(1);
    expect(await mostAtOnce(4)).toBeGreaterThan(1);
  });

  it('hands over only what its filter lets through', async () => {
    await put('a', 'b', 'c');
    const Pattern = JSON.stringify({ dynamodb: { NewImage: { pk: { S: ['a', 'c'] } } } });
    const { mapping, invoked } = await start(() => done, { FilterCriteria: { Filters: [{ Pattern }] } });
    await seen(invoked, 'c');
    await mapping.stop();
    expect(invoked.flat()).toEqual(['a', 'c']);
  });

  it('continues after a restart where it stopped: behind what was done, with what was not', async () => {
    await put('a', 'b', 'c');
    const first = await start((records, invocation) =>
      invocation === 1
        ? { batchItemFailures: [{ itemIdentifier: records[1]?.dynamodb.SequenceNumber ?? '' }] }
        : throws,
    );
    await waitFor(() => (first.invoked.length >= 2 ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => 'a retry',
    });
    await first.mapping.stop();
    await put('d');
    const second = await start(() => done);
    await seen(second.invoked, 'd');
    await second.mapping.stop();
    expect(second.invoked.flat()).toEqual(['b', 'c', 'd']);
  });

  it('parks a poisoned record alone, with its payload, and goes on', async () => {
    await put('a', 'poison', 'c');
    const { mapping, invoked, parked } = await start((records) =>
      namesOf(records).includes('poison') ? throws : done,
    );
    await put('d');
    const processed = () => invoked.filter((names) => !names.includes('poison')).flat();
    await waitFor(() => (processed().includes('d') ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => `d without the poison; ${JSON.stringify(invoked)} came`,
    });
    await mapping.stop();
    expect(parked).toMatchObject([
      { requestContext: { condition: 'RetryAttemptsExhausted' }, DDBStreamBatchInfo: { batchSize: 1 } },
    ]);
    expect(JSON.stringify(parked)).toContain('poison');
    expect(processed()).toEqual(['a', 'c', 'd']);
  });
});
