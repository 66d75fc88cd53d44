import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../../functions/deliver/delivery.ts';
import type { DeliveryTask } from '../../../schemas/delivery.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeAttempts, makeBookingEvent, makeEndpoint, makeTask } from '../../helpers/deliveries.ts';
import { makeWorld, nowMs, received, responds, signingSecret, type WorldOptions } from './world.ts';

const event = makeBookingEvent();
const endpoint = makeEndpoint({
  contract: 'message-pointer',
  integration: { name: 'Ours', departmentId: 'dep-1', apiVersion: 'v1' },
});
const worldOf = (options: WorldOptions = {}) => makeWorld({ endpoints: [endpoint], ...options });
const readAt = instantFromMs(nowMs);
const pointer = (overrides: Partial<DeliveryTask> = {}) => makeTask({ event, ...overrides });
const recordOf = (world: ReturnType<typeof makeWorld>) => [...world.records.values()][0];

describe('a message pointer', () => {
  it('has an empty body, which is signed like any other', async () => {
    const world = worldOf();
    await deliver(world.deps, pointer(), received(1));
    const [post] = world.posts;
    expect(post?.body.byteLength).toBe(0);
    expect(post?.headers).toMatchObject({
      'user-agent': 'LockMe/1.0',
      'x-messageid': event.id,
      'webhook-id': event.id,
    });
    const expected = new Webhook(signingSecret).sign(
      event.id,
      new Date(Number(post?.headers['webhook-timestamp']) * 1_000),
      '',
    );
    expect(post?.headers['webhook-signature']).toBe(expected);
    expect(recordOf(world)?.attempts[0]?.requestSha256).toBe(createHash('sha256').digest('hex'));
  });

  it.each([200, 204, 302, 404, 410, 500])(
    'is repeated until it is marked as read, even if the POST is answered %i',
    async (status) => {
      const world = worldOf({ answer: () => responds(status) });
      await deliver(world.deps, pointer(), received(1));
      expect(recordOf(world)).toMatchObject({ status: 'pending', reason: null });
      expect(world.sent).toMatchObject([{ delaySeconds: 60, task: { attempts: [{ number: 1, status }] } }]);
      expect(world.endpoints.get('main')?.status).toBe('active');
    },
  );

  it('is repeated in increasing intervals', async () => {
    const world = worldOf();
    await deliver(world.deps, pointer(), received(1));
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.sent.map(({ delaySeconds }) => delaySeconds)).toEqual([60, 120]);
  });

  it('is delivered, without another POST, once it is marked as read', async () => {
    const world = worldOf();
    await deliver(world.deps, pointer(), received(1));
    world.read.set(event.id, readAt);
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.posts).toHaveLength(1);
    expect(world.sent).toHaveLength(1);
    expect(recordOf(world)).toMatchObject({ status: 'delivered', reason: null, attempts: [{ number: 1 }] });
    expect(world.observer.total('DeliveriesDelivered')).toBe(1);
  });

  it('that nobody read is dead as unread when the time to read it is over, without another POST', async () => {
    const world = worldOf();
    // The schedule of four steps has three attempts; the fourth step is the time left after the last.
    await deliver(world.deps, pointer({ attempts: makeAttempts(2) }), received(1));
    expect(world.sent).toMatchObject([{ delaySeconds: 240 }]);
    expect(recordOf(world)).toMatchObject({ status: 'pending' });
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.posts).toHaveLength(1);
    expect(recordOf(world)).toMatchObject({ status: 'dead', reason: 'unread' });
    expect(recordOf(world)?.attempts).toHaveLength(3);
  });

  it('that was read at the very end is delivered', async () => {
    const world = worldOf();
    world.read.set(event.id, readAt);
    await deliver(world.deps, pointer({ attempts: makeAttempts(3) }), received(1));
    expect(recordOf(world)).toMatchObject({ status: 'delivered' });
  });

  it('keeps the schedule of its endpoint, if it has one', async () => {
    const world = worldOf({ endpoints: [{ ...endpoint, scheduleSeconds: [0] }] });
    await deliver(world.deps, pointer(), received(1));
    expect(recordOf(world)).toMatchObject({ status: 'dead', reason: 'unread' });
  });

  it('of an integration that was deactivated is held', async () => {
    const world = worldOf({ endpoints: [{ ...endpoint, status: 'disabled' }] });
    await deliver(world.deps, pointer({ attempts: makeAttempts(1) }), received(1));
    expect(world.posts).toEqual([]);
    expect(recordOf(world)).toMatchObject({ status: 'held', reason: 'endpoint_disabled' });
  });

  it('counts its latency once', async () => {
    const world = worldOf();
    await deliver(world.deps, pointer(), received(1));
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.observer.metrics.filter(({ name }) => name === 'PublishToReceiptMs')).toHaveLength(1);
  });
});

