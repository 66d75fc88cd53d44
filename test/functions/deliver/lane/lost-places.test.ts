import { describe, expect, it } from 'vitest';
import type { DeliveryTask } from '../../../../schemas/delivery.ts';
import { makeAttempt, makeAttempts, makeEndpoint, makeRecord } from '../../../helpers/deliveries.ts';
import { nowMs, responds } from '../world.ts';
import { eventAt, makeLaneWorld, taskOf } from './lane-world.ts';

/** A lane whose first delivery has failed once, with others behind it. From now on the partner takes everything. */
async function laneWith(followers: DeliveryTask[], endpoint = makeEndpoint({ ordered: true })) {
  let answer = 500;
  const world = makeLaneWorld({ endpoints: [endpoint], answer: () => responds(answer) });
  await world.give(taskOf(1), ...followers);
  answer = 200;
  const names = new Set<string>();
  /** Gives what was sent, as SQS would: once by each name. */
  const goOn = async (): Promise<void> => {
    for (let next = world.sent.shift(); next !== undefined; next = world.sent.shift()) {
      if (names.has(next.task.taskId)) continue;
      names.add(next.task.taskId);
      await world.give(next.task);
    }
  };
  return { ...world, goOn };
}

const numbersOf = (world: Awaited<ReturnType<typeof laneWith>>) =>
  [1, 2, 3, 4].map((seq) => [world.recordOf(seq)?.status, world.recordOf(seq)?.sequence]);

describe('what waits under a number that its record no longer has', () => {
  it('was delivered by a chain of before the lane: the lane passes it over', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    const { event } = taskOf(2);
    const outcome = makeRecord({ event, taskId: 'chain', status: 'delivered', attempts: makeAttempts(1) });
    await world.deps.store.put(outcome);
    await world.goOn();
    expect(numbersOf(world).slice(0, 3)).toEqual([
      ['delivered', 1],
      ['delivered', undefined],
      ['delivered', 3],
    ]);
    // The number that was passed over reached nobody.
    expect(world.numbers().at(-1)).toEqual([3, 1]);
  });

  it('goes on in a chain of before the lane: that comes into the lane, and in its place', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    const { event } = taskOf(2);
    const attempts = makeAttempts(1);
    await world.deps.store.advance(makeRecord({ event, taskId: 'chain', attempts }), 1);
    await world.goOn();
    // Its own next task is one too many.
    await world.give(taskOf(2, { taskId: 'next of the chain', attempts }));
    expect(numbersOf(world).slice(0, 3)).toEqual([
      ['delivered', 1],
      ['delivered', 2],
      ['delivered', 3],
    ]);
    expect(world.posts.map(({ headers }) => headers['webhook-id'])).toEqual(
      [1, 1, 2, 3].map((seq) => eventAt(9, seq).id),
    );
  });

  it('may lose it while the task that should take its turn is on its way', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    await world.give(world.sent.shift()?.task ?? taskOf(0));
    expect(world.sent).toMatchObject([{ task: { sequence: 2 } }]);
    const { event } = taskOf(2);
    await world.deps.store.put(
      makeRecord({ event, taskId: 'chain', status: 'delivered', attempts: makeAttempts(1) }),
    );
    await world.goOn();
    expect(world.recordOf(3)).toMatchObject({ status: 'delivered', sequence: 3 });
  });

  it('has none any more: it is dead, which is told', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    world.records.delete(world.recordOf(2)?.id ?? '');
    await world.goOn();
    expect(world.recordOf(2)).toMatchObject({ status: 'dead', reason: 'event_expired', sequence: 2 });
    expect(world.notices).toMatchObject([{ type: 'delivery.dead', data: { eventId: eventAt(9, 2).id } }]);
    expect(world.recordOf(3)).toMatchObject({ status: 'delivered', sequence: 3 });
  });
});

describe('what waits and whose event was cleaned up', () => {
  it('is dead, counted and told of, in its place', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    world.events.delete(eventAt(9, 2).id);
    await world.goOn();
    expect(world.recordOf(2)).toMatchObject({ status: 'dead', reason: 'event_expired', sequence: 2 });
    expect(world.observer.total('DeliveriesDead')).toBe(1);
    expect(world.notices).toMatchObject([{ type: 'delivery.dead', data: { reason: 'event_expired' } }]);
    // In its place comes what says so.
    expect(world.posts.map(({ headers }) => headers['towercast-sequence'])).toEqual(['1', '1', '2', '3']);
  });

  it('stays delivered if that was a replay', async () => {
    const replay = { redriveId: 'r1', attemptsBefore: 1 };
    const attempts = [makeAttempt({ outcome: 'delivered' })];
    const world = await laneWith([taskOf(2, { attempts, replay }), taskOf(3)]);
    world.events.delete(eventAt(9, 2).id);
    await world.goOn();
    expect(world.recordOf(2)).toMatchObject({ status: 'delivered', sequence: 2 });
    expect(world.notices).toEqual([]);
    expect(world.observer.total('DeliveriesDead')).toBe(0);
    expect(world.numbers().at(-1)).toEqual([3, 1]);
  });
});

