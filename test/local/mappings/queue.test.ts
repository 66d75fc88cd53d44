import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ensureQueue, QueueSchema } from '../../../local/engines/sqs.ts';
import type { Json } from '../../../local/intrinsics.ts';
import { QueueMappingSchema } from '../../../local/mappings/mapping-properties.ts';
import { startQueueMapping } from '../../../local/mappings/queue.ts';
import { waitFor } from '../../helpers/stack-process.ts';
import { resultOf, type Scripted, throws } from './scripted-invoke.ts';
import { type SqsEngine, startSqsEngine } from './sqs-engine.ts';

const EventSchema = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      body: z.string(),
      attributes: z.object({ ApproximateReceiveCount: z.string() }),
      eventSource: z.literal('aws:sqs'),
    }),
  ),
});
type Records = z.infer<typeof EventSchema>['Records'];

let engine: SqsEngine;
let sqs: SQSClient;
let queueUrl: string;
let dlqUrl: string;
let queues = 0;

beforeAll(async () => {
  engine = await startSqsEngine();
  sqs = engine.sqs;
});
afterAll(async () => engine[Symbol.asyncDispose]());

beforeEach(async () => {
  const name = `queue-${++queues}`;
  const dlq = await ensureQueue(sqs, `${name}-dlq`, QueueSchema.parse({}));
  const properties = QueueSchema.parse({
    VisibilityTimeout: 1,
    RedrivePolicy: { deadLetterTargetArn: dlq.arn, maxReceiveCount: 2 },
  });
  queueUrl = (await ensureQueue(sqs, name, properties)).url;
  dlqUrl = dlq.url;
});

const send = (body: string) => sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));

const left = async (url: string): Promise<number> => {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
  );
  return (
    Number(Attributes['ApproximateNumberOfMessages']) +
    Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
  );
};

const empty = (url: string) =>
  waitFor(async () => ((await left(url)) === 0 ? true : undefined), {
    timeoutMs: 10_000,
    describe: () => `no message in ${url}`,
  });

function start(
  respond: (records: Records) => Promise<Scripted> | Scripted,
  properties: object = {},
  concurrency = 4,
) {
  const invoked: Records[] = [];
  const mapping = startQueueMapping({
    client: sqs,
    queueUrl,
    properties: QueueMappingSchema.parse({
      EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:queue',
      FunctionName: 'f',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ...properties,
    }),
    invoke: async (event) => {
      const { Records } = EventSchema.parse(event);
      invoked.push(Records);
      const response = await respond(Records);
      return resultOf(response);
    },
    concurrency,
    log: () => undefined,
  });
  return { mapping, invoked };
}

const inDlq = () =>
  waitFor(
    async () => {
      const { Messages } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: dlqUrl, VisibilityTimeout: 30 }),
      );
      return Messages?.[0]?.Body;
    },
    { timeoutMs: 20_000, describe: () => 'a message in the DLQ' },
  );

describe('a mapping of a queue', () => {
  it('deletes what was processed', async () => {
    await Promise.all(['a', 'b', 'c'].map(send));
    const { mapping, invoked } = start(() => null);
    await empty(queueUrl);
    await mapping.stop();
    expect(
      invoked
        .flat()
        .map(({ body }) => body)
        .toSorted(),
    ).toEqual(['a', 'b', 'c']);
  });

  it('has no more messages in a batch than its size', async () => {
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map(send));
    const { mapping, invoked } = start(() => null, { BatchSize: 2 });
    await empty(queueUrl);
    await mapping.stop();
    expect(Math.max(...invoked.map((records) => records.length))).toBe(2);
  });

  it('deletes the successes of a batch, and lets the failures come again until the DLQ gets them', async () => {
    await Promise.all(['good', 'bad'].map(send));
    const { mapping, invoked } = start((records) => ({
      batchItemFailures: records
        .filter(({ body }) => body === 'bad')
        .map(({ messageId }) => ({ itemIdentifier: messageId })),
    }));
    expect(await inDlq()).toBe('bad');
    await mapping.stop();
    const bodies = invoked.flat().map(({ body }) => body);
    expect(bodies.filter((body) => body === 'good')).toHaveLength(1);
    expect(bodies.filter((body) => body === 'bad')).toHaveLength(2);
    expect(await left(queueUrl)).toBe(0);
  });

  const refusals: [string, Scripted][] = [
    ['the function fails', throws],
    ['the response names a message that is not in it', { batchItemFailures: [{ itemIdentifier: 'other' }] }],
    ['the response has another shape', { batchItemFailures: [{ id: 'x' }] }],
  ];
  it.each(refusals)('deletes nothing of a batch if %s', async (_, response) => {
    await send('a');
    const { mapping, invoked } = start(() => response);
    await waitFor(() => (invoked.length === 1 ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => 'a batch',
    });
    await mapping.stop();
    expect(await left(queueUrl)).toBe(1);
  });

  it('runs as many batches at once as it may, and not one more', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, index) => send(String(index))));
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const respond = async () => {
      most = Math.max(most, ++running);
      if (most < 2) await new Promise<void>((resolve) => release.push(resolve));
      else release.splice(0).forEach((resolve) => resolve());
      running--;
      return null;
    };
    const { mapping } = start(respond, { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
    await empty(queueUrl);
    await mapping.stop();
    expect(most).toBe(2);
  });

  it('waits for its running batches when it stops, and they are deleted', async () => {
    await send('a');
    const finished = Promise.withResolvers<Json>();
    const { mapping, invoked } = start(() => finished.promise);
    await waitFor(() => (invoked.length === 1 ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => 'a batch',
    });
    const stopped = mapping.stop();
    finished.resolve(null);
    await stopped;
    expect(await left(queueUrl)).toBe(0);
  });
});
