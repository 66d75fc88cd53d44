import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { busyTowers, startPublishing } from './busy-towers.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerIds = ['0000000000000001', '0000000000000002', '0000000000000003', '0000000000000004'];
const eventsPerTower = 250;
const total = towerIds.length * eventsPerTower;
const functions = [
  'IngestFunction',
  'FanOutFunction',
  'DeliverFunction',
  'TimersFunction',
  'DeadLetterFunction',
];
const killsPerFunction = 4;

describe('a function that is killed at any moment loses nothing', () => {
  let world: World;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret });
        return {
          towers: busyTowers(towerIds, ['acme']),
          partners: [{ partnerId: 'acme' }],
          endpoints: [standardEndpoint('all', receiver.url('/all'))],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it(`${total} events while every function is killed ${killsPerFunction} times`, async () => {
    const { published, ended } = await startPublishing(world, towerIds, eventsPerTower);

    let kills = 0;
    const step = total / (functions.length * killsPerFunction);
    for (let round = 0; round < killsPerFunction; round += 1)
      for (const name of functions) {
        // Spread over the whole stream: the next kill when the next share has been published.
        const share = Math.min(total, (kills + 1) * step);
        await waitFor(() => (published() >= share - step / 2 ? true : undefined), {
          timeoutMs: 60_000,
          describe: () => `${share} publications; ${published()} so far`,
        });
        await waitFor(async () => ((await world.stack.killFunction(name)) > 0 ? true : undefined), {
          timeoutMs: 20_000,
          describe: () => `a process of ${name}`,
        });
        kills += 1;
      }
    await ended;
    expect(kills).toBe(functions.length * killsPerFunction);

    // Whatever a killed `deliver` had in hands comes back after the queue's visibility timeout.
    await inbox.waitForAccepted(total, 150_000);
    expect(inbox.distinct).toBe(total);
    expect(inbox.badSignatures).toBe(0);
    expect(new Set((await world.events()).map((event) => event.id))).toEqual(inbox.accepted);
  }, 240_000);
});
