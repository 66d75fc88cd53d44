import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MappingInvoke } from '../../../local/mappings/mapping-properties.ts';
import { StreamMappingSchema } from '../../../local/mappings/mapping-properties.ts';
import { processStreamBatch } from '../../../local/mappings/stream-batch.ts';
import type { StreamRecord } from '../../../local/mappings/stream-record.ts';
import * as z from 'zod';
import { resultOf, type Scripted, throws } from './scripted-invoke.ts';

const BatchSchema = z.object({
  Records: z.array(z.object({ dynamodb: z.object({ SequenceNumber: z.string() }) })),
});
const EnvelopeSchema = z.object({
  requestContext: z.object({ condition: z.string() }),
  DDBStreamBatchInfo: z.object({ batchSize: z.number() }),
  payload: z.string(),
});

const numbersIn = (event: unknown): number[] =>
  BatchSchema.parse(event).Records.map(({ dynamodb }) => Number(dynamodb.SequenceNumber));

const record = (number: number): StreamRecord => ({
  eventID: String(number),
  eventName: 'INSERT',
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'us-east-1',
  dynamodb: {
    ApproximateCreationDateTime: 1000,
    Keys: {},
    SequenceNumber: String(number),
    SizeBytes: 1,
    StreamViewType: 'NEW_IMAGE',
  },
  eventSourceARN: 'arn',
});

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const failures = (...numbers: number[]) => ({
  batchItemFailures: numbers.map((number) => ({ itemIdentifier: String(number) })),
});

interface Settings {
  count?: number;
  respond: (numbers: number[], invocation: number) => Scripted;
  properties?: Record<string, unknown>;
  nowMs?: number;
  failParking?: number;
}

/** Runs records 1 to `count` through a mapping; what was invoked with, parked and checkpointed, in order. */
async function run({ count = 4, respond, properties = {}, nowMs = 1_000_000, failParking = 0 }: Settings) {
  const invoked: number[][] = [];
  const parked: { condition: string; numbers: number[] }[] = [];
  const checkpoints: number[] = [];
  const invoke: MappingInvoke = async (event) => {
    const numbers = numbersIn(event);
    invoked.push(numbers);
    const response = respond(numbers, invoked.length);
    return resultOf(response);
  };
  let parkings = 0;
  await processStreamBatch(
    Array.from({ length: count }, (_, index) => record(index + 1)),
    {
      properties: StreamMappingSchema.parse({
        EventSourceArn: 'arn',
        FunctionName: 'f',
        StartingPosition: 'TRIM_HORIZON',
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BisectBatchOnFunctionError: true,
        MaximumRetryAttempts: 2,
        ...properties,
      }),
      functionArn: 'arn:f',
      shardId: 'shard',
      invoke,
      park: async (envelope) => {
        if (++parkings <= failParking) throw new Error('no bucket');
        const { requestContext, payload } = EnvelopeSchema.parse(envelope);
        parked.push({ condition: requestContext.condition, numbers: numbersIn(JSON.parse(payload)) });
      },
      checkpoint: (sequenceNumber) => checkpoints.push(Number(sequenceNumber)),
      now: () => nowMs,
      backoffMs: () => 0,
      signal: new AbortController().signal,
      log: () => undefined,
    },
  );
  return { invoked, parked, checkpoints };
}

