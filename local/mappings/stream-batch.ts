import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Json } from '../intrinsics.ts';
import { failedItems } from './batch-response.ts';
import type { MappingInvoke, StreamMapping } from './mapping-properties.ts';
import type { StreamRecord } from './stream-record.ts';

export interface StreamBatchOptions {
  readonly properties: StreamMapping;
  readonly functionArn: string;
  readonly shardId: string;
  readonly invoke: MappingInvoke;
  /** Puts what was given up on where the on-failure destination says. */
  readonly park: ((envelope: Json) => Promise<void>) | undefined;
  /** Called with the last sequence number up to which everything is processed or parked. */
  readonly checkpoint: (sequenceNumber: string) => void;
  readonly now: () => number;
  /** Milliseconds to wait after the n-th failure in a row. */
  readonly backoffMs: (failures: number) => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Records that are tried together, and how often that failed. */
interface Segment {
  readonly records: readonly StreamRecord[];
  readonly failures: number;
}

type GiveUp = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/**
 * Gets a batch of one shard through, in order, whatever it takes: what was reported as failed is run again from its
 * lowest sequence number on; a batch that fails as a whole is split if the mapping bisects, which costs no retry; what
 * has used up its retries or its age goes to the destination. Resolves when all is done or `signal` ends it; nothing
 * behind the last checkpoint counts as done then.
 * Source: Lambda, "Retain discarded records" and "Configuring partial batch response with DynamoDB".
 */
export async function processStreamBatch(
  batch: readonly StreamRecord[],
  options: StreamBatchOptions,
): Promise<void> {
  const pending: Segment[] = [{ records: batch, failures: 0 }];
  for (let failuresInARow = 0; pending.length > 0;) {
    const segment = pending.shift();
    if (!segment || options.signal.aborted) return;
    const reason = giveUpReason(segment, options);
    if (reason) {
      await parkUntilDone(segment, reason, options);
      failuresInARow = 0;
    } else {
      const { done, reported } = await attempt(segment.records, options);
      if (done > 0) checkpoint(segment.records.slice(0, done), options);
      if (done === segment.records.length) {
        failuresInARow = 0;
        continue;
      }
      pending.unshift(...retrySegments(segment, { done, reported }, options.properties));
      failuresInARow++;
      await wait(options.backoffMs(failuresInARow), undefined, { signal: options.signal }).catch(
        () => undefined,
      );
    }
  }
}

interface Attempted {
  /** How many records from the first on were processed. */
  done: number;
  /** Whether the function itself said which failed. */
  reported: boolean;
}

async function attempt(
  records: readonly StreamRecord[],
  { properties, invoke, log }: StreamBatchOptions,
): Promise<Attempted> {
  const result = await invoke({ Records: [...records] });
  if (!result.ok) {
    log(`a batch of ${records.length} failed: ${result.error.errorType}: ${result.error.errorMessage}`);
    return { done: 0, reported: false };
  }
  if (properties.FunctionResponseTypes.length === 0) return { done: records.length, reported: false };
  const sequenceNumbers = records.map(sequenceNumberOf);
  const failed = failedItems(result.payload, sequenceNumbers);
  if (failed === 'all') return { done: 0, reported: false };
  const lowest = sequenceNumbers.findIndex((sequenceNumber) => failed.has(sequenceNumber));
  return { done: lowest === -1 ? records.length : lowest, reported: true };
}

function retrySegments(
  { records, failures }: Segment,
  { done, reported }: Attempted,
  properties: StreamMapping,
): Segment[] {
  // Progress was made: the record now in front has failed once.
  if (done > 0) return [{ records: records.slice(done), failures: 1 }];
  // Where the function named the record that failed, Lambda cuts the batch there and nowhere else.
  if (reported || !properties.BisectBatchOnFunctionError || records.length === 1)
    return [{ records, failures: failures + 1 }];
  const middle = Math.ceil(records.length / 2);
  return [
    { records: records.slice(0, middle), failures },
    { records: records.slice(middle), failures },
  ];
}

function giveUpReason(
  { records, failures }: Segment,
  { properties, now }: StreamBatchOptions,
): GiveUp | undefined {
  const { MaximumRetryAttempts, MaximumRecordAgeInSeconds } = properties;
  if (MaximumRetryAttempts >= 0 && failures > MaximumRetryAttempts) return 'RetryAttemptsExhausted';
  const ageSeconds = now() / 1000 - (records[0]?.dynamodb.ApproximateCreationDateTime ?? 0);
  return MaximumRecordAgeInSeconds >= 0 && ageSeconds > MaximumRecordAgeInSeconds
    ? 'RecordAgeExceeded'
    : undefined;
}

/** The shard waits for its destination: going on without it would lose the records. */
async function parkUntilDone(segment: Segment, reason: GiveUp, options: StreamBatchOptions): Promise<void> {
  for (let failures = 1; !options.signal.aborted; failures++) {
    try {
      await options.park?.(envelopeOf(segment, reason, options));
      options.log(`gave up on ${segment.records.length} records: ${reason}`);
      checkpoint(segment.records, options);
      return;
    } catch (error) {
      options.log(`the on-failure destination failed: ${String(error)}`);
      await wait(options.backoffMs(failures), undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

function checkpoint(records: readonly StreamRecord[], options: StreamBatchOptions): void {
  const last = records.at(-1);
  if (last) options.checkpoint(sequenceNumberOf(last));
}

const sequenceNumberOf = (record: StreamRecord): string => record.dynamodb.SequenceNumber;

const arrivalOf = (record: StreamRecord | undefined): string =>
  new Date((record?.dynamodb.ApproximateCreationDateTime ?? 0) * 1000).toISOString();

/** What an S3 destination gets: with the records, which an SQS destination would not. */
function envelopeOf({ records, failures }: Segment, condition: GiveUp, options: StreamBatchOptions): Json {
  const [first, last] = [records[0], records.at(-1)];
  return {
    requestContext: {
      requestId: randomUUID(),
      functionArn: options.functionArn,
      condition,
      approximateInvokeCount: failures,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: new Date(options.now()).toISOString(),
    DDBStreamBatchInfo: {
      shardId: options.shardId,
      startSequenceNumber: first ? sequenceNumberOf(first) : '',
      endSequenceNumber: last ? sequenceNumberOf(last) : '',
      approximateArrivalOfFirstRecord: arrivalOf(first),
      approximateArrivalOfLastRecord: arrivalOf(last),
      batchSize: records.length,
      streamArn: options.properties.EventSourceArn,
    },
    payload: JSON.stringify({ Records: records }),
  };
}
