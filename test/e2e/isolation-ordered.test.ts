import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEventId } from '../../schemas/event-id.ts';
import type { Inbox } from '../helpers/receiver.ts';
import type { Tower } from '../helpers/tower.ts';
import { latenciesOf, quantile } from './latency.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const lockers = Array.from({ length: 40 }, (_, index) => index + 1);
/** Two for each locker. */
const events = 2 * lockers.length;
/** Ten a second, each for a lane that its slow endpoint holds for ten seconds. */
const pauseMs = 100;
const slowAnswerMs = 10_000;

const endpoint = (endpointId: string, url: string, types: string[]) => ({
  ...standardEndpoint(endpointId, url, endpointId),
  ordered: true,
  filter: { types },
});

describe('an ordered endpoint that takes ten seconds beside one that answers at once', () => {
  let world: World;
  let tower: Tower;
  let slow: Inbox;
  let healthy: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      // As it is deployed: timeouts and caches of production. A busy machine makes nobody slow.
      stageConfig: { delivery: { slow: { afterMs: 4_000 } } },
      network: (receiver) => {
        slow = receiver.expect('/slow', { secret, behaviour: { status: 200, delayMs: slowAnswerMs } });
        healthy = receiver.expect('/healthy', { secret });
        return {
          towers: [
            { towerId, partnerIds: ['healthy', 'slow'], lockers: lockers.map((locker) => ({ locker })) },
          ],
          partners: [{ partnerId: 'healthy' }, { partnerId: 'slow' }],
          endpoints: [
            endpoint('healthy', receiver.url('/healthy'), ['locker.*']),
            endpoint('slow', receiver.url('/slow'), ['locker.opened']),
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** Milliseconds from an event to its receipt at the healthy endpoint, of a run of events of this type. */
  async function run(type: 'locker.closed' | 'locker.opened'): Promise<number[]> {
    const seenBefore = healthy.requests.length;
    for (let index = 0; index < events; index += 1) {
      await tower.publish({ type, locker: lockers[index % lockers.length] ?? 1 });
      await wait(pauseMs);
    }
    await healthy.waitForRequests(seenBefore + events, 60_000);
    return latenciesOf(healthy.requests.slice(seenBefore));
  }

  it('leaves the latency of the other as it was', async () => {
    await run('locker.closed');
    const alone = await run('locker.closed');
    // All the processes that hold the slow endpoint's requests start here: on a busy machine that takes longer than they do.
    await run('locker.opened');
    const beside = await run('locker.opened');
    const [before, after] = [quantile(alone, 0.95), quantile(beside, 0.95)];
    // Loosely: other tests run on the same machine.
    expect(after, `p95 was ${before} ms alone`).toBeLessThan(3 * before + 500);
    expect(slow.requests.length).toBeGreaterThan(0);
  }, 180_000);

  it('gets all that is its own, in order', async () => {
    await slow.waitForAccepted(2 * events, 120_000);
    for (const lane of Map.groupBy(slow.requests, ({ id }) => parseEventId(id)?.pk).values())
      expect(lane.map(({ headers }) => headers['towercast-sequence'])).toEqual(['1', '2', '3', '4']);
  }, 150_000);
});