describe('a lane that stands still', () => {
  it('goes on though what should say that one was skipped was never sent', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    world.records.delete(world.recordOf(2)?.id ?? '');
    const { tasks } = world.deps;
    world.deps.tasks = { send: () => Promise.reject(new Error('died')) };
    const retry = world.sent.shift()?.task ?? taskOf(0);
    expect((await world.give(retry)).batchItemFailures).toHaveLength(1);
    expect(world.lane()?.head).toMatchObject({
      sequence: 2,
      eventId: expect.stringContaining('ntc~') as unknown,
    });
    world.deps.tasks = tasks;
    await world.give(retry);
    await world.goOn();
    expect(world.recordOf(3)).toMatchObject({ status: 'delivered', sequence: 3 });
  });

  it('goes on when anybody comes though what should say that one was skipped was never sent', async () => {
    const world = await laneWith([taskOf(2), taskOf(3)]);
    world.records.delete(world.recordOf(2)?.id ?? '');
    const { tasks } = world.deps;
    world.deps.tasks = { send: () => Promise.reject(new Error('died')) };
    await world.give(world.sent.shift()?.task ?? taskOf(0));
    world.deps.tasks = tasks;
    world.sent.splice(0);
    // The one whose task that was has lost its place, and is given no more.
    await world.give(taskOf(4));
    await world.goOn();
    expect(numbersOf(world)).toMatchObject([
      ['delivered', 1],
      ['dead', 2],
      ['delivered', 3],
      ['delivered', 4],
    ]);
  });

  it('wakes what is next under another name after a head that was over goes on and has another turn', async () => {
    const world = await laneWith([taskOf(2)]);
    const retry = world.sent.shift()?.task ?? taskOf(0);
    const before = world.recordOf(1);
    if (before === undefined) throw new Error('not on record');
    await world.give(retry);
    const woken = world.sent.splice(0);
    world.records.set(before.id, before);
    world.deps.now = () => nowMs + 60_000;
    await world.give(retry);
    const wokenAgain = world.sent.splice(0);
    expect([...woken, ...wokenAgain]).toMatchObject([{ task: { sequence: 2 } }, { task: { sequence: 2 } }]);
    expect(wokenAgain[0]?.task.taskId).not.toBe(woken[0]?.task.taskId);
  });

  it('is told of, and its head woken, once nothing was heard of that for ten minutes', async () => {
    const world = makeLaneWorld();
    let clockMs = nowMs;
    world.deps.now = () => clockMs;
    world.deps.store = { ...world.deps.store, put: () => Promise.reject(new Error('died')) };
    await world.give(taskOf(1));
    const watchAgain = async (): Promise<void> => {
      await world.give(world.sent.pop()?.task ?? taskOf(2));
    };
    await watchAgain();
    // Until its turn ends, and for ten minutes from then, its task may come again.
    clockMs += 624_999;
    await watchAgain();
    expect(world.observer.total('LanesStuck')).toBe(0);
    clockMs += 1;
    await watchAgain();
    expect(world.observer.total('LanesStuck')).toBe(1);
    expect(world.sent).toMatchObject([
      { via: 'ordered', task: { sequence: 1, event: { id: eventAt(9, 1).id } } },
      { delaySeconds: 30, task: { sequence: 2 } },
    ]);
  });

  it('is watched by whoever had the next number, though its delivery has lost it', async () => {
    const world = makeLaneWorld();
    world.deps.store = { ...world.deps.store, put: () => Promise.reject(new Error('died')) };
    await world.give(taskOf(1), taskOf(2));
    await world.give(taskOf(2));
    expect(world.sent).toMatchObject([{ delaySeconds: 30, task: { sequence: 2 } }]);
    world.records.delete(world.recordOf(2)?.id ?? '');
    await world.give(world.sent.pop()?.task ?? taskOf(0));
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 3 });
    expect(world.sent).toMatchObject([{ delaySeconds: 30, task: { sequence: 2 } }]);
  });

  it('and whose head has no event any more gives that up', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1), taskOf(2));
    const head = world.recordOf(1);
    if (head === undefined) throw new Error('not on record');
    // Neither a task of it nor a time is left.
    world.records.set(head.id, { ...head, dueAt: null });
    world.events.delete(eventAt(9, 1).id);
    world.deps.now = () => nowMs + 625_001;
    await world.give(taskOf(2));
    expect(world.recordOf(1)).toMatchObject({ status: 'dead', reason: 'event_expired', sequence: 1 });
    expect(world.notices).toMatchObject([{ type: 'delivery.dead' }]);
  });
});
