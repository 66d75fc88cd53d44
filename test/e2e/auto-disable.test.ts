import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { testStage, testStageWithBreaker } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import {
  enable,
  expectAudience,
  expectToldOnce,
  toldAbout,
  typesAbout,
  waitUntilTold,
  type Audience,
} from './operational-webhooks.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const openSeconds = 2;
/** In place of five days. */
const disableAfterSeconds = 2;

describe('an endpoint that fails for days is switched off, and nothing meant for it is lost', () => {
  let world: World;
  let tower: Tower;
  let acme: ApiClient;
  let failing: Inbox;
  let audience: Audience;
  let published = 0;

  beforeAll(async () => {
    world = await startWorld({
      stageConfig: {
        ...testStageWithBreaker({ failures: 2, openSeconds, maxOpenSeconds: openSeconds }),
        timers: { ...testStage.timers, disableAfterHours: disableAfterSeconds / 3_600, drainPerSecond: 20 },
      },
      network: (receiver) => {
        failing = receiver.expect('/failing', { secret, behaviour: { status: 500 } });
        audience = expectAudience(receiver);
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [
            { partnerId: 'acme', clientIds: ['acme-backend'] },
            { partnerId: 'rival' },
            { partnerId: 'operator' },
          ],
          endpoints: [standardEndpoint('failing', receiver.url('/failing')), ...audience.endpoints],
        };
      },
    });
    tower = await world.tower(towerId);
    acme = await signIn(world.stack.ready, 'acme-backend', 'partner');
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const publish = async () => {
    await tower.publish({ type: 'locker.opened', locker: 1 });
    published += 1;
  };
  const endpointNow = async () =>
    (await world.entities('endpoint')).find((one) => one['endpointId'] === 'failing');
  const records = async () => (await world.deliveries()).filter(({ endpointId }) => endpointId === 'failing');
  const expectStory = async (story: string[]) => {
    for (const { inbox } of audience.listeners) {
      await waitUntilTold(inbox, 'failing', story.length);
      expect(typesAbout(inbox, 'failing')).toEqual(story);
    }
  };

  it('is told, once: that it fails, then that it was switched off', async () => {
    for (let index = 0; index < 10; index += 1) await publish();
    await expectStory(['endpoint.failing']);
    // Events keep coming: each is a chance for the endpoint to show that it has recovered.
    let lastAt = 0;
    await waitFor(
      async () => {
        if (performance.now() > lastAt + 1_000) {
          lastAt = performance.now();
          await publish();
        }
        return (await endpointNow())?.['status'] === 'disabled' ? true : undefined;
      },
      { timeoutMs: 150_000, describe: () => 'the end of the endpoint' },
    );
    expect(await endpointNow()).toMatchObject({ status: 'disabled', disabledReason: 'failing' });
    await expectStory(['endpoint.failing', 'endpoint.disabled']);
  }, 180_000);

  it('what was parked for it, and what comes after, is held without another request', async () => {
    await publish();
    await waitFor(
      async () => {
        const all = await records();
        return all.length === published && all.every(({ status }) => status === 'held') ? true : undefined;
      },
      {
        timeoutMs: 150_000,
        describe: () => `${published} held records`,
      },
    );
    const before = failing.requests.length;
    await publish();
    await waitFor(async () => ((await records()).length === published ? true : undefined), {
      timeoutMs: 20_000,
      describe: () => 'another held record',
    });
    expect((await records()).map(({ status }) => status)).toEqual(
      Array.from({ length: published }, () => 'held'),
    );
    expect(failing.requests.length).toBe(before);
    await expectStory(['endpoint.failing', 'endpoint.disabled']);
  }, 180_000);

  it('enabled again, it is told to have recovered by the first new event, and gets what was held', async () => {
    failing.behaviour = { status: 204 };
    await enable(acme, 'failing');
    await publish();
    await expectStory(['endpoint.failing', 'endpoint.disabled', 'endpoint.recovered']);
    expect((await acme.call('POST', '/v1/endpoints/failing/recover', { body: {} })).status).toBe(202);
    await failing.waitForAccepted(published, 150_000);
    await expectToldOnce(world, audience.listeners);
    for (const { inbox } of audience.listeners) {
      const told = toldAbout(inbox, 'failing');
      const failingSince = told[0]?.type === 'endpoint.failing' ? told[0].data.failingSince : undefined;
      expect(told).toMatchObject([
        { type: 'endpoint.failing', data: { partnerId: 'acme', failingSince, reason: 'http_500' } },
        { type: 'endpoint.disabled', data: { partnerId: 'acme', failingSince, reason: 'failing' } },
        { type: 'endpoint.recovered', data: { partnerId: 'acme', failingSince, reason: null } },
      ]);
    }
    expect(audience.rival.requests).toEqual([]);
  }, 180_000);
});
