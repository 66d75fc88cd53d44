import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { EndpointHealthSchema, type EndpointHealth } from '../../schemas/endpoint-health.ts';
import { instantToMs } from '../../schemas/instant.ts';
import { signIn } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { testStageWithBreaker } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, typesHeard, type World } from './world.ts';

const towerId = '0000000000000001';
const failuresToOpen = 5;
const openSeconds = 4;
/** What SQS and the clock may take. */
const settledMs = 500;
/** Of the header, in whole seconds: what was under way when the breaker opened may arrive much later. */
const attemptedAtMs = ({ headers }: ReceivedRequest): number => Number(headers['webhook-timestamp']) * 1_000;

describe('an endpoint that fails gets one request at a time until it recovers, and then all that it missed', () => {
  let world: World;
  let tower: Tower;
  let dead: Inbox;
  let healthy: Inbox;
  let watcher: Inbox;
  let openedAtMs = 0;

  beforeAll(async () => {
    world = await startWorld({
      stageConfig: testStageWithBreaker({
        failures: failuresToOpen,
        openSeconds,
        maxOpenSeconds: 2 * openSeconds,
      }),
      network: (receiver) => {
        dead = receiver.expect('/dead', { secret, behaviour: { status: 500, delayMs: 200 } });
        healthy = receiver.expect('/healthy', { secret });
        watcher = receiver.expect('/watcher', { secret });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }],
          endpoints: [
            {
              ...standardEndpoint('dead', receiver.url('/dead')),
              scheduleSeconds: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            },
            standardEndpoint('healthy', receiver.url('/healthy')),
            { ...standardEndpoint('watcher', receiver.url('/watcher')), operational: true },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  let published = 0;
  const publish = async (count: number) => {
    for (let index = 0; index < count; index += 1) await tower.publish({ type: 'locker.opened', locker: 1 });
    published += count;
  };
  const health = async (): Promise<EndpointHealth> => {
    const [item] = await world.entities('endpoint-health');
    return EndpointHealthSchema.parse(item);
  };
  const heard = async (type: string) =>
    watcher.waitFor(({ body }) => body.toString().includes(`"${type}"`), 20_000);
  /** Of `timers`, too, whose minute may end in any of this: after theirs, the next pause has begun. */
  const isProbeDue = async () => {
    const { breaker, openUntil, probeUntil } = await health();
    return breaker === 'open' && probeUntil === null && Date.now() > instantToMs(openUntil ?? '');
  };
  /** Gives an open breaker something to try the endpoint with, until that is so. */
  const publishUntil = async (isSo: () => boolean, what: string) =>
    waitFor(
      async () => {
        if (isSo()) return true;
        if (await isProbeDue()) await publish(1);
        return undefined;
      },
      { timeoutMs: 40_000, describe: () => what },
    );
  const parked = async () =>
    (await world.deliveries()).filter(
      ({ status, waitsFor }) => status === 'pending' && waitsFor === 'endpoint',
    );

  it('opens after failures in a row, says so, and sends nothing more', async () => {
    await publish(failuresToOpen);
    await heard('endpoint.failing');
    const opened = await health();
    expect(opened).toMatchObject({ breaker: 'open', lastReason: 'http_500' });
    openedAtMs = instantToMs(opened.openedAt ?? '');
    await publish(10);
    await waitFor(async () => ((await parked()).length === published ? true : undefined), {
      timeoutMs: 20_000,
      describe: () => `${published} parked deliveries`,
    });
    await healthy.waitForAccepted(published, 10_000);
    const { openUntil } = await health();
    const sent = dead.requests.filter(
      (request) =>
        attemptedAtMs(request) > openedAtMs &&
        request.arrivedAtMs < Math.min(instantToMs(openUntil ?? ''), Date.now()),
    );
    expect(sent.length).toBeLessThanOrEqual(1);
  }, 60_000);

  it('shows that to its partner', async () => {
    const api = await signIn(world.stack.ready, 'acme-backend', 'partner');
    const BacklogSchema = z.looseObject({ backlog: z.looseObject({ parked: z.literal(published) }) });
    // All but a probe that may be under way.
    const answer = await waitFor(
      async () => {
        const read = await api.call('GET', '/v1/endpoints/dead/health');
        return BacklogSchema.safeParse(read.json).success ? read : undefined;
      },
      { timeoutMs: 20_000, describe: () => `a backlog of ${published}` },
    );
    expect(answer).toMatchObject({
      status: 200,
      json: { failures: failuresToOpen, lastReason: 'http_500' },
    });
    expect(['open', 'recovering']).toContain(z.object({ state: z.string() }).parse(answer.json).state);
  });

  it('sends one probe at a time, further and further apart', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { openUntil } = await health();
      await waitFor(() => (Date.now() > instantToMs(openUntil ?? '') ? true : undefined), {
        timeoutMs: 20_000,
        describe: () => 'the end of the pause',
      });
      const before = dead.requests.length;
      await publish(10);
      await publishUntil(() => dead.requests.length > before, 'a probe');
      await waitFor(async () => ((await health()).openUntil === openUntil ? undefined : true), {
        timeoutMs: 20_000,
        describe: () => 'a longer pause',
      });
    }
    await waitFor(async () => ((await parked()).length === published ? true : undefined), {
      timeoutMs: 20_000,
      describe: () => `${published} parked deliveries`,
    });
    const probes = dead.requests
      .filter((request) => attemptedAtMs(request) > openedAtMs)
      .map(({ arrivedAtMs }) => arrivedAtMs);
    expect(probes.length).toBeGreaterThanOrEqual(2);
    for (const [index, arrivedAtMs] of probes.entries())
      // ±20 %.
      expect(arrivedAtMs - (probes[index - 1] ?? openedAtMs)).toBeGreaterThan(
        openSeconds * 0.8 * 1_000 - settledMs,
      );
  }, 90_000);

  it('closes on the first success, says so, and lets live events pass before the backlog', async () => {
    // At the full minute `timers` begins to drain the backlog: not now.
    await waitFor(() => (new Date().getUTCSeconds() < 40 ? true : undefined), {
      timeoutMs: 30_000,
      describe: () => 'the next minute',
    });
    dead.behaviour = { status: 200 };
    await publishUntil(
      () => watcher.requests.some(({ body }) => body.includes('"endpoint.recovered"')),
      'the recovery',
    );
    expect(await health()).toMatchObject({ breaker: 'closed', failures: 0 });
    const waiting = (await parked()).length;
    const known = new Set(dead.requests.map(({ id }) => id));
    await publish(5);
    await waitFor(() => (dead.requests.filter(({ id }) => !known.has(id)).length >= 5 ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => 'the live events',
    });
    expect(waiting).toBeGreaterThan(10);
  }, 90_000);

  it('gets all of its backlog, each event with its id, and nothing is lost', async () => {
    await dead.waitForAccepted(published, 150_000);
    await healthy.waitForAccepted(published, 10_000);
    expect(dead.badSignatures).toBe(0);
    const records = await waitFor(
      async () => {
        const all = (await world.deliveries()).filter(({ endpointId }) => endpointId === 'dead');
        return all.every(({ status }) => status === 'delivered') ? all : undefined;
      },
      { timeoutMs: 30_000, describe: () => 'delivered records' },
    );
    expect(records).toHaveLength(published);
    expect(typesHeard(watcher)).toEqual(['endpoint.failing', 'endpoint.recovered']);
  }, 200_000);
});
