import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../../functions/deliver/create-handler.ts';
import { makeSqsEvent, makeSqsRecord } from '../../../helpers/batches.ts';
import { makeAttempts, makeEndpoint, makeRecord } from '../../../helpers/deliveries.ts';
import type { DeliveryTask, Replay } from '../../../../schemas/delivery.ts';
import type { Endpoint } from '../../../../schemas/endpoint.ts';
import { nowMs, responds } from '../world.ts';
import { makeLaneWorld, taskOf, type LaneWorld } from './lane-world.ts';

/** Its partner can't be told what was skipped: nothing else wakes the lane. */
const endpoint = (changes: Partial<Endpoint>): Endpoint =>
  makeEndpoint({ ordered: true, contract: 'reservation-status', scheduleSeconds: [0], ...changes });

/** What the API and `timers` do with a retry of the first delivery while its endpoint wants no order. */
async function retryWithoutOrder(world: LaneWorld): Promise<Replay> {
  const record = world.recordOf(1);
  if (record === undefined) throw new Error('not on record');
  const { sequence: _, attempts, ...rest } = record;
  const replay = { redriveId: null, attemptsBefore: attempts.length };
  const dueAt = new Date(nowMs).toISOString();
  world.records.set(record.id, { ...rest, attempts, status: 'pending', reason: null, replay, dueAt });
  return replay;
}

const sendWithoutOrder = async (world: LaneWorld, replay: Replay): Promise<void> =>
  giveBeside(world, taskOf(1, { taskId: 'retry', attempts: world.recordOf(1)?.attempts ?? [], replay }));

/** By the queue of the live. */
async function giveBeside({ deps }: LaneWorld, task: DeliveryTask): Promise<void> {
  const beside = { ...deps, channelOf: () => 'live' as const };
  await createHandler(beside)(makeSqsEvent(makeSqsRecord('m1', JSON.stringify(task))));
}

describe('a lane whose endpoint wanted no order for a while', () => {
  it.each([
    ['delivered', 200],
    ['dead', 500],
  ])('goes on after its head was %s, retried and sent beside it', async (status, answer) => {
    const answers = [answer];
    const world = makeLaneWorld({
      endpoints: [endpoint({})],
      answer: () => responds(answers.shift() ?? 200),
    });
    await world.give(taskOf(1));
    expect(world.recordOf(1)).toMatchObject({ status, sequence: 1 });
    world.endpoints.set('main', endpoint({ ordered: false }));
    await sendWithoutOrder(world, await retryWithoutOrder(world));
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', attempts: { length: 2 } });
    expect(world.recordOf(1)?.sequence).toBeUndefined();
    world.endpoints.set('main', endpoint({}));
    await world.give(taskOf(2));
    expect(world.recordOf(2)).toMatchObject({ status: 'delivered', sequence: 2 });
  });

  it.each([
    ['its head, which waits for a retry', 1, [500]],
    ['what waits behind it', 2, [500]],
    ['its head, which was delivered', 1, [200]],
  ])('goes on though a task of before is repeated beside it: that of %s', async (_, seq, answers) => {
    const world = makeLaneWorld({
      endpoints: [endpoint({ scheduleSeconds: [0, 5] })],
      answer: () => responds(answers.shift() ?? 200),
    });
    await world.give(taskOf(1), taskOf(2));
    world.endpoints.set('main', endpoint({ ordered: false, scheduleSeconds: [0, 5] }));
    const before = { posts: world.posts.length, record: world.recordOf(seq) };
    await giveBeside(world, taskOf(seq, { taskId: 'repeated' }));
    expect({ posts: world.posts.length, record: world.recordOf(seq) }).toEqual(before);
  });

  it('goes on though a task of before, repeated beside it, has begun before its head was delivered', async () => {
    let isHeadDone = false;
    const world = makeLaneWorld({
      endpoints: [endpoint({})],
      answer: async () => {
        if (isHeadDone) return responds(200);
        isHeadDone = true;
        world.endpoints.set('main', endpoint({}));
        await world.give(taskOf(1));
        return responds(200);
      },
    });
    world.endpoints.set('main', endpoint({ ordered: false }));
    await giveBeside(world, taskOf(1, { taskId: 'repeated' }));
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', sequence: 1, taskId: 'task-1' });
  });

  it('goes on, and gives what was retried meanwhile its next turn', async () => {
    const world = makeLaneWorld({ endpoints: [endpoint({})] });
    await world.give(taskOf(1));
    const replay = await retryWithoutOrder(world);
    await world.give(taskOf(1, { taskId: 'retry', attempts: world.recordOf(1)?.attempts ?? [], replay }));
    // Nobody knows any more which number it was acknowledged under.
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it('takes up a retry that a crash left unsent just before order was asked for', async () => {
    const record = makeRecord({ event: taskOf(1).event, taskId: 'task-1', attempts: makeAttempts(1) });
    const world = makeLaneWorld({ endpoints: [endpoint({ scheduleSeconds: [0, 5] })], records: [record] });
    await world.give(taskOf(1));
    expect(world.sent).toMatchObject([{ delaySeconds: 5, task: { attempts: record.attempts } }]);
    await world.give(world.sent[0]?.task ?? taskOf(0));
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', sequence: 1, attempts: { length: 2 } });
  });

  it('wakes what has waited though its head was retried before it could', async () => {
    const answers = [500, 500];
    const world = makeLaneWorld({
      endpoints: [endpoint({ scheduleSeconds: [0, 5] })],
      answer: () => responds(answers.shift() ?? 200),
    });
    await world.give(taskOf(1), taskOf(2));
    const retry = world.sent[0]?.task ?? taskOf(0);
    const { tasks } = world.deps;
    world.deps.tasks = { send: () => Promise.reject(new Error('died')) };
    expect((await world.give(retry)).batchItemFailures).toHaveLength(1);
    expect(world.recordOf(1)).toMatchObject({ status: 'dead' });
    world.deps.tasks = tasks;
    world.endpoints.set('main', endpoint({ ordered: false, scheduleSeconds: [0, 5] }));
    await retryWithoutOrder(world);
    await world.give(retry);
    expect(world.sent.at(-1)).toMatchObject({ via: 'ordered', task: { sequence: 2 } });
  });
});
