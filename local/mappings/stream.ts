import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { setTimeout as wait } from 'node:timers/promises';
import type { Json } from '../intrinsics.ts';
import { Checkpoint } from './checkpoint.ts';
import { createFilter } from './filter-criteria.ts';
import type { Mapping, MappingInvoke, StreamMapping } from './mapping-properties.ts';
import { partitionByItem } from './partition-by-item.ts';
import { processStreamBatch, type StreamBatchOptions } from './stream-batch.ts';
import { streamRecord } from './stream-record.ts';

export interface StreamMappingOptions {
  readonly client: DynamoDBStreamsClient;
  /** As the engine names it. */
  readonly streamArn: string;
  readonly properties: StreamMapping;
  readonly functionArn: string;
  readonly invoke: MappingInvoke;
  readonly park: ((envelope: Json) => Promise<void>) | undefined;
  readonly checkpointFile: string;
  readonly log: (line: string) => void;
  /** Milliseconds between polls of an empty stream. */
  readonly idleMs?: number;
}

/** AWS backs off for minutes; here nobody else is disturbed by a shard that tries again. */
const backoffMs = (failures: number): number => Math.min(50 * 2 ** (failures - 1), 1000);

/**
 * Reads a table's stream for a function, from the checkpoint or at first from the oldest record on. Shards run at the
 * same time, each after its parent, and within a shard as many batches as the mapping's factor says.
 */
export function startStreamMapping(options: StreamMappingOptions): Mapping {
  const abort = new AbortController();
  const reader = new StreamReader(options, abort.signal);
  const reading = reader.run();
  return {
    stop: async () => {
      abort.abort();
      await reading;
    },
  };
}

class StreamReader {
  readonly #options: StreamMappingOptions;
  readonly #idleMs: number;
  readonly #signal: AbortSignal;
  readonly #checkpoint: Checkpoint;
  readonly #passes: (record: Json) => boolean;
  readonly #reading = new Map<string, Promise<void>>();
  readonly #finished = new Set<string>();

  constructor(options: StreamMappingOptions, signal: AbortSignal) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? 25;
    this.#signal = signal;
    this.#checkpoint = new Checkpoint(options.checkpointFile, options.streamArn);
    this.#passes = createFilter(options.properties.FilterCriteria);
  }

  /** Finds shards, now and whenever one ends. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#retrying(async () => {
        const shards = await this.#describe();
        for (const [index, shard] of shards.entries())
          this.#start(shard, shards, (index / shards.length) * this.#idleMs);
        await (this.#reading.size > 0 ? Promise.race(this.#reading.values()) : this.#pause(1000));
      });
    }
    await Promise.all(this.#reading.values());
  }

  /** @param afterMs Shards have pollers of their own, which are not in step. */
  #start({ ShardId, ParentShardId }: Shard, all: readonly Shard[], afterMs: number): void {
    if (ShardId === undefined || this.#reading.has(ShardId) || this.#finished.has(ShardId)) return;
    const parentIsRead =
      ParentShardId === undefined ||
      this.#finished.has(ParentShardId) ||
      !all.some((other) => other.ShardId === ParentShardId);
    if (!parentIsRead) return;
    this.#reading.set(
      ShardId,
      this.#pause(afterMs)
        .then(() => this.#readShard(ShardId))
        .finally(() => this.#reading.delete(ShardId)),
    );
  }

  /** Until the shard is closed and read to its end. */
  async #readShard(shardId: string): Promise<void> {
    let iterator: string | undefined;
    while (!this.#signal.aborted && !this.#finished.has(shardId)) {
      await this.#retrying(
        async () => {
          iterator = await this.#readOnce(shardId, iterator ?? (await this.#iterator(shardId)));
          if (iterator === undefined) this.#finished.add(shardId);
        },
        () => {
          iterator = undefined;
        },
      );
    }
  }

  async #readOnce(shardId: string, iterator: string): Promise<string | undefined> {
    const { client, properties, functionArn, invoke, park, log } = this.#options;
    const { Records = [], NextShardIterator } = await client.send(
      new GetRecordsCommand({ ShardIterator: iterator, Limit: properties.BatchSize }),
      { abortSignal: this.#signal },
    );
    if (Records.length === 0) {
      await this.#pause(this.#idleMs);
      return NextShardIterator;
    }
    const records = Records.map((record) => streamRecord(record, properties.EventSourceArn));
    const checkpoint = (sequenceNumber: string) => this.#checkpoint.set(shardId, sequenceNumber);
    const wanted = records.filter((record) => this.#passes(record));
    const parts = partitionByItem(wanted, properties.ParallelizationFactor);
    const options: StreamBatchOptions = {
      properties,
      functionArn,
      shardId,
      invoke,
      park,
      // What one part has done says nothing of the others.
      checkpoint: parts.length > 1 ? () => undefined : checkpoint,
      now: Date.now,
      backoffMs,
      signal: this.#signal,
      log,
    };
    await Promise.all(parts.map((part) => processStreamBatch(part, options)));
    if (!this.#signal.aborted) checkpoint(records.at(-1)?.dynamodb.SequenceNumber ?? '');
    return NextShardIterator;
  }

  async #describe(): Promise<Shard[]> {
    const shards: Shard[] = [];
    for (let after: string | undefined; ;) {
      const { StreamDescription } = await this.#options.client.send(
        new DescribeStreamCommand({
          StreamArn: this.#options.streamArn,
          ...(after === undefined ? {} : { ExclusiveStartShardId: after }),
        }),
        { abortSignal: this.#signal },
      );
      shards.push(...(StreamDescription?.Shards ?? []));
      after = StreamDescription?.LastEvaluatedShardId;
      if (after === undefined) return shards;
    }
  }

  async #iterator(shardId: string): Promise<string> {
    const position = this.#checkpoint.get(shardId);
    const send = (
      input:
        | { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER'; SequenceNumber: string }
        | { ShardIteratorType: 'TRIM_HORIZON' },
    ) =>
      this.#options.client.send(
        new GetShardIteratorCommand({ StreamArn: this.#options.streamArn, ShardId: shardId, ...input }),
        { abortSignal: this.#signal },
      );
    const { ShardIterator = '' } =
      position === undefined
        ? await send({ ShardIteratorType: 'TRIM_HORIZON' })
        : await send({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position }).catch(
            (error: unknown) => {
              // What was not read within a day is gone.
              if (error instanceof TrimmedDataAccessException)
                return send({ ShardIteratorType: 'TRIM_HORIZON' });
              throw error;
            },
          );
    return ShardIterator;
  }

  async #retrying(work: () => Promise<void>, onError: () => void = () => undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#signal.aborted) return;
      onError();
      if (!(error instanceof ExpiredIteratorException))
        this.#options.log(`reading the stream failed: ${String(error)}`);
      await this.#pause(500);
    }
  }

  /** Ends early when the mapping stops. */
  async #pause(milliseconds: number): Promise<void> {
    await wait(milliseconds, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
