import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Rewrite } from './aws-proxy.ts';

const ShardIdSchema = z.object({ ShardId: z.string(), ParentShardId: z.string().optional() });
const DescriptionSchema = z.looseObject({
  StreamDescription: z.looseObject({ Shards: z.array(z.looseObject(ShardIdSchema.shape)) }),
});
const RecordSchema = z.looseObject({
  dynamodb: z.looseObject({ Keys: z.record(z.string(), z.json()) }),
});
const RecordsSchema = z.looseObject({
  Records: z.array(RecordSchema),
  NextShardIterator: z.string().nullish(),
});
const IteratorSchema = z.looseObject({ ShardIterator: z.string() });

/**
 * Shows each shard of an engine's streams as so many, among which items are shared out by their partition key, as DynamoDB does
 * with a table of so many partitions. To be read only: what one reader gets through one shard comes in the order of the stream.
 *
 * @param partitionKey name of the attribute
 */
export const shardStreams =
  (shards: number, partitionKey: string): Rewrite =>
  (operation, request) => {
    switch (operation) {
      case 'DescribeStream':
        return {
          request,
          answer: (answer) => {
            const { StreamDescription: description, ...rest } = DescriptionSchema.parse(answer);
            const all = description.Shards.flatMap((shard) =>
              numbers(shards).map((number) => ofShard(number, shard)),
            );
            return json({ ...rest, StreamDescription: { ...description, Shards: all } });
          },
        };
      case 'GetShardIterator': {
        const { number, of } = parseName(ShardIdSchema.parse(request).ShardId);
        return {
          request: { ...request, ShardId: of },
          answer: (answer) => ({ ShardIterator: named(number, IteratorSchema.parse(answer).ShardIterator) }),
        };
      }
      case 'GetRecords': {
        const { number, of } = parseName(IteratorSchema.parse(request).ShardIterator);
        return {
          request: { ...request, ShardIterator: of },
          answer: (answer) => {
            const { Records: all, NextShardIterator: next, ...rest } = RecordsSchema.parse(answer);
            const own = all.filter(({ dynamodb }) => shardOf(dynamodb.Keys[partitionKey], shards) === number);
            return json({ ...rest, Records: own, NextShardIterator: next ? named(number, next) : null });
          },
        };
      }
      default:
        return undefined;
    }
  };

type Shard = z.infer<typeof DescriptionSchema>['StreamDescription']['Shards'][number];

function ofShard(number: number, shard: Shard): Shard {
  const { ShardId, ParentShardId } = shard;
  const parent = ParentShardId === undefined ? {} : { ParentShardId: named(number, ParentShardId) };
  return { ...shard, ShardId: named(number, ShardId), ...parent };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

const named = (number: number, of: string): string => `${number}.${of}`;

function parseName(name: string): { number: number; of: string } {
  const dot = name.indexOf('.');
  return { number: Number(name.slice(0, dot)), of: name.slice(dot + 1) };
}

const shardOf = (key: unknown, shards: number): number =>
  createHash('sha256').update(JSON.stringify(key)).digest().readUInt32BE(0) % shards;

const json = (value: unknown) => z.record(z.string(), z.json()).parse(value);
