import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import type { Json } from '../intrinsics.ts';
import { region } from '../resource-types.ts';
import { failedItems } from './batch-response.ts';
import { createFilter } from './filter-criteria.ts';
import type { Mapping, MappingInvoke, QueueMapping } from './mapping-properties.ts';

export interface QueueMappingOptions {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly properties: QueueMapping;
  readonly invoke: MappingInvoke;
  /** Batches at once; the smaller of the function's processes here and the mapping's MaximumConcurrency counts. */
  readonly concurrency: number;
  readonly log: (line: string) => void;
}

const ReceivedSchema = z.object({
  MessageId: z.string(),
  ReceiptHandle: z.string(),
  Body: z.string(),
  Attributes: z.record(z.string(), z.string()).default({}),
  MessageAttributes: z
    .record(z.string(), z.looseObject({ DataType: z.string(), StringValue: z.string().optional() }))
    .default({}),
  MD5OfBody: z.string().default(''),
});

const pollSeconds = 10;

/**
 * Polls a queue for a function. One poller hands batches to as many invocations as may run at once: a burst then fills
 * its batches, which several pollers would split. A message whose batch or item failed is left alone, so that it comes
 * back after the queue's visibility timeout and goes to its DLQ after maxReceiveCount, as at AWS.
 */
export function startQueueMapping(options: QueueMappingOptions): Mapping {
  const { client, queueUrl, properties, log } = options;
  const limit = Math.min(options.concurrency, properties.ScalingConfig.MaximumConcurrency ?? Infinity);
  const abort = new AbortController();
  const running = new Set<Promise<void>>();
  const passes = createFilter(properties.FilterCriteria);
  const polls = { receives: 0, emptyReceives: 0, deletes: 0, messages: 0 };

  const poll = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      if (running.size >= limit) {
        await Promise.race(running);
        continue;
      }
      try {
        const { Messages = [] } = await client.send(receive(queueUrl, properties.BatchSize), {
          abortSignal: abort.signal,
        });
        polls.receives++;
        polls.messages += Messages.length;
        if (Messages.length === 0) {
          polls.emptyReceives++;
          continue;
        }
        const batch = processBatch({ ...options, passes, polls }, Messages).finally(() =>
          running.delete(batch),
        );
        running.add(batch);
      } catch (error) {
        if (abort.signal.aborted) return;
        log(`polling ${queueUrl} failed: ${String(error)}`);
        await wait(500, undefined, { signal: abort.signal }).catch(() => undefined);
      }
    }
  };

  const polling = poll();
  return {
    polls,
    stop: async () => {
      abort.abort();
      await polling;
      await Promise.all(running);
    },
  };
}

const receive = (queueUrl: string, batchSize: number): ReceiveMessageCommand =>
  new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: batchSize,
    WaitTimeSeconds: pollSeconds,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });

interface BatchOptions extends QueueMappingOptions {
  readonly passes: (record: Json) => boolean;
  readonly polls: { deletes: number };
}

async function processBatch(options: BatchOptions, messages: readonly Message[]): Promise<void> {
  const { properties, invoke, passes, log } = options;
  const batch = z.array(ReceivedSchema).parse(messages);
  const records = batch.map((message) => ({ message, record: recordOf(message, properties.EventSourceArn) }));
  const wanted = records.filter(({ record }) => passes(record));
  // What a filter keeps out is deleted, as if it had been processed.
  const done = records.filter(({ record }) => !passes(record)).map(({ message }) => message);
  if (wanted.length > 0) {
    const result = await invoke({ Records: wanted.map(({ record }) => record) });
    const failed = result.ok
      ? properties.FunctionResponseTypes.length === 0
        ? new Set<string>()
        : failedItems(
            result.payload,
            wanted.map(({ message }) => message.MessageId),
          )
      : 'all';
    if (!result.ok)
      log(`a batch of ${wanted.length} failed: ${result.error.errorType}: ${result.error.errorMessage}`);
    if (failed !== 'all')
      done.push(...wanted.map(({ message }) => message).filter(({ MessageId }) => !failed.has(MessageId)));
  }
  if (done.length > 0)
    await remove(
      options,
      done.map(({ ReceiptHandle }) => ReceiptHandle),
    );
}

/** A message that can't be deleted comes again: deliveries may repeat. */
async function remove(
  { client, queueUrl, log, polls }: BatchOptions,
  handles: readonly string[],
): Promise<void> {
  const Entries = handles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
  polls.deletes++;
  try {
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  } catch (error) {
    log(`deleting from ${queueUrl} failed: ${String(error)}`);
  }
}

/** Source: Lambda, "Using Lambda with Amazon SQS", example event. */
function recordOf(message: z.infer<typeof ReceivedSchema>, eventSourceARN: string) {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes,
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes).map(([name, { DataType, StringValue }]) => [
        name,
        { dataType: DataType, ...(StringValue === undefined ? {} : { stringValue: StringValue }) },
      ]),
    ),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN,
    awsRegion: region,
  };
}
