import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../../functions/deliver/create-handler.ts';
import type { KnownEndpoint } from '../../../../functions/shared/endpoint-directory.ts';
import type { Channel } from '../../../../functions/shared/queue.ts';
import type { DeliveryTask } from '../../../../schemas/delivery.ts';
import { makeSqsEvent, makeSqsRecord } from '../../../helpers/batches.ts';
import { makeEndpoint } from '../../../helpers/deliveries.ts';
import { makeHealth } from '../../../helpers/health.ts';
import { responds } from '../world.ts';
import { makeLaneWorld, taskOf } from './lane-world.ts';

const ordered = makeEndpoint({ ordered: true });
const slowOrdered: KnownEndpoint = {
  ...ordered,
  health: makeHealth({ slowUntil: '2026-03-20T10:00:00.000Z' }),
};

/** A lane whose endpoint is slow until told otherwise, and whose gate lets nothing of it pass but on the queue of the slow. */
function makeSlowLane() {
  const world = makeLaneWorld();
  let endpoint = slowOrdered;
  let channel: Channel = 'ordered';
  world.deps.endpoints = { ...world.deps.endpoints, get: async () => endpoint };
  world.deps.channelOf = () => channel;
  world.deps.gate = {
    enter: async ({ health }, _, over) =>
      over !== 'slow' && health !== undefined
        ? { kind: 'divert' }
        : { kind: 'go', begin: () => undefined, leave: async () => undefined },
  };
  const give = async (...tasks: DeliveryTask[]) => {
    channel = 'ordered';
    return world.give(...tasks);
  };
  const giveSlow = async (...tasks: DeliveryTask[]) => {
    channel = 'slow';
    const records = tasks.map((task, index) => makeSqsRecord(`s${index + 1}`, JSON.stringify(task)));
    return createHandler(world.deps)(makeSqsEvent(...records));
  };
  const takeSent = () => world.sent.splice(0);
  const lastSent = () => takeSent().at(-1)?.task ?? taskOf(0);
  const become = (next: KnownEndpoint) => {
    endpoint = next;
  };
  return { ...world, give, giveSlow, takeSent, lastSent, become };
}

