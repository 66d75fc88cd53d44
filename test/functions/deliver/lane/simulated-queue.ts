import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { makeSqsRecord } from '../../../helpers/batches.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Message {
  id: string;
  body: string;
  group: string;
  visibleAtMs: number;
  receives: number;
}

export interface SimulatedQueueOptions {
  time: VirtualTime;
  name: string;
  /** A group's messages are given in order, and none while one of them is in flight. */
  fifo: boolean;
  batchSize: number;
  concurrency: number;
  visibilityMs: () => number;
  maxReceiveCount: number;
  /** Rejects when the function dies. */
  consume: (event: SQSEvent) => Promise<SQSBatchResponse>;
  /** What was given too often. */
  bury: (message: Message) => void;
}

const pollMs = 250;
const deduplicationMs = 300_000;

/** A queue with its event source mapping, as SQS and Lambda describe them. */
export function startSimulatedQueue(options: SimulatedQueueOptions) {
  const { time, fifo } = options;
  const messages: Message[] = [];
  /** When each name was last taken. */
  const named = new Map<string, number>();
  let number = 0;
  let running = 0;

  const receive = (): Message[] => {
    const taken: Message[] = [];
    const blocked = new Set(
      messages
        .filter(({ visibleAtMs, receives }) => receives > 0 && visibleAtMs > time.now())
        .map(({ group }) => group),
    );
    for (const message of messages.slice()) {
      if (taken.length === options.batchSize) break;
      if (message.visibleAtMs > time.now() || (fifo && blocked.has(message.group))) continue;
      message.receives += 1;
      if (message.receives > options.maxReceiveCount) {
        messages.splice(messages.indexOf(message), 1);
        options.bury(message);
        continue;
      }
      taken.push(message);
    }
    for (const message of taken) message.visibleAtMs = time.now() + options.visibilityMs();
    return taken;
  };

  const processBatch = async (batch: Message[]): Promise<void> => {
    const records = batch.map((message) => {
      const record = makeSqsRecord(message.id, message.body, message.receives);
      record.eventSourceARN = options.name;
      record.attributes.MessageGroupId = message.group;
      return record;
    });
    const handles = batch.map(({ receives }) => receives);
    const failed = await options.consume({ Records: records }).then(
      ({ batchItemFailures }) => new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)),
      () => new Set(batch.map(({ id }) => id)),
    );
    for (const [index, message] of batch.entries()) {
      // A receipt handle is void once the message was given again.
      if (failed.has(message.id) || message.receives !== handles[index]) continue;
      const at = messages.indexOf(message);
      if (at !== -1) messages.splice(at, 1);
    }
  };

  const poll = async (): Promise<void> => {
    for (;;) {
      await time.sleep(pollMs);
      if (running >= options.concurrency) continue;
      const batch = receive();
      if (batch.length === 0) continue;
      running += 1;
      void processBatch(batch).finally(() => {
        running -= 1;
      });
    }
  };
  void poll();

  return {
    send(body: string, group: string, { delayMs = 0, deduplicationId = '' } = {}): void {
      if (fifo && time.now() - (named.get(deduplicationId) ?? -Infinity) < deduplicationMs) return;
      named.set(deduplicationId, time.now());
      messages.push({
        id: `${options.name}-${(number += 1)}`,
        body,
        group,
        visibleAtMs: time.now() + delayMs,
        receives: 0,
      });
    },
    isEmpty: () => messages.length === 0,
  };
}
