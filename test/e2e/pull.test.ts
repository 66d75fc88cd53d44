import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { stageDefaults } from '../../lib/stage-defaults.ts';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { busyTowers, startPublishing } from './busy-towers.ts';
import { secret, standardEndpoint, startWorld, typesHeard, type World } from './world.ts';

const towerIds = ['0000000000000001', '0000000000000002', '0000000000000003'];
const eventsPerTower = 100;
const total = towerIds.length * eventsPerTower;
const kills = 4;
/** Of the partner that has endpoints of both kinds. */
const ownTower = '0000000000000004';

const PageSchema = z.object({
  items: z.array(z.looseObject({ id: z.string() })),
  next: z.string(),
  atEnd: z.boolean(),
});

/** Pages along, waiting at the end, until so many are there. */
async function pull(client: ApiClient, count: number): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  const deadline = performance.now() + 150_000;
  while (new Set(ids).size < count && performance.now() < deadline) {
    const query = { limit: '20', wait: '2', ...(after !== undefined && { after }) };
    const answer = await client.call('GET', '/v1/events', { query });
    // The API's own function may have been killed.
    if (answer.status !== 200) continue;
    const page = PageSchema.parse(answer.json);
    ids.push(...page.items.map(({ id }) => id));
    after = page.next;
  }
  return ids;
}

describe('a partner that only pulls', () => {
  let world: World;
  let inbox: Inbox;
  let ordinary: Inbox;
  let trouble: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret });
        const failsOnce = { secret, behaviour: [{ status: 500 }, { status: 204 }] };
        ordinary = receiver.expect('/ordinary', failsOnce);
        trouble = receiver.expect('/trouble', failsOnce);
        return {
          towers: [
            ...busyTowers(towerIds, ['acme', 'puller']),
            { towerId: ownTower, partnerIds: ['both'], lockers: [{ locker: 1 }] },
          ],
          // Only one of the first two has an endpoint.
          partners: [
            { partnerId: 'acme' },
            { partnerId: 'puller', clientIds: ['puller-backend'] },
            { partnerId: 'both', clientIds: ['both-backend'] },
          ],
          endpoints: [
            standardEndpoint('all', receiver.url('/all')),
            // Gives up at once, which is told to the other one.
            { ...standardEndpoint('ordinary', receiver.url('/ordinary'), 'both'), scheduleSeconds: [0] },
            { ...standardEndpoint('trouble', receiver.url('/trouble'), 'both'), operational: true },
          ],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it(`gets the ${total} events that one who only receives gets, while fan-out is killed ${kills} times`, async () => {
    const puller = await signIn(world.stack.ready, 'puller-backend', 'partner');
    const pulling = pull(puller, total);
    const { published, ended } = await startPublishing(world, towerIds, eventsPerTower);
    for (let round = 1; round <= kills; round += 1) {
      await waitFor(() => (published() >= (total * round) / (kills + 1) ? true : undefined), {
        timeoutMs: 60_000,
        describe: () => `publication ${round}; ${published()} so far`,
      });
      await world.stack.killFunction('FanOutFunction');
    }
    await ended;
    await inbox.waitForAccepted(total, 150_000);
    const pulled = await pulling;
    expect(new Set(pulled)).toEqual(inbox.accepted);
    expect(pulled).toHaveLength(total);
    expect(new Set(pulled)).toEqual(new Set((await world.events()).map(({ id }) => id)));

    // Whoever comes later sees the same in the same order, by any step.
    expect(await pull(puller, total)).toEqual(pulled);
  }, 240_000);

  it('gets what an ordinary endpoint and an operational one get together, each of which fails once', async () => {
    const both = await signIn(world.stack.ready, 'both-backend', 'partner');
    const tower = await world.tower(ownTower);
    await tower.publish({ type: 'locker.opened', locker: 1 });
    // Once it has said that the first one was given up, the endpoint takes the others.
    await trouble.waitForAccepted(1, 60_000);
    await tower.publish({ type: 'locker.closed', locker: 1 });
    await tower.publish({ type: 'locker.opened', locker: 1 });
    await ordinary.waitForAccepted(2, 30_000);
    const dead = (await world.deliveries()).filter(({ status }) => status === 'dead');
    expect(dead).toMatchObject([{ endpointId: 'ordinary', reason: 'http_500' }]);

    const pulled = await pull(both, 4);
    expect(pulled).toHaveLength(4);
    const given = ordinary.accepted.union(trouble.accepted);
    expect(new Set(pulled)).toEqual(given.union(new Set(dead.map(({ event }) => event.id))));
    expect(typesHeard(trouble)).toEqual(['delivery.dead', 'delivery.dead']);
    expect(ordinary.accepted.isDisjointFrom(trouble.accepted)).toBe(true);
    expect(typesHeard(ordinary)).toEqual(['locker.opened', 'locker.closed', 'locker.opened']);
  }, 120_000);

  it('that waits at the end of the log has an event within moments', async () => {
    const puller = await signIn(world.stack.ready, 'puller-backend', 'partner');
    const since = new Date().toISOString();
    const tower = await world.tower(towerIds[0] ?? '');
    const waiting = puller.call('GET', '/v1/events', { query: { since, wait: '20' } });
    await tower.publish({ type: 'locker.opened', locker: 7 });
    const startedAt = performance.now();
    const { items } = PageSchema.parse((await waiting).json);
    expect(items).toMatchObject([{ type: 'locker.opened', locker: 7 }]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  }, 40_000);

  it('may wait with so many requests at a time, and is told to come again with one more', async () => {
    const puller = await signIn(world.stack.ready, 'puller-backend', 'partner');
    const since = new Date().toISOString();
    const pullOnce = () => puller.call('GET', '/v1/events', { query: { since, wait: '10' } });
    const { waitingPullsPerPartner } = stageDefaults.local.api;
    const answers = await Promise.all(Array.from({ length: waitingPullsPerPartner + 1 }, pullOnce));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([...Array.from({ length: waitingPullsPerPartner }, () => 200), 429]);
  }, 60_000);
});