/** What was attempted once before, and then asked for again. */
const replay = (overrides: Partial<DeliveryTask> = {}) =>
  pointer({ attempts: makeAttempts(1), replay: { redriveId: null, attemptsBefore: 1 }, ...overrides });

describe('a message pointer that somebody asked for again', () => {
  const before = '2026-03-20T09:15:02.000Z';

  it('is sent again though its message was read long before, and a 2xx ends it', async () => {
    const world = worldOf();
    world.read.set(event.id, before);
    await deliver(world.deps, replay(), received(1));
    expect(world.posts).toMatchObject([{ headers: { 'x-messageid': event.id, 'towercast-replay': 'true' } }]);
    expect(world.sent).toEqual([]);
    expect(recordOf(world)).toMatchObject({
      status: 'delivered',
      reason: null,
      attempts: [{ number: 1 }, { number: 2, status: 200, outcome: 'delivered' }],
    });
  });

  it('is tried again when it failed, though its message was read long before', async () => {
    const answers = [responds(500), responds(204)];
    const world = worldOf({ answer: () => answers.shift() ?? responds(204) });
    world.read.set(event.id, before);
    await deliver(world.deps, replay(), received(1));
    expect(recordOf(world)).toMatchObject({ status: 'pending' });
    expect(world.sent).toMatchObject([{ delaySeconds: 60 }]);
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.posts).toHaveLength(2);
    expect(recordOf(world)).toMatchObject({ status: 'delivered' });
  });

  it.each([[[0, 60, 120, 240]], [[0]]])(
    'stays delivered when it fails to the end, by the schedule %j',
    async (scheduleSeconds) => {
      const world = worldOf({
        endpoints: [{ ...endpoint, scheduleSeconds }],
        answer: () => responds(500),
      });
      world.read.set(event.id, before);
      let next: DeliveryTask | undefined = replay();
      while (next !== undefined) {
        world.sent.length = 0;
        await deliver(world.deps, next, received(1));
        next = world.sent[0]?.task;
      }
      expect(world.posts).toHaveLength(Math.max(1, scheduleSeconds.length - 1));
      expect(recordOf(world)).toMatchObject({ status: 'delivered', reason: null });
      expect(world.notices).toEqual([]);
    },
  );

  it('is over once its message is read for the first time, whatever the POST was answered', async () => {
    const world = worldOf({ answer: () => responds(500) });
    await deliver(world.deps, replay(), received(1));
    world.read.set(event.id, readAt);
    await deliver(world.deps, world.sent[0]?.task ?? pointer(), received(1));
    expect(world.posts).toHaveLength(1);
    expect(recordOf(world)).toMatchObject({ status: 'delivered' });
  });

  it('is repeated like any other while nobody has read it', async () => {
    const world = worldOf();
    await deliver(world.deps, replay(), received(1));
    expect(recordOf(world)).toMatchObject({ status: 'pending' });
    expect(world.sent).toMatchObject([{ delaySeconds: 60 }]);
  });
});

describe('reading a message', () => {
  it('acknowledges nothing of another contract', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint()], answer: () => responds(500) });
    world.read.set(makeTask().event.id, readAt);
    await deliver(world.deps, makeTask(), received(1));
    expect(world.posts).toHaveLength(1);
    expect(recordOf(world)).toMatchObject({ status: 'pending' });
  });
});
