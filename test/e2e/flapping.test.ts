import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndpointHealthSchema, type EndpointHealth } from '../../schemas/endpoint-health.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { testStageWithBreaker } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import {
  expectAudience,
  expectToldOnce,
  toldAbout,
  typesAbout,
  waitUntilTold,
  type Audience,
} from './operational-webhooks.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const outages = 4;
/** In place of ten minutes: who opens again so soon comes and goes. */
const steadySeconds = 20;

describe('an endpoint that comes and goes', () => {
  let world: World;
  let tower: Tower;
  let flapping: Inbox;
  let audience: Audience;
  let published = 0;

  beforeAll(async () => {
    world = await startWorld({
      stageConfig: testStageWithBreaker({ failures: 2, openSeconds: 1, maxOpenSeconds: steadySeconds }),
      network: (receiver) => {
        flapping = receiver.expect('/flapping', { secret });
        audience = expectAudience(receiver);
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: ['acme', 'rival', 'operator'].map((partnerId) => ({ partnerId })),
          endpoints: [standardEndpoint('flapping', receiver.url('/flapping')), ...audience.endpoints],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const publish = async () => {
    await tower.publish({ type: 'locker.opened', locker: 1 });
    published += 1;
  };
  const health = async (): Promise<EndpointHealth | undefined> => {
    const items = await world.entities('endpoint-health');
    const item = items.find((one) => one['endpointId'] === 'flapping');
    return item === undefined ? undefined : EndpointHealthSchema.parse(item);
  };
  /** An event now and then, each of which may show how the endpoint is, until that is so. */
  const publishUntil = async <T>(isSo: () => Promise<T | undefined>, what: string): Promise<T> => {
    let lastAt = 0;
    return waitFor(
      async () => {
        const found = await isSo();
        if (found === undefined && performance.now() > lastAt + 250) {
          lastAt = performance.now();
          await publish();
        }
        return found;
      },
      { timeoutMs: 60_000, describe: () => what },
    );
  };
  const publishUntilBreaker = async (breaker: EndpointHealth['breaker']) =>
    publishUntil(async () => {
      const now = await health();
      return now?.breaker === breaker ? now : undefined;
    }, `a breaker that is ${breaker}`);

  it('is told of three times, however often it goes on, and once more when it has stayed', async () => {
    await publish();
    await flapping.waitForAccepted(1, 20_000);
    let closed: EndpointHealth | undefined;
    for (let outage = 0; outage < outages; outage += 1) {
      flapping.behaviour = { status: 500 };
      await publishUntilBreaker('open');
      flapping.behaviour = { status: 204 };
      closed = await publishUntilBreaker('closed');
    }
    for (const { inbox } of audience.listeners) await waitUntilTold(inbox, 'flapping', 3);
    await expectToldOnce(world, audience.listeners);
    const told = ['endpoint.failing', 'endpoint.recovered', 'endpoint.failing'];
    for (const { inbox } of audience.listeners) expect(typesAbout(inbox, 'flapping')).toEqual(told);

    // It takes requests all the time: by one of them it has stayed for long enough.
    await publishUntil(
      async () => (typesAbout(audience.operator, 'flapping').length > told.length ? true : undefined),
      'its recovery',
    );
    await expectToldOnce(world, audience.listeners);
    for (const { inbox } of audience.listeners) {
      const [, , second, last] = toldAbout(inbox, 'flapping');
      expect(typesAbout(inbox, 'flapping')).toEqual([...told, 'endpoint.recovered']);
      expect(second?.data).toMatchObject({ partnerId: 'acme', reason: 'http_500' });
      // One outage, as it was told: it lasted until the endpoint stayed.
      if (second?.type !== 'endpoint.failing' || last?.type !== 'endpoint.recovered')
        throw new TypeError('another order');
      expect(last.data.failingSince).toBe(second.data.failingSince);
      expect(Date.parse(last.data.occurredAt)).toBeGreaterThanOrEqual(
        instantToMs(closed?.closedAt ?? '') + steadySeconds * 1_000,
      );
    }
    expect(audience.rival.requests).toEqual([]);
  }, 180_000);

  it('gets every event in the end', async () => {
    await flapping.waitForAccepted(published, 150_000);
    expect(flapping.badSignatures).toBe(0);
    for (const { inbox } of audience.listeners) expect(typesAbout(inbox, 'flapping')).toHaveLength(4);
  }, 160_000);
});
