import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEventId } from '../../schemas/event-id.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { testStageWithBreaker } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const lockers = [1, 2, 3, 4, 5, 6];
const rounds = 8;
const total = lockers.length * rounds;
const drainPerSecond = 5;
/** Of the requests one after the other, so many are looked at together: a busy machine lets a few catch up. */
const together = 20;

describe('what waited in the lanes of an endpoint that was down', () => {
  let world: World;
  let tower: Tower;
  let inbox: Inbox;

  beforeAll(async () => {
    const stage = testStageWithBreaker({ failures: 5, openSeconds: 2, maxOpenSeconds: 4 });
    world = await startWorld({
      stageConfig: { ...stage, timers: { ...stage.timers, drainPerSecond } },
      network: (receiver) => {
        inbox = receiver.expect('/ordered', { secret, behaviour: { status: 500 } });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: lockers.map((locker) => ({ locker })) }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            {
              ...standardEndpoint('ordered', receiver.url('/ordered')),
              scheduleSeconds: [0, ...Array.from({ length: 19 }, () => 1)],
              ordered: true,
            },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('reaches it at a limited rate, all lanes together, in order', async () => {
    for (let round = 0; round < rounds; round += 1)
      for (const locker of lockers) await tower.publish({ type: 'locker.opened', locker });
    await waitFor(
      async () => {
        const waiting = (await world.deliveries()).filter(({ status }) => status === 'pending');
        const parked = waiting.filter(({ waitsFor }) => waitsFor === 'endpoint');
        return waiting.length === total && parked.length === lockers.length ? true : undefined;
      },
      { timeoutMs: 60_000, describe: () => 'a backlog in each lane' },
    );
    const refused = inbox.requests.length;
    inbox.behaviour = { status: 200 };
    await inbox.waitForAccepted(total, 200_000);

    const arrivals = inbox.requests.slice(refused).map(({ arrivedAtMs }) => arrivedAtMs);
    const fewest = Math.min(
      ...arrivals.slice(together).map((arrivedAtMs, index) => arrivedAtMs - (arrivals[index] ?? 0)),
    );
    expect(fewest).toBeGreaterThan((0.6 * together * 1_000) / drainPerSecond);
    const accepted = inbox.requests.slice(refused);
    for (const lane of Map.groupBy(accepted, ({ id }) => parseEventId(id)?.pk).values())
      expect([...new Set(lane.map(({ headers }) => headers['towercast-sequence']))]).toEqual(
        Array.from({ length: rounds }, (_, index) => String(index + 1)),
      );
  }, 300_000);
});
