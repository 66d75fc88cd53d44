import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../../functions/deliver/create-handler.ts';
import { makeSqsEvent, makeSqsRecord } from '../../../helpers/batches.ts';
import { makeAttempt, makeRecord } from '../../../helpers/deliveries.ts';
import { responds } from '../world.ts';
import { makeLaneWorld, taskOf } from './lane-world.ts';

const { maxReceiveCount } = makeLaneWorld().deps;
const tooOften = maxReceiveCount + 1;
const nothingFailed = { batchItemFailures: [] };
const firstFailed = { batchItemFailures: [{ itemIdentifier: 'm1' }] };

/** A world in which the function died in the first delivery's first attempt. */
async function afterDeath() {
  const world = makeLaneWorld();
  const { http } = world.deps;
  world.deps.http = { post: () => Promise.reject(new Error('died')) };
  expect(await world.give(taskOf(1))).toEqual(firstFailed);
  world.deps.http = http;
  return world;
}

describe('a task that SQS gave too often', () => {
  it('goes to the DLQ without another attempt if it had its turn, and its place keeps what follows waiting', async () => {
    const world = await afterDeath();
    expect(await world.giveAgain(tooOften, taskOf(1))).toEqual(nothingFailed);
    expect(world.handedOver).toMatchObject([{ messageId: 'm1', body: JSON.stringify(taskOf(1)) }]);
    await world.give(taskOf(2));
    expect(world.posts).toEqual([]);
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 2 });
  });

  it('has one more attempt before that', async () => {
    const world = await afterDeath();
    const turnEndsMs = Date.parse(world.lane()?.turn?.until ?? '');
    world.deps.now = () => turnEndsMs;
    expect(await world.giveAgain(maxReceiveCount, taskOf(1))).toEqual(nothingFailed);
    expect(world.handedOver).toEqual([]);
    expect(world.numbers()).toEqual([[1, 0]]);
  });

  it('goes there also when it is on record what it came to: the rest is done from there', async () => {
    const world = makeLaneWorld();
    await world.give(taskOf(1));
    expect(await world.giveAgain(tooOften, taskOf(1))).toEqual(nothingFailed);
    expect(world.handedOver).toHaveLength(1);
  });

  it('goes there though its endpoint cannot be read', async () => {
    const world = await afterDeath();
    world.deps.endpoints.get = () => Promise.reject(new Error('of a later release'));
    expect(await world.giveAgain(tooOften, taskOf(1))).toEqual(nothingFailed);
    expect(world.handedOver).toHaveLength(1);
  });

  it('stays, and its lane with it, while the DLQ does not take it', async () => {
    const world = await afterDeath();
    world.deps.handOver = () => Promise.reject(new Error('throttled'));
    expect(await world.giveAgain(tooOften, taskOf(1), taskOf(2))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm1' }, { itemIdentifier: 'm2' }],
    });
    expect(world.recordOf(2)).toBeUndefined();
  });

  it.each(['read', 'write'] as const)(
    'stays, and its lane with it, while it has no place: a lane that fails to %s is told by a metric',
    async (call) => {
      const world = makeLaneWorld();
      const { lanes } = world.deps;
      world.deps.lanes = { ...lanes, [call]: () => Promise.reject(new Error('throttled')) };
      await world.giveAgain(maxReceiveCount, taskOf(1), taskOf(2));
      expect(world.observer.total('LaneTasksHeldUp')).toBe(0);
      const result = await world.giveAgain(tooOften, taskOf(1), taskOf(2));
      expect(result.batchItemFailures).toHaveLength(2);
      expect(world.handedOver).toEqual([]);
      expect(world.observer.total('LaneTasksHeldUp')).toBe(1);

      world.deps.lanes = lanes;
      expect(await world.giveAgain(999, taskOf(1), taskOf(2))).toEqual(nothingFailed);
      expect(world.numbers()).toEqual([
        [1, 0],
        [2, 1],
      ]);
    },
  );

  it('has its turn if it only waited for that', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1), taskOf(2));
    const attempts = [makeAttempt({ outcome: 'delivered' })];
    const over = makeRecord({ event: taskOf(1).event, status: 'delivered', sequence: 1, attempts });
    world.records.set(over.id, over);
    world.posts.length = 0;
    await world.giveAgain(tooOften, taskOf(2));
    expect(world.handedOver).toEqual([]);
    expect(world.numbers()).toEqual([[2, 1]]);
  });
});

describe('what is no task', () => {
  it('is given as often as any other, since another release may know it, and then goes to the DLQ', async () => {
    const world = makeLaneWorld();
    const give = async (receiveCount: number) =>
      createHandler(world.deps)(makeSqsEvent(makeSqsRecord('m1', '{"v":2}', receiveCount)));
    expect(await give(maxReceiveCount)).toEqual(firstFailed);
    expect(world.handedOver).toEqual([]);
    expect(await give(tooOften)).toEqual(nothingFailed);
    expect(world.handedOver).toMatchObject([{ body: '{"v":2}' }]);
  });
});