describe('a lane of a slow endpoint', () => {
  it('gives the number where order is kept, and has its turn on the queue of the slow', async () => {
    const world = makeSlowLane();
    expect(await world.give(taskOf(1), taskOf(2))).toEqual({ batchItemFailures: [] });
    expect(world.posts).toEqual([]);
    expect([1, 2].map((seq) => world.recordOf(seq))).toMatchObject([
      { status: 'pending', sequence: 1, attempts: [] },
      { status: 'pending', sequence: 2, reason: 'behind' },
    ]);
    // Whoever has it finds the turn free.
    expect(world.lane()?.turn).toBeNull();
    const [turn, ...more] = world.takeSent();
    expect([turn, more]).toMatchObject([{ via: 'slow', delaySeconds: 1, task: { sequence: 1 } }, []]);
    expect(world.observer.total('DeliveriesDiverted')).toBe(1);

    await world.giveSlow(turn?.task ?? taskOf(0));
    expect(world.numbers()).toEqual([[1, 0]]);
    // Under its name, so that SQS drops a second one; there it is decided where the turn is.
    const [wake] = world.takeSent();
    expect(wake).toMatchObject({ via: 'ordered', task: { sequence: 2 } });
    await world.give(wake?.task ?? taskOf(0));
    expect(world.posts).toHaveLength(1);
    const [next] = world.takeSent();
    expect(next).toMatchObject({ via: 'slow', delaySeconds: 0, task: { sequence: 2 } });
    await world.giveSlow(next?.task ?? taskOf(0));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('sends a retry there, too', async () => {
    const world = makeSlowLane();
    world.deps.http = { post: async () => responds(500) };
    await world.give(taskOf(1));
    await world.giveSlow(world.lastSent());
    const retry = world.lastSent();
    expect(retry).toMatchObject({ sequence: 1, attempts: [{ number: 1 }] });
    await world.give(retry);
    expect(world.takeSent()).toMatchObject([{ via: 'slow', task: { sequence: 1, attempts: [{}] } }]);
    expect(world.recordOf(1)?.attempts).toHaveLength(1);
  });

  it('drops what the queue of the slow repeats, and sends nothing before its turn', async () => {
    const world = makeSlowLane();
    await world.give(taskOf(1), taskOf(2), taskOf(3));
    const first = world.lastSent();
    await world.giveSlow(taskOf(3, { sequence: 3 }), taskOf(2, { sequence: 2 }));
    expect(world.posts).toEqual([]);
    await world.giveSlow(first);
    await world.giveSlow(first);
    expect(world.numbers()).toEqual([[1, 0]]);
    await world.giveSlow(taskOf(2, { sequence: 2 }), first);
    await world.giveSlow(taskOf(3, { sequence: 3 }), taskOf(2, { sequence: 2 }));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
  });

  it('goes back to the queue that keeps order once its endpoint answers in time', async () => {
    const world = makeSlowLane();
    await world.give(taskOf(1), taskOf(2));
    const onItsWay = world.lastSent();
    world.become(ordered);
    await world.giveSlow(onItsWay);
    await world.give(world.lastSent());
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(world.takeSent()).toEqual([]);
  });

  it('has its turn there though its endpoint no longer asks for order', async () => {
    const world = makeSlowLane();
    await world.give(taskOf(1));
    const onItsWay = world.lastSent();
    world.become({ ...slowOrdered, ordered: false });
    await world.giveSlow(onItsWay);
    expect(world.numbers()).toEqual([[1, 0]]);
  });

  it('numbers nothing there: what has no place in its lane is sent where order is kept, as the same task', async () => {
    const world = makeSlowLane();
    const lost = taskOf(1, { sequence: 7 });
    for (const task of [lost, taskOf(2)]) {
      await world.giveSlow(task);
      expect(world.takeSent()).toEqual([{ task, delaySeconds: 0, via: 'ordered' }]);
    }
    expect(world.lane()).toBeUndefined();
  });

  it('has its turns there, too, while it catches up with what waited for its endpoint to recover', async () => {
    const world = makeSlowLane();
    const recovered: KnownEndpoint = {
      ...ordered,
      health: makeHealth({ closedAt: '2026-03-20T09:15:01.000Z' }),
    };
    world.become(recovered);
    world.deps.gate = {
      enter: async (_endpoint, _task, over) =>
        over === 'slow'
          ? { kind: 'later', delaySeconds: 7, reason: 'rate_limited', slotAt: '2026-03-20T09:15:09.000Z' }
          : { kind: 'divert' },
    };
    await world.give(taskOf(1));
    await world.giveSlow(world.lastSent());
    expect(world.recordOf(1)).toMatchObject({ status: 'pending', reason: 'rate_limited', attempts: [] });
    const [later] = world.takeSent();
    expect(later).toMatchObject({ via: 'slow', delaySeconds: 7, task: { sequence: 1 } });
    await world.give(later?.task ?? taskOf(0));
    expect(world.takeSent()).toMatchObject([
      { via: 'slow', delaySeconds: 0, task: { slotAt: '2026-03-20T09:15:09.000Z' } },
    ]);
    expect(world.posts).toEqual([]);
  });

  it('is looked at again by one of those that wait, however many they are', async () => {
    const world = makeSlowLane();
    await world.give(taskOf(1));
    const answer = Promise.withResolvers<ReturnType<typeof responds>>();
    const asked = Promise.withResolvers<void>();
    world.deps.http = {
      post: async () => {
        asked.resolve();
        return answer.promise;
      },
    };
    const first = world.giveSlow(world.lastSent());
    await asked.promise;
    await world.give(taskOf(2), taskOf(3), taskOf(4));
    const watches = world.takeSent();
    expect(watches).toMatchObject([{ via: 'slow', delaySeconds: 30, task: { sequence: 2 } }]);
    await world.give(taskOf(4, { taskId: 'again', sequence: 4 }));
    expect(world.takeSent()).toEqual([]);
    answer.resolve(responds(200));
    await first;
    // The head had looked before they came.
    world.deps.http = { post: async () => responds(200) };
    await world.giveSlow(watches[0]?.task ?? taskOf(0));
    for (const seq of [3, 4]) {
      await world.give(world.lastSent());
      await world.giveSlow(world.lastSent());
      expect(world.recordOf(seq)?.status).toBe('delivered');
    }
  });
});
