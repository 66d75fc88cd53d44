import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from '../helpers/api-client.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { testStageWithBreaker } from '../helpers/stage-config.ts';
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
import { secret, standardEndpoint, startWorld, typesHeard, type World } from './world.ts';

const towerId = '0000000000000001';
const events = 4;
const failures = 2 * events;
/** More than open a breaker. */
const burst = failures + 2;

describe('what goes wrong with deliveries is told to whom it concerns', () => {
  let world: World;
  let tower: Tower;
  let audience: Audience;
  let ordinary: Inbox;
  let gone: Inbox;
  let deaf: Inbox;

  beforeAll(async () => {
    const stage = testStageWithBreaker({
      // Opens with the last failure of the last event: all are given up, none is parked.
      failures,
      openSeconds: 60,
      maxOpenSeconds: 60,
    });
    world = await startWorld({
      // The answers that are held back must be answers, also on a busy machine.
      stageConfig: {
        ...stage,
        delivery: { ...stage.delivery, attemptTimeoutMs: 3_000, timeoutSeconds: 12 },
      },
      network: (receiver) => {
        audience = expectAudience(receiver);
        ordinary = receiver.expect('/ordinary', { secret });
        // So late that many ask before anybody has heard that it is gone.
        gone = receiver.expect('/gone', { secret, behaviour: { status: 410, delayMs: 1_000 } });
        deaf = receiver.expect('/deaf', { secret, behaviour: { status: 500 } });
        receiver.expect('/failing', { secret, behaviour: { status: 503 } });
        const at = (name: string, partnerId: string) =>
          standardEndpoint(name, receiver.url(`/${name}`), partnerId);
        const scheduleSeconds = [0, 1];
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }, { locker: 2 }] }],
          partners: [
            { partnerId: 'acme', clientIds: ['acme-backend'] },
            { partnerId: 'rival' },
            { partnerId: 'operator' },
          ],
          endpoints: [
            { ...at('failing', 'acme'), scheduleSeconds, filter: { lockers: [1] } },
            { ...at('gone', 'acme'), scheduleSeconds, filter: { lockers: [2] } },
            at('ordinary', 'acme'),
            // Hears of all, and takes none of it: that must not make more of it.
            { ...at('deaf', 'acme'), operational: true, scheduleSeconds: [0, 1, 1, 1, 1] },
            ...audience.endpoints.map((one) =>
              one.endpointId === 'operator' ? { ...one, contract: 'cloudevents' as const } : one,
            ),
          ],
        };
      },
    });
    tower = await world.tower(towerId);
    await Promise.all([...opened(1, events), ...opened(2, burst)]);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const opened = (locker: number, count: number) =>
    Array.from({ length: count }, () => tower.publish({ type: 'locker.opened', locker }));
  const recordsOf = async (endpointId: string) =>
    (await world.deliveries()).filter((record) => record.endpointId === endpointId);

  it('an endpoint that fails, and each delivery to it that is given up', async () => {
    for (const { inbox } of audience.listeners) {
      await waitUntilTold(inbox, 'failing', events + 1, 40_000);
      expect(typesAbout(inbox, 'failing').toSorted()).toEqual([
        ...Array.from({ length: events }, () => 'delivery.dead'),
        'endpoint.failing',
      ]);
    }
    const told = toldAbout(audience.partner, 'failing');
    const records = await recordsOf('failing');
    const [first = ''] = records.flatMap(({ attempts }) => attempts.map(({ at }) => at)).toSorted();
    expect(told.find(({ type }) => type === 'endpoint.failing')?.data).toMatchObject({
      partnerId: 'acme',
      failingSince: first,
      reason: 'http_503',
    });
    const dead = told.flatMap((one) => (one.type === 'delivery.dead' ? [one.data] : []));
    const what = { partnerId: 'acme', eventType: 'locker.opened', reason: 'http_503', attempts: 2 };
    for (const data of dead) expect(data).toMatchObject(what);
    expect(dead.map(({ deliveryId, eventId }) => `${deliveryId} ${eventId}`).toSorted()).toEqual(
      records.map(({ id, event }) => `${id} ${event.id}`).toSorted(),
    );
  }, 60_000);

  it('an endpoint that answers 410 is disabled, which is told once, however many were told so', async () => {
    for (const { inbox } of audience.listeners) await waitUntilTold(inbox, 'gone', 1);
    await waitFor(
      async () => {
        const records = await recordsOf('gone');
        return records.length === burst && records.every(({ status }) => status === 'held')
          ? true
          : undefined;
      },
      { timeoutMs: 40_000, describe: () => `${burst} held records` },
    );
    await expectToldOnce(world, audience.listeners);
    for (const { inbox } of audience.listeners)
      expect(toldAbout(inbox, 'gone')).toMatchObject([
        { type: 'endpoint.disabled', data: { partnerId: 'acme', reason: 'gone' } },
      ]);
  }, 90_000);

  it('an endpoint that was gone, is enabled again and takes a request', async () => {
    gone.behaviour = { status: 204 };
    await enable(await signIn(world.stack.ready, 'acme-backend', 'partner'), 'gone');
    await Promise.all(opened(2, 2));
    await gone.waitForAccepted(2, 30_000);
    for (const { inbox } of audience.listeners) {
      await waitUntilTold(inbox, 'gone', 2);
      expect(toldAbout(inbox, 'gone')).toMatchObject([
        { type: 'endpoint.disabled' },
        { type: 'endpoint.recovered', data: { partnerId: 'acme', reason: null } },
      ]);
    }
  }, 60_000);

  it('an operational endpoint that fails is told of, and makes no storm of events about itself', async () => {
    // All that it did not take is given up or held back by then.
    await waitFor(
      async () => {
        const records = await recordsOf('deaf');
        const waiting = records.filter(({ status, waitsFor }) => status === 'pending' && waitsFor === 'time');
        return records.length > events && waiting.length === 0 ? true : undefined;
      },
      { timeoutMs: 60_000, describe: () => 'the end of all deliveries to the deaf endpoint' },
    );
    for (const { inbox } of audience.listeners) {
      await waitUntilTold(inbox, 'deaf', 1);
      expect(typesAbout(inbox, 'deaf')).toEqual(['endpoint.failing']);
    }
    const operational = (await world.events()).filter(({ cause }) => cause === 'system');
    // Failing twice, disabled and recovered once, and the dead of the one ordinary endpoint that fails.
    expect(operational).toHaveLength(4 + events);
    expect(deaf.distinct).toBeLessThanOrEqual(4 + events);
  }, 90_000);

  it('each once, and nobody else hears of it; ordinary endpoints hear of ordinary events only', async () => {
    await expectToldOnce(world, audience.listeners);
    const published = events + burst + 2;
    await ordinary.waitForAccepted(published, 20_000);
    expect(audience.rival.requests).toEqual([]);
    expect(ordinary.distinct).toBe(published);
    for (const type of typesHeard(ordinary)) expect(type).toBe('locker.opened');
  }, 60_000);
});
