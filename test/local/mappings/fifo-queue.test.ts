import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ensureQueue, QueueSchema } from '../../../local/engines/sqs.ts';
import { QueueMappingSchema, type MappingInvoke } from '../../../local/mappings/mapping-properties.ts';
import { startQueueMapping } from '../../../local/mappings/queue.ts';
import { waitFor } from '../../helpers/stack-process.ts';
import { type SqsEngine, startSqsEngine } from './sqs-engine.ts';

const EventSchema = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      body: z.string(),
      attributes: z.object({ MessageGroupId: z.string() }),
    }),
  ),
});
type Records = z.infer<typeof EventSchema>['Records'];

let engine: SqsEngine;
let sqs: SQSClient;
let queues = 0;

beforeAll(async () => {
  engine = await startSqsEngine();
  sqs = engine.sqs;
});
afterAll(async () => engine[Symbol.asyncDispose]());

/** As the template has it; redelivered after a second, and to the DLQ after the second time. */
async function startFifo(answer: (records: Records) => Promise<string[]>) {
  const name = `fifo-${(queues += 1)}`;
  const fifo = {
    FifoQueue: true,
    DeduplicationScope: 'messageGroup',
    FifoThroughputLimit: 'perMessageGroupId',
  };
  const dlq = await ensureQueue(sqs, `${name}-dlq.fifo`, QueueSchema.parse(fifo));
  const queue = await ensureQueue(
    sqs,
    `${name}.fifo`,
    QueueSchema.parse({
      ...fifo,
      VisibilityTimeout: 1,
      RedrivePolicy: { deadLetterTargetArn: dlq.arn, maxReceiveCount: 2 },
    }),
  );
  const seen: string[] = [];
  const start = (url: string, arn: string, handle: (records: Records) => Promise<string[]>) => {
    const invoke: MappingInvoke = async (event) => {
      const failed = await handle(EventSchema.parse(event).Records);
      return {
        ok: true,
        payload: { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) },
      };
    };
    return startQueueMapping({
      client: sqs,
      queueUrl: url,
      properties: QueueMappingSchema.parse({
        EventSourceArn: arn,
        FunctionName: 'deliver',
        BatchSize: 10,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      }),
      invoke,
      concurrency: 4,
      log: () => {},
    });
  };
  const buried: string[] = [];
  const mappings = [
    start(queue.url, queue.arn, async (records) => {
      seen.push(...records.map(({ body }) => body));
      return answer(records);
    }),
    start(dlq.url, dlq.arn, async (records) => {
      buried.push(...records.map(({ body }) => body));
      return [];
    }),
  ];
  return {
    seen,
    buried,
    /** `a1` goes to group `a`. */
    send: async (...bodies: string[]) =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: queue.url,
          Entries: bodies.map((MessageBody, index) => ({
            Id: String(index),
            MessageBody,
            MessageGroupId: MessageBody.charAt(0),
            MessageDeduplicationId: MessageBody,
          })),
        }),
      ),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(mappings.map((mapping) => mapping.stop()));
    },
  };
}

const until = (isTrue: () => boolean, what: string) =>
  waitFor(() => (isTrue() ? true : undefined), { timeoutMs: 15_000, describe: () => what });
const ofGroup = (bodies: readonly string[], group: string) => bodies.filter((body) => body.startsWith(group));

describe('a FIFO queue of the template', () => {
  it('gives a group one message after the other, while others go on', async () => {
    const first = Promise.withResolvers<string[]>();
    await using fifo = await startFifo((records) =>
      records.some(({ body }) => body === 'a1') ? first.promise : Promise.resolve([]),
    );
    await fifo.send('a1');
    await until(() => fifo.seen.includes('a1'), 'a1 in flight');
    await fifo.send('a2', 'b1', 'b2', 'a3');
    await until(() => ofGroup(fifo.seen, 'b').length === 2, 'all of group b');
    expect(ofGroup(fifo.seen, 'a')).toEqual(['a1']);
    first.resolve([]);
    await until(() => ofGroup(fifo.seen, 'a').length === 3, 'the rest of group a');
    expect(ofGroup(fifo.seen, 'a')).toEqual(['a1', 'a2', 'a3']);
  });

  it('gives what failed again before what comes after it, and then buries it and goes on', async () => {
    await using fifo = await startFifo(async (records) =>
      records.filter(({ body }) => body === 'a1').map(({ messageId }) => messageId),
    );
    await fifo.send('a1', 'a2');
    await until(() => fifo.seen.includes('a2'), 'a2 after a1');
    expect(fifo.seen).toEqual(['a1', 'a1', 'a2']);
    await until(() => fifo.buried.length === 1, 'a1 on the DLQ');
    expect(fifo.buried).toEqual(['a1']);
  });

  it('drops a message that has the name of one that it had', async () => {
    await using fifo = await startFifo(async () => []);
    await fifo.send('a1');
    await until(() => fifo.seen.length === 1, 'a1');
    await fifo.send('a1');
    await fifo.send('a2');
    await until(() => fifo.seen.includes('a2'), 'a2');
    expect(fifo.seen).toEqual(['a1', 'a2']);
  });
});
