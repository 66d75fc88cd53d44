import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inbox } from '../helpers/receiver.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const perSecond = 2;
const events = 16;

describe('an endpoint with limits', () => {
  let world: World;
  let rated: Inbox;
  let single: Inbox;
  let free: Inbox;
  const underWay = { now: 0, most: 0 };

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        free = receiver.expect('/free', { secret });
        rated = receiver.expect('/rated', { secret });
        single = receiver.expect('/single', {
          secret,
          async behaviour() {
            underWay.now += 1;
            underWay.most = Math.max(underWay.most, underWay.now);
            await wait(150);
            underWay.now -= 1;
            return { status: 200 };
          },
        });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            standardEndpoint('free', receiver.url('/free')),
            { ...standardEndpoint('rated', receiver.url('/rated')), limits: { perSecond } },
            { ...standardEndpoint('single', receiver.url('/single')), limits: { concurrency: 1 } },
          ],
        };
      },
    });
    const tower = await world.tower(towerId);
    for (let index = 0; index < events; index += 1) await tower.publish({ type: 'locker.opened', locker: 1 });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('gets no more a second than it takes, and everything in the end', async () => {
    await rated.waitForAccepted(events, 60_000);
    const arrivals = rated.requests.map(({ arrivedAtMs }) => arrivedAtMs).sort((a, b) => a - b);
    expect(arrivals).toHaveLength(events);
    // What a request takes on its way varies: so two seconds, with one to spare.
    for (const [index, arrivedAtMs] of arrivals.entries())
      expect(arrivals.slice(index).filter((one) => one < arrivedAtMs + 2_000).length).toBeLessThanOrEqual(
        2 * perSecond + 1,
      );
  }, 90_000);

  it('gets no more at a time than it takes, and everything in the end', async () => {
    await single.waitForAccepted(events, 90_000);
    expect(single.requests).toHaveLength(events);
    expect(underWay.most).toBe(1);
  }, 120_000);

  it('holds up nobody else', async () => {
    await free.waitForAccepted(events, 10_000);
    const [first, last] = [free.requests[0], free.requests.at(-1)];
    expect((last?.arrivedAtMs ?? 0) - (first?.arrivedAtMs ?? 0)).toBeLessThan(
      ((events - 1) / perSecond) * 1_000,
    );
  });
});
