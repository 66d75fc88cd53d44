import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record as StreamRecord,
} from '@aws-sdk/client-dynamodb-streams';
import { describe, expect, it } from 'vitest';
import { startAwsProxy } from '../../bench/measure/aws-proxy.ts';
import { shardStreams } from '../../bench/measure/sharded-stream.ts';
import { startDynoxide } from '../../local/engines/dynoxide.ts';
import { aws } from '../../local/engines/engines.ts';

const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
const versions = ['1', '2', '3'];

const pkOf = ({ dynamodb }: StreamRecord): string => dynamodb?.Keys?.['pk']?.S ?? '';
const versionOf = ({ dynamodb }: StreamRecord): string => dynamodb?.NewImage?.['version']?.S ?? '';

describe('a stream that is shown as one of four shards', () => {
  it('gives each record through one of them, those of a key in order, to readers that stop and go on', async () => {
    await using stack = new AsyncDisposableStack();
    const engine = await startDynoxide();
    stack.defer(() => engine.stop());
    const proxy = await startAwsProxy(engine.endpoint, shardStreams(4, 'pk'));
    stack.defer(() => proxy.close());
    const client = new DynamoDBClient({ ...aws, endpoint: proxy.url });
    const streams = new DynamoDBStreamsClient({ ...aws, endpoint: proxy.url });
    stack.defer(() => (client.destroy(), streams.destroy()));

    const { TableDescription: table } = await client.send(
      new CreateTableCommand({
        TableName: 'table',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
      }),
    );
    for (const version of versions)
      for (const pk of keys)
        await client.send(
          new PutItemCommand({ TableName: 'table', Item: { pk: { S: pk }, version: { S: version } } }),
        );
    const StreamArn = table?.LatestStreamArn;

    /** What is there after this number, or from the beginning, in pages of 25 of the engine's records. */
    const read = async (ShardId: string | undefined, after?: string): Promise<StreamRecord[]> => {
      const { ShardIterator } = await streams.send(
        new GetShardIteratorCommand({
          StreamArn,
          ShardId,
          ...(after === undefined
            ? { ShardIteratorType: 'TRIM_HORIZON' }
            : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after }),
        }),
      );
      const found: StreamRecord[] = [];
      for (let [page, iterator] = [0, ShardIterator]; page < 6 && iterator !== undefined; page += 1) {
        const answer = await streams.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 25 }));
        found.push(...(answer.Records ?? []));
        iterator = answer.NextShardIterator;
      }
      return found;
    };

    const { StreamDescription: stream } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    const shards = stream?.Shards ?? [];
    expect(new Set(shards.map(({ ShardId }) => ShardId)).size).toBe(4);
    const byShard = await Promise.all(shards.map(({ ShardId }) => read(ShardId)));

    for (const records of byShard) {
      expect(records.length).toBeGreaterThan(0);
      for (const ofKey of Map.groupBy(records, pkOf).values()) expect(ofKey.map(versionOf)).toEqual(versions);
    }
    expect(byShard.flat()).toHaveLength(keys.length * versions.length);
    expect(new Set(byShard.flat().map(pkOf))).toEqual(new Set(keys));

    const [first = []] = byShard;
    const half = Math.floor(first.length / 2);
    const rest = await read(shards[0]?.ShardId, first[half - 1]?.dynamodb?.SequenceNumber);
    expect(rest.map(pkOf)).toEqual(first.slice(half).map(pkOf));
  });
});
