import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import DataLoader from 'dataloader';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import { forEachAtMost } from './concurrency.ts';
import { formatDeliveryTask } from './delivery-task.ts';
import { TowercastError } from './errors.ts';

export interface OutgoingTask {
  task: DeliveryTask;
  /** 0 to 900: what SQS allows. */
  delaySeconds: number;
}

export interface TaskSender {
  /**
   * Puts the tasks on the delivery queue, grouped by endpoint (fair queue). Calls made at the same time share
   * requests. Throws TowercastError `task_not_sent` if any of these tasks was not accepted.
   */
  send(tasks: readonly OutgoingTask[]): Promise<void>;
}

/** SQS, for one SendMessageBatch and for one message alike. */
export const maxBatchBytes = 1_048_576;
export const maxBatchEntries = 10;
/** SQS holds a message back for 15 minutes at most; what is due later waits in the due index. */
export const maxDelaySeconds = 900;
/** SendMessageBatch calls at a time: the SDK's client holds 50 sockets. */
const maxConcurrentCalls = 16;
const maxRounds = 3;

interface Entry extends OutgoingTask {
  body: string;
  bytes: number;
}

/** The endpoint comes from AWS_ENDPOINT_URL_SQS where it is set. TLS covers the bodies: MD5 would only cost CPU. */
export const createSqsClient = (): SQSClient => new SQSClient({ md5: false });

/** Splits entries, in order, into batches that SQS takes: 10 messages and 1 MiB each. */
export function packBatches<T extends { bytes: number }>(entries: readonly T[]): T[][] {
  const batches: T[][] = [];
  let room = 0;
  for (const entry of entries) {
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === maxBatchEntries || entry.bytes > room) {
      batches.push([entry]);
      room = maxBatchBytes - entry.bytes;
    } else {
      batch.push(entry);
      room -= entry.bytes;
    }
  }
  return batches;
}

export function createTaskSender({ sqs, queueUrl }: { sqs: SQSClient; queueUrl: string }): TaskSender {
  const sendBatch = async (batch: Entry[]): Promise<Map<Entry, TowercastError | null>> => {
    const outcomes = new Map<Entry, TowercastError | null>();
    let waiting = batch;
    for (let round = 1; waiting.length > 0; round += 1) {
      const { accepted, refused } = await sendOnce(sqs, queueUrl, waiting);
      for (const entry of accepted) outcomes.set(entry, null);
      for (const { entry, error } of refused) outcomes.set(entry, error);
      waiting = round === maxRounds ? [] : refused.filter((one) => one.retryable).map((one) => one.entry);
    }
    return outcomes;
  };

  const loader = new DataLoader<OutgoingTask, null>(
    async (tasks) => {
      const entries = tasks.map((task) => {
        const body = formatDeliveryTask(task.task);
        return { ...task, body, bytes: Buffer.byteLength(body) };
      });
      const outcomes = new Map<Entry, TowercastError | null>();
      await forEachAtMost(maxConcurrentCalls, packBatches(entries), async (batch) => {
        for (const [entry, outcome] of await sendBatch(batch)) outcomes.set(entry, outcome);
      });
      return entries.map((entry) => {
        const outcome = outcomes.get(entry);
        return outcome === undefined ? notSent('unknown') : outcome;
      });
    },
    { cache: false },
  );

  return {
    async send(tasks) {
      const outcomes = await loader.loadMany([...tasks]);
      const failure = outcomes.find((outcome) => outcome instanceof Error);
      if (failure !== undefined) throw failure;
    },
  };
}

interface SendOutcome {
  accepted: Entry[];
  refused: { entry: Entry; error: TowercastError; retryable: boolean }[];
}

async function sendOnce(sqs: SQSClient, queueUrl: string, entries: Entry[]): Promise<SendOutcome> {
  try {
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: entries.map((entry, index) => ({
          Id: String(index),
          MessageBody: entry.body,
          MessageGroupId: entry.task.endpointId,
          DelaySeconds: entry.delaySeconds,
        })),
      }),
    );
    const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
    const outcome: SendOutcome = { accepted: [], refused: [] };
    for (const [index, entry] of entries.entries()) {
      const failure = failures.get(String(index));
      if (failure === undefined) outcome.accepted.push(entry);
      else
        outcome.refused.push({
          entry,
          error: notSent(failure.Code ?? 'unknown'),
          retryable: failure.SenderFault !== true,
        });
    }
    return outcome;
  } catch (cause) {
    // The SDK has retried the call as a whole already.
    const error = notSent(cause instanceof Error ? cause.name : 'unknown', cause);
    return { accepted: [], refused: entries.map((entry) => ({ entry, error, retryable: false })) };
  }
}

const notSent = (code: string, cause?: unknown): TowercastError =>
  new TowercastError('task_not_sent', `SQS did not accept the task: ${code}`, { cause });
