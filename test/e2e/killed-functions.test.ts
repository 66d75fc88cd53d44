import { kill } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { secret, startWorld, type World } from './world.ts';

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
          towers: towerIds.map((towerId) => ({
            towerId,
            partnerIds: ['acme'],
            lockers: Array.from({ length: 10 }, (_, index) => ({ locker: index + 1 })),
          })),
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            { endpointId: 'all', partnerId: 'acme', url: receiver.url('/all'), contract: 'standard', secret },
          ],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it(`${total} events while every function is killed ${killsPerFunction} times`, async () => {
    const towers = await Promise.all(towerIds.map((towerId) => world.tower(towerId)));
    let published = 0;
    const publishing = Promise.all(
      towers.map(async (tower) => {
        for (let index = 0; index < eventsPerTower; index += 1) {
          await tower.publish({
            type: index % 2 === 0 ? 'locker.opened' : 'locker.closed',
            locker: (index % 10) + 1,
          });
          published += 1;
        }
      }),
    );

    let kills = 0;
    const step = total / (functions.length * killsPerFunction);
    for (let round = 0; round < killsPerFunction; round += 1)
      for (const name of functions) {
        // Spread over the whole stream: the next kill when the next share has been published.
        const share = Math.min(total, (kills + 1) * step);
        await waitFor(() => (published >= share - step / 2 ? true : undefined), {
          timeoutMs: 60_000,
          describe: () => `${share} publications; ${published} so far`,
        });
        const pids = await waitFor(
          async () => {
            const found = await world.stack.functionPids(name);
            return found.length > 0 ? found : undefined;
          },
          { timeoutMs: 20_000, describe: () => `a process of ${name}` },
        );
        for (const pid of pids) kill(pid, 'SIGKILL');
        kills += 1;
      }
    await publishing;
    expect(kills).toBe(functions.length * killsPerFunction);

    // Whatever a killed `deliver` had in hands comes back after the queue's visibility timeout.
    await inbox.waitForAccepted(total, 150_000);
    expect(inbox.distinct).toBe(total);
    expect(inbox.badSignatures).toBe(0);
    expect(new Set((await world.events()).map((event) => event.id))).toEqual(inbox.accepted);
  }, 240_000);
});
