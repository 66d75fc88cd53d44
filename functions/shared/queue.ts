import { createHash } from 'node:crypto';
import DataLoader from 'dataloader';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { SqsClient } from './aws/sqs.ts';
import { forEachAtMost } from './concurrency.ts';
import { formatDeliveryTask } from './delivery-task.ts';
import type { ReadEndpoint } from './endpoint-directory.ts';
import { TowercastError } from './errors.ts';
import { laneOf } from './keys.ts';

/**
 * The delivery queues. `live`: for endpoints that answer in time. `slow`: for those that don't, so that they hold up
 * nobody else's invocations. `ordered`: FIFO, one lane after the other's turn.
 */
export type Channel = 'live' | 'slow' | 'ordered';

export interface OutgoingTask {
  task: DeliveryTask;
  /** 0 to 900: what SQS allows. A FIFO queue knows no delay of a message: 0 for `ordered`. */
  delaySeconds: number;
  /** Default: `live`. */
  via?: Channel;
  /** As it was just read: spares whoever takes the task a reading. */
  endpoint?: ReadEndpoint;
}

export interface TaskSender {
  /**
   * Puts the tasks on their queues, grouped by endpoint (fair queue) or by lane. Calls made at the same time share
   * requests. Throws TowercastError `task_not_sent` if any of these tasks was not accepted.
   */
  send(tasks: readonly OutgoingTask[]): Promise<void>;
}

/** SQS, for one SendMessageBatch and for one message alike. */
export const maxBatchBytes = 1_048_576;
export const maxBatchEntries = 10;
/** SQS holds a message back for 15 minutes at most; what is due later waits in the due index. */
export const maxDelaySeconds = 900;
/** SendMessageBatch calls at a time: the client holds 50 sockets. */
const maxConcurrentCalls = 16;
const maxRounds = 3;
const channels = ['live', 'slow', 'ordered'] as const satisfies readonly Channel[];

interface Entry extends OutgoingTask {
  body: string;
  bytes: number;
}

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

/** URLs. A queue that a stage never sends to may be missing. */
export type DeliveryQueues = { live: string } & Partial<Record<Exclude<Channel, 'live'>, string>>;

export const deliveryQueues = (env: {
  DELIVERY_QUEUE_URL: string;
  SLOW_DELIVERY_QUEUE_URL: string;
  ORDERED_DELIVERY_QUEUE_URL: string;
}): DeliveryQueues => ({
  live: env.DELIVERY_QUEUE_URL,
  slow: env.SLOW_DELIVERY_QUEUE_URL,
  ordered: env.ORDERED_DELIVERY_QUEUE_URL,
});

/** Which queue it is, by the ARN that Lambda gives with a message: both end in the queue's name. */
export const channelByUrl =
  (queues: DeliveryQueues) =>
  (queueArn: string): Channel => {
    const name = queueArn.split(':').at(-1);
    return channels.find((channel) => queues[channel]?.split('/').at(-1) === name) ?? 'live';
  };

export function createTaskSender({ sqs, queues }: { sqs: SqsClient; queues: DeliveryQueues }): TaskSender {
  const sendBatch = async (queueUrl: string, batch: Entry[]): Promise<Map<Entry, TowercastError | null>> => {
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
        const body = formatDeliveryTask(task.task, task.endpoint);
        return { ...task, body, bytes: Buffer.byteLength(body) };
      });
      const outcomes = new Map<Entry, TowercastError | null>();
      const over = (channel: Channel) => entries.filter(({ via = 'live' }) => via === channel);
      const sendAll = async (some: Partial<Record<Channel, Entry[]>>): Promise<void> => {
        const batches = channels.flatMap((channel) =>
          packBatches(some[channel] ?? []).map((batch) => ({ channel, batch })),
        );
        await forEachAtMost(maxConcurrentCalls, batches, async ({ channel, batch }) => {
          const queueUrl = queues[channel];
          if (queueUrl === undefined) throw new TypeError(`no ${channel} queue is known here`);
          for (const [entry, outcome] of await sendBatch(queueUrl, batch)) outcomes.set(entry, outcome);
        });
      };
      const [first = [], ...later] = inRounds(over('ordered'));
      await sendAll({ live: over('live'), slow: over('slow'), ordered: first });
      for (const round of later) {
        const held = heldUp(outcomes);
        for (const entry of round) if (held(entry)) outcomes.set(entry, notSent('lane_held_up'));
        await sendAll({ ordered: round.filter((entry) => !held(entry)) });
      }
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

/** A lane's name may be longer than SQS takes (128), and holds characters that it does not: so it goes as a digest. */
const routing = ({ task, via, delaySeconds }: Entry) =>
  via === 'ordered'
    ? { MessageGroupId: laneGroup(task), MessageDeduplicationId: task.taskId }
    : { MessageGroupId: task.endpointId, DelaySeconds: delaySeconds };

/** No lane twice in a round: SQS may refuse one entry of a batch, which the next of its lane must not overtake. */
function inRounds(entries: readonly Entry[]): Entry[][] {
  const rounds: Entry[][] = [];
  const sent = new Map<string, number>();
  for (const entry of entries) {
    const lane = laneGroup(entry.task);
    const round = sent.get(lane) ?? 0;
    sent.set(lane, round + 1);
    (rounds[round] ??= []).push(entry);
  }
  return rounds;
}

/** Whether an earlier entry of the same lane was refused. */
function heldUp(outcomes: ReadonlyMap<Entry, TowercastError | null>): (entry: Entry) => boolean {
  const refused = new Set(
    [...outcomes].flatMap(([{ via, task }, error]) =>
      error !== null && via === 'ordered' ? [laneGroup(task)] : [],
    ),
  );
  return ({ task }) => refused.has(laneGroup(task));
}

const laneGroup = ({ endpointId, event }: DeliveryTask): string =>
  `${endpointId}-${createHash('sha256').update(laneOf(event)).digest('base64url').slice(0, 22)}`;

interface SendOutcome {
  accepted: Entry[];
  refused: { entry: Entry; error: TowercastError; retryable: boolean }[];
}

async function sendOnce(sqs: SqsClient, queueUrl: string, entries: Entry[]): Promise<SendOutcome> {
  try {
    const { Failed } = await sqs.sendMessageBatch({
      QueueUrl: queueUrl,
      Entries: entries.map((entry, index) => ({
        Id: String(index),
        MessageBody: entry.body,
        ...routing(entry),
      })),
    });
    const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
    const outcome: SendOutcome = { accepted: [], refused: [] };
    for (const [index, entry] of entries.entries()) {
      const failure = failures.get(String(index));
      if (failure === undefined) outcome.accepted.push(entry);
      else
        outcome.refused.push({
          entry,
          error: notSent(failure.Code),
          retryable: !failure.SenderFault,
        });
    }
    return outcome;
  } catch (cause) {
    // The client has retried the call as a whole already.
    const error = notSent(cause instanceof Error ? cause.name : 'unknown', cause);
    return { accepted: [], refused: entries.map((entry) => ({ entry, error, retryable: false })) };
  }
}

const notSent = (code: string, cause?: unknown): TowercastError =>
  new TowercastError('task_not_sent', `SQS did not accept the task: ${code}`, { cause });