describe('a batch of a stream', () => {
  it('is done at once when nothing failed', async () => {
    expect(await run({ respond: () => failures() })).toEqual({
      invoked: [[1, 2, 3, 4]],
      parked: [],
      checkpoints: [4],
    });
  });

  it('runs again from the lowest failed record on, whatever the order of the response', async () => {
    const { invoked, checkpoints } = await run({
      respond: (_, invocation) => (invocation === 1 ? failures(4, 2) : failures()),
    });
    expect(invoked).toEqual([
      [1, 2, 3, 4],
      [2, 3, 4],
    ]);
    expect(checkpoints).toEqual([1, 4]);
  });

  it('is split in two when it fails as a whole, without costing a retry', async () => {
    const { invoked, parked } = await run({
      respond: (numbers) => (numbers.includes(3) ? throws : failures()),
      properties: { MaximumRetryAttempts: 1 },
    });
    expect(invoked).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]);
    expect(parked).toEqual([{ condition: 'RetryAttemptsExhausted', numbers: [3] }]);
  });

  it('is not split unless the mapping says so: then all of it is given up', async () => {
    const { invoked, parked } = await run({
      respond: () => throws,
      properties: { BisectBatchOnFunctionError: false, MaximumRetryAttempts: 2 },
    });
    expect(invoked).toHaveLength(3);
    expect(parked).toEqual([{ condition: 'RetryAttemptsExhausted', numbers: [1, 2, 3, 4] }]);
  });

  it.each([
    ['names a record that is not in it', failures(9)],
    ['names an empty record', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['has another shape', { batchItemFailures: 'none' }],
    ['is text', 'ok'],
  ])('failed as a whole if the response %s', async (_, response) => {
    const { invoked } = await run({
      count: 2,
      respond: (__, invocation) => (invocation === 1 ? response : failures()),
    });
    expect(invoked).toEqual([[1, 2], [1], [2]]);
  });

  it.each([[null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
    'is done if the response is %j',
    async (response) => {
      expect((await run({ respond: () => response })).checkpoints).toEqual([4]);
    },
  );

  it('ignores the response when the mapping does not report item failures', async () => {
    const { checkpoints } = await run({
      respond: () => failures(1),
      properties: { FunctionResponseTypes: [] },
    });
    expect(checkpoints).toEqual([4]);
  });

  it('is given up once its records are too old', async () => {
    const { invoked, parked } = await run({
      respond: () => failures(),
      properties: { MaximumRecordAgeInSeconds: 60 },
      nowMs: (1000 + 61) * 1000,
    });
    expect(invoked).toEqual([]);
    expect(parked).toEqual([{ condition: 'RecordAgeExceeded', numbers: [1, 2, 3, 4] }]);
  });

  it('waits for its destination: nothing is passed over that was not parked', async () => {
    const { parked, checkpoints } = await run({
      count: 1,
      respond: () => throws,
      properties: { MaximumRetryAttempts: 0 },
      failParking: 3,
    });
    expect(parked).toHaveLength(1);
    expect(checkpoints).toEqual([1]);
  });

  const anyBatch = [
    fc.integer({ min: 1, max: 20 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 5 }),
  ] as const;

  it('that fails as a whole ends with every record processed in order or parked, and only poisoned ones parked', async () => {
    await fc.assert(
      fc.asyncProperty(...anyBatch, async (count, poisoned) => {
        const processed: number[] = [];
        const { parked, checkpoints } = await run({
          count,
          respond: (numbers) => {
            if (numbers.some((number) => poisoned.includes(number))) return throws;
            processed.push(...numbers);
            return failures();
          },
        });
        expect(processed).toEqual(upTo(count).filter((number) => !poisoned.includes(number)));
        expect(parked.flatMap(({ numbers }) => numbers)).toEqual(
          upTo(count).filter((number) => poisoned.includes(number)),
        );
        expect(checkpoints).toEqual(checkpoints.toSorted((a, b) => a - b));
        expect(checkpoints.at(-1)).toBe(count);
      }),
    );
  });

  it('whose failures are named is cut there only: a record that fails for good takes what follows along', async () => {
    await fc.assert(
      fc.asyncProperty(...anyBatch, async (count, poisoned) => {
        const processed: number[] = [];
        const { parked, checkpoints } = await run({
          count,
          respond: (numbers) => {
            const first = numbers.findIndex((number) => poisoned.includes(number));
            if (first === -1) processed.push(...numbers);
            else processed.push(...numbers.slice(0, first));
            return first === -1 ? failures() : failures(numbers[first] ?? 0);
          },
        });
        const lowest = Math.min(...poisoned.filter((number) => number <= count), count + 1);
        expect(processed).toEqual(upTo(lowest - 1));
        expect(parked.flatMap(({ numbers }) => numbers)).toEqual(upTo(count).slice(lowest - 1));
        expect(checkpoints.at(-1)).toBe(count);
      }),
    );
  });
});
