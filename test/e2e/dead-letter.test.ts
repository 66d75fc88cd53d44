import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const maxReceiveCount = 2;

/** The queue gives a task again after 12 s, and to the DLQ after the second time. */
const stageConfig = {
  delivery: {
    scheduleSeconds: [0, 1, 1],
    attemptTimeoutMs: 800,
    // Time enough for a new process on a busy machine: one that times out would be a receive that nobody killed.
    timeoutSeconds: 2,
    maxReceiveCount,
    maxDelaySeconds: 30,
  },
  timers: { timeoutSeconds: 10, leaseSeconds: 20 },
};

describe('what deliver could not process ends on record', () => {
  let world: World;
  let inbox: Inbox;
  let kills = 0;

  /** Dies at each of the first receives of the first event, while the partner has the request in hands. */
  const killTheSender = async (): Promise<Answer> => {
    if (kills === maxReceiveCount) return { status: 200 };
    kills += 1;
    await world.stack.killFunction('DeliverFunction');
    return 'hang';
  };

  beforeAll(async () => {
    world = await startWorld({
      stageConfig,
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret, behaviour: killTheSender });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [standardEndpoint('all', receiver.url('/all'))],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('a task on which deliver dies each time is filed, and its schedule goes on', async () => {
    const tower = await world.tower(towerId);
    await tower.publish({ type: 'locker.opened', locker: 1 });
    await inbox.waitForAccepted(1, 150_000);
    expect(kills).toBe(maxReceiveCount);
    expect(inbox.distinct).toBe(1);
    const record = await waitFor(
      async () => (await world.deliveries()).find(({ status }) => status === 'delivered'),
      { timeoutMs: 10_000, describe: () => 'a delivered record' },
    );
    expect(record.attempts.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['crashed', 'function_failed'],
      ['delivered', null],
    ]);
  }, 160_000);

  it('a message that is no task is quarantined, and holds up nobody', async () => {
    const sqs = new SQSClient({
      endpoint: world.stack.ready.sqs,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const QueueUrl = world.stack.ready.queues['DeliveryQueue'];
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"poison":true}', MessageGroupId: 'x' }));
    sqs.destroy();
    const tower = await world.tower(towerId);
    await tower.publish({ type: 'locker.closed', locker: 1 });
    await inbox.waitForAccepted(2, 10_000);
    const items = await waitFor(
      async () => {
        const found = await world.entities('quarantine');
        return found.length > 0 ? found : undefined;
      },
      { timeoutMs: 60_000, describe: () => 'a quarantined task' },
    );
    expect(items.map(({ reason, raw }) => [reason, Buffer.from(String(raw), 'base64').toString()])).toEqual([
      ['task_unreadable', '{"poison":true}'],
    ]);
  }, 80_000);
});
