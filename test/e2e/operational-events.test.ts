import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Inbox } from '../helpers/receiver.ts';
import { testStageWithBreaker } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const events = 4;

const EventSchema = z.object({
  type: z.string(),
  data: z.object({
    endpointId: z.string(),
    reason: z.string().nullable(),
    deliveryId: z.string().optional(),
    eventType: z.string().optional(),
  }),
});

/** What came to an operational endpoint. */
const heardBy = (inbox: Inbox) =>
  inbox.requests.map(({ body }) => EventSchema.parse(JSON.parse(body.toString())));
const typesOf = (inbox: Inbox, endpointId: string) =>
  heardBy(inbox)
    .filter(({ data }) => data.endpointId === endpointId)
    .map(({ type }) => type)
    .toSorted();

describe('what goes wrong with deliveries is told to whom it concerns', () => {
  let world: World;
  let tower: Tower;
  let partner: Inbox;
  let operator: Inbox;
  let rival: Inbox;
  let ordinary: Inbox;
  let deaf: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      // Opens with the last failure of the last event: all are given up, none is parked.
      stageConfig: testStageWithBreaker({ failures: 2 * events, openSeconds: 60, maxOpenSeconds: 60 }),
      network: (receiver) => {
        partner = receiver.expect('/partner', { secret });
        operator = receiver.expect('/operator', { secret });
        rival = receiver.expect('/rival', { secret });
        ordinary = receiver.expect('/ordinary', { secret });
        deaf = receiver.expect('/deaf', { secret, behaviour: { status: 500 } });
        receiver.expect('/failing', { secret, behaviour: { status: 503 } });
        receiver.expect('/gone', { secret, behaviour: { status: 410 } });
        const at = (name: string, partnerId: string) =>
          standardEndpoint(name, receiver.url(`/${name}`), partnerId);
        const scheduleSeconds = [0, 1];
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: ['acme', 'rival', 'operator'].map((partnerId) => ({ partnerId })),
          endpoints: [
            { ...at('failing', 'acme'), scheduleSeconds },
            { ...at('gone', 'acme'), scheduleSeconds },
            at('ordinary', 'acme'),
            { ...at('partner', 'acme'), operational: true },
            // Hears of all, and takes none of it: that must not make more of it.
            { ...at('deaf', 'acme'), operational: true, scheduleSeconds: [0, 1, 1, 1, 1] },
            { ...at('operator', 'operator'), operational: true, contract: 'cloudevents' as const },
            { ...at('rival', 'rival'), operational: true },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
    for (let index = 0; index < events; index += 1) await tower.publish({ type: 'locker.opened', locker: 1 });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('an endpoint that fails, and each delivery to it that is given up', async () => {
    const expected = [...Array.from({ length: events }, () => 'delivery.dead'), 'endpoint.failing'];
    for (const inbox of [partner, operator]) {
      await waitFor(() => (typesOf(inbox, 'failing').length >= expected.length ? true : undefined), {
        timeoutMs: 40_000,
        describe: () =>
          `${expected.length} events about the failing endpoint, not ${typesOf(inbox, 'failing').join(', ')}`,
      });
      expect(typesOf(inbox, 'failing')).toEqual(expected);
      expect(inbox.badSignatures).toBe(0);
    }
    const dead = heardBy(partner).filter(({ type }) => type === 'delivery.dead');
    const records = (await world.deliveries()).filter(({ endpointId }) => endpointId === 'failing');
    expect(new Set(dead.map(({ data }) => data.deliveryId))).toEqual(new Set(records.map(({ id }) => id)));
    for (const { data } of dead)
      expect(data).toMatchObject({ reason: 'http_503', eventType: 'locker.opened' });
  }, 60_000);

  it('an endpoint that answers 410 is disabled, which is told once', async () => {
    for (const inbox of [partner, operator])
      await waitFor(() => (typesOf(inbox, 'gone').length > 0 ? true : undefined), {
        timeoutMs: 30_000,
        describe: () => 'an event about the endpoint that is gone',
      });
    expect(typesOf(partner, 'gone')).toEqual(['endpoint.disabled']);
    expect(heardBy(partner).find(({ type }) => type === 'endpoint.disabled')?.data.reason).toBe('gone');
  }, 60_000);

  it('an operational endpoint that fails is told of, and makes no storm of events about itself', async () => {
    // All that it did not take is given up or held back by then.
    await waitFor(
      async () => {
        const records = (await world.deliveries()).filter(({ endpointId }) => endpointId === 'deaf');
        const waiting = records.filter(({ status, waitsFor }) => status === 'pending' && waitsFor === 'time');
        return records.length > events && waiting.length === 0 ? true : undefined;
      },
      { timeoutMs: 60_000, describe: () => 'the end of all deliveries to the deaf endpoint' },
    );
    for (const inbox of [partner, operator]) {
      await waitFor(() => (typesOf(inbox, 'deaf').length > 0 ? true : undefined), {
        timeoutMs: 20_000,
        describe: () => 'an event about the deaf endpoint',
      });
      expect(typesOf(inbox, 'deaf')).toEqual(['endpoint.failing']);
    }
    const operational = (await world.events()).filter(({ cause }) => cause === 'system');
    // Failing twice, disabled once, and the dead of the one ordinary endpoint that fails.
    expect(operational).toHaveLength(3 + events);
    expect(deaf.distinct).toBeLessThanOrEqual(3 + events);
  }, 90_000);

  it('nobody else hears of it, and ordinary endpoints hear of ordinary events only', async () => {
    await ordinary.waitForAccepted(events, 20_000);
    expect(rival.requests).toEqual([]);
    expect(ordinary.distinct).toBe(events);
    for (const { type } of heardBy(partner)) expect(type).toMatch(/^(endpoint|delivery)\./);
  });
});
