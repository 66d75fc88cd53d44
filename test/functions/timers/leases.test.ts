import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliver } from '../../../functions/deliver/delivery.ts';
import { addMs } from '../../../schemas/instant.ts';
import { makeRecord } from '../../helpers/deliveries.ts';
import { makeWorld, received } from '../deliver/world.ts';
import { start, startWorld, type TimersWorld } from './world.ts';

let world: TimersWorld;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

/** `deliver` on the tables of the timers, and by their clock. */
function startDeliver() {
  const { deps, posts, observer } = makeWorld();
  const here = { ...deps, store: world.store, now: () => Date.parse(world.state.now) };
  return {
    posts,
    observer,
    /** Gives it all that is on the queue, for the first time. */
    takeAll: async () => {
      for (const { task } of world.state.sent.splice(0)) await deliver(here, task, received(1));
    },
  };
}

describe('while deliver stands still for four hours', () => {
  it.each(['time', 'endpoint'] as const)('what waits for its %s is sent once in all', async (waitsFor) => {
    const record = makeRecord({ dueAt: addMs(start, -1_000), waitsFor });
    await world.seedDeliveries([record]);
    if (waitsFor === 'endpoint')
      await world.health.change(record, (health) => ({
        health: { ...health, backlogAt: start },
        announces: null,
      }));
    for (let minute = 0; minute < 240; minute += 10) {
      await world.run();
      world.pass(600);
    }
    const { posts, observer, takeAll } = startDeliver();
    const handedOut = world.state.sent.length;
    expect(handedOut).toBeGreaterThan(1);
    await takeAll();
    for (let minute = 0; minute < 20; minute += 5) {
      await world.run();
      await takeAll();
      world.pass(300);
    }
    expect(posts).toHaveLength(1);
    expect(observer.total('LeasesOver')).toBeGreaterThanOrEqual(handedOut - 1);
    expect(await world.record(record)).toMatchObject({ status: 'delivered', dueAt: null });
  });
});
