import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from '../helpers/api-client.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { latenciesOf, quantile } from './latency.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const healthyCount = 8;
const events = 80;
/** Ten a second: each of the bad endpoints would hold a hundred invocations in ten seconds. */
const pauseMs = 100;
const slowAnswerMs = 10_000;
const slowAfterMs = 4_000;
/** No port that is given to whoever asks for a free one: nobody can come to listen there. */
const nobody = 'http://127.0.0.1:1/';

const endpoint = (endpointId: string, url: string, types: string[]) => ({
  ...standardEndpoint(endpointId, url, endpointId),
  filter: { types },
});

describe('a dead and a ten-second endpoint beside healthy ones', () => {
  let world: World;
  let tower: Tower;
  let slow: Inbox;
  let tested: Inbox;
  let warmer: Inbox;
  const healthy: Inbox[] = [];
  const names = Array.from({ length: healthyCount }, (_, index) => `healthy-${index}`);

  beforeAll(async () => {
    world = await startWorld({
      // As it is deployed: timeouts, breaker and caches of production. A busy machine makes nobody slow.
      stageConfig: { delivery: { slow: { afterMs: slowAfterMs } } },
      network: (receiver) => {
        slow = receiver.expect('/slow', { secret, behaviour: { status: 200, delayMs: slowAnswerMs } });
        tested = receiver.expect('/tested', { secret });
        warmer = receiver.expect('/warmer', {
          secret,
          behaviour: { status: 200, delayMs: slowAfterMs + 1_000 },
        });
        for (const name of names) healthy.push(receiver.expect(`/${name}`, { secret }));
        return {
          towers: [
            { towerId, partnerIds: [...names, 'slow', 'dead', 'tested', 'warmer'], lockers: [{ locker: 1 }] },
          ],
          partners: [
            ...[...names, 'slow', 'dead', 'warmer'].map((partnerId) => ({ partnerId })),
            { partnerId: 'tested', clientIds: ['tested-backend'] },
          ],
          endpoints: [
            ...names.map((name) => endpoint(name, receiver.url(`/${name}`), ['locker.*'])),
            endpoint('slow', receiver.url('/slow'), ['locker.opened']),
            endpoint('dead', nobody, ['locker.opened']),
            endpoint('tested', receiver.url('/tested'), ['locker.left_open']),
            endpoint('warmer', receiver.url('/warmer'), ['locker.forced']),
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** Milliseconds from an event to its receipt at the healthy endpoints, of a run of events of this type. */
  async function run(type: 'locker.closed' | 'locker.opened' | 'locker.forced'): Promise<number[]> {
    const seenBefore = healthy.map((inbox) => inbox.requests.length);
    for (let index = 0; index < events; index += 1) {
      await tower.publish({ type, locker: 1 });
      await wait(pauseMs);
    }
    await Promise.all(
      healthy.map((inbox, index) => inbox.waitForRequests((seenBefore[index] ?? 0) + events, 30_000)),
    );
    return latenciesOf(healthy.flatMap((inbox, index) => inbox.requests.slice(seenBefore[index])));
  }

  /** All the processes that hold a slow endpoint's requests start: on a busy machine, whoever comes meanwhile waits for them. */
  async function warmUp(): Promise<void> {
    await run('locker.forced');
    await warmer.waitForAccepted(events, 60_000);
  }

  it('leave the latency of the others as it was', async () => {
    await warmUp();
    const alone = await run('locker.closed');
    const beside = await run('locker.opened');
    const [before, after] = [quantile(alone, 0.95), quantile(beside, 0.95)];
    // Loosely: other tests run on the same machine. `npm run bench` measures it.
    expect(after, `p95 was ${before} ms alone`).toBeLessThan(3 * before + 500);
    expect(slow.requests.length).toBeGreaterThan(0);
  }, 120_000);

  it('get what is theirs over the queue of the slow, or later', async () => {
    await slow.waitForAccepted(events, 120_000);
    const ofDead = await waitFor(
      async () => {
        const records = (await world.deliveries()).filter(({ endpointId }) => endpointId === 'dead');
        return records.length === events ? records : undefined;
      },
      { timeoutMs: 30_000, describe: () => 'a record for each' },
    );
    expect(new Set(ofDead.map(({ status }) => status))).toEqual(new Set(['pending']));
    expect(ofDead.filter(({ waitsFor }) => waitsFor === 'endpoint').length).toBeGreaterThan(events / 2);
  }, 180_000);

  it('harm nobody by being tried over and over, known to answer in time or not', async () => {
    const received = healthy.map((inbox) => inbox.requests.length);
    await tower.publish({ type: 'locker.left_open', locker: 1 });
    await tested.waitForAccepted(1, 30_000);
    await Promise.all(
      healthy.map((inbox, index) => inbox.waitForRequests((received[index] ?? 0) + 1, 30_000)),
    );
    const alone = await run('locker.closed');
    tested.behaviour = { status: 200, delayMs: slowAnswerMs };
    const api = await signIn(world.stack.ready, 'tested-backend', 'partner');
    const end = new AbortController();
    const tries = (async () => {
      while (!end.signal.aborted) {
        await api.call('POST', '/v1/endpoints/tested/test', { body: { type: 'locker.opened' } });
        await wait(pauseMs);
      }
    })();
    await tested.waitForRequests(2, 30_000);
    const beside = await run('locker.closed').finally(() => end.abort());
    await tries;
    const [before, after] = [quantile(alone, 0.95), quantile(beside, 0.95)];
    expect(after, `p95 was ${before} ms alone`).toBeLessThan(3 * before + 500);
  }, 180_000);
});
