import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attempted, probeTaken } from '../../../functions/domain/endpoint-breaker.ts';
import { type Observation } from '../../../functions/domain/endpoint-health.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { endpointHealthKey } from '../../../functions/shared/endpoint-health.ts';
import { entityKey, healthShardName } from '../../../functions/shared/keys.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { EndpointHealth } from '../../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { addMs, instantToMs } from '../../../schemas/instant.ts';
import { makeEndpoint, makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { policy } from '../../helpers/health.ts';
import { start, startWorld, type TimersWorld } from './world.ts';

let world: TimersWorld;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const hoursBefore = (hours: number) => addMs(start, -hours * 3_600_000);
const endpoint = makeEndpoint();

/** An endpoint with this health, which has its own way of being due. */
async function unwell(changes: Partial<EndpointHealth>, given: Endpoint = endpoint): Promise<void> {
  await world.seed(given);
  await world.health.change(given, (health) => ({ health: { ...health, ...changes }, announces: null }));
}

const open = (changes: Partial<EndpointHealth> = {}): Partial<EndpointHealth> => ({
  failures: 5,
  failingSince: hoursBefore(2),
  lastFailureAt: hoursBefore(0.1),
  lastReason: 'http_500',
  breaker: 'open',
  openedAt: hoursBefore(2),
  openUntil: hoursBefore(0.01),
  openings: 3,
  ...changes,
});

interface Parked {
  /** When the event of the first was received; the others follow by the second. */
  from?: DeliveryRecord['event']['receivedAt'];
  firstNumber?: number;
  replay?: DeliveryRecord['replay'];
}

const parkedOf = (
  endpointId: string,
  count: number,
  { from = hoursBefore(1), firstNumber = 1, replay = null }: Parked = {},
): DeliveryRecord[] =>
  Array.from({ length: count }, (_, index) =>
    makeRecord({
      endpointId,
      attempts: [],
      reason: 'breaker_open',
      waitsFor: 'endpoint',
      dueAt: addMs(from, index * 1_000),
      replay,
      event: makeEvent({ id: `evt_t-9_mmykbvk0_b7-${firstNumber + index}` }),
    }),
  );

/** Of events that were received days before. */
const replaysOf = (endpointId: string, count: number): DeliveryRecord[] =>
  parkedOf(endpointId, count, {
    from: hoursBefore(24 * 9),
    firstNumber: 1_001,
    replay: { redriveId: 'rdr-1', attemptsBefore: 0 },
  });

const observed = (kind: Observation['kind'], more: Partial<Observation>): Observation => ({
  kind,
  startedAtMs: instantToMs(start),
  durationMs: 100,
  reason: kind === 'failure' ? 'http_500' : null,
  retryAfterMs: null,
  longestStepMs: 86_400_000,
  probe: null,
  replay: false,
  lastSuccessMs: null,
  ...more,
});

/** Makes some of them such as this release can't read. */
const spoil = async (records: readonly DeliveryRecord[]) => {
  for (const record of records)
    await world.tables.put('deliveries', {
      ...deliveryItem(record, world.tables),
      status: 'of-a-later-release',
    });
};

const sent = () => world.state.sent.map(({ task, ...how }) => ({ ...how, eventId: task.event.id }));
const healthNow = async () => world.health.get(endpoint);
const operational = async () =>
  (await world.events())
    .filter(({ type }) => type.startsWith('endpoint.'))
    .map(({ type, data }) => ({ type, data }));

describe('an endpoint that came and went', () => {
  it('is told to have recovered when it has stayed closed, though nothing is sent to it', async () => {
    await unwell({
      closedAt: hoursBefore(0.1),
      toldSince: hoursBefore(1),
      settlesAt: addMs(start, 60_000),
    });
    await world.run();
    expect(await operational()).toEqual([]);
    world.pass(61);
    await Promise.all([world.run(), world.run()]);
    expect(await operational()).toMatchObject([
      { type: 'endpoint.recovered', data: { failingSince: hoursBefore(1), reason: null } },
    ]);
    expect(await healthNow()).toMatchObject({ toldSince: null, settlesAt: null, dueAt: null });
  });
});

describe('an endpoint that has failed for five days', () => {
  const hopeless = open({ failingSince: hoursBefore(121), lastFailureAt: hoursBefore(0.5) });

  it('is disabled, and its partner and the operator hear of it, once', async () => {
    await unwell(hopeless);
    await Promise.all([world.run(), world.run()]);
    world.pass(60);
    await world.run();
    expect(await world.stored('endpoint')).toMatchObject([
      { status: 'disabled', disabledReason: 'failing', version: 2 },
    ]);
    expect(await world.events()).toMatchObject([
      {
        type: 'endpoint.disabled',
        cause: 'system',
        partnerIds: ['acme', 'operator'],
        data: { endpointId: 'main', failingSince: hoursBefore(121), reason: 'failing' },
      },
    ]);
    expect(world.state.metrics.get('EndpointsDisabled')).toBe(1);
  });

  it('and said that it is gone meanwhile begins anew, and its recovery will be told', async () => {
    const gone = { ...endpoint, status: 'disabled', disabledReason: 'gone' } as const;
    const changes = { failures: 2, failingSince: hoursBefore(1), lastFailureAt: hoursBefore(0.5) };
    await unwell({ ...changes, backlogAt: hoursBefore(1) }, gone);
    await world.run();
    expect(await healthNow()).toMatchObject({ failures: 0, failingSince: null, toldSince: hoursBefore(1) });
  });

  it('is disabled though replays wait for it, which are older than all else and count for nothing', async () => {
    const fails = { policy, random: () => 0.5 };
    await unwell(open({ failingSince: hoursBefore(3), lastFailureAt: start, backlogAt: start }));
    const replays = replaysOf('main', 1);
    const live = parkedOf('main', 1);
    await world.seedDeliveries([...replays, ...live]);
    for (let hours = 0; hours <= 132; hours += 12) {
      await world.run();
      for (const { task } of world.state.sent.splice(0)) {
        const nowMs = instantToMs(world.state.now);
        const { probeUntil } = await world.health.change(endpoint, (one) =>
          probeTaken(one, { ...fails, nowMs }),
        );
        const failure = observed('failure', {
          startedAtMs: nowMs,
          probe: probeUntil,
          replay: task.replay !== undefined,
        });
        await world.health.change(endpoint, (one) => attempted(one, failure, { ...fails, nowMs }));
        // Its next attempt meets an open breaker.
        for (const record of [...replays, ...live])
          await world.tables.put('deliveries', deliveryItem(record, world.tables));
      }
      world.pass(12 * 3_600);
    }
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'disabled', disabledReason: 'failing' }]);
  });

  it('begins anew when it is enabled again', async () => {
    await unwell(hopeless);
    await world.run();
    expect(await healthNow()).toMatchObject({ breaker: 'closed', failures: 0, failingSince: null });
  });

  it.each([
    [
      'whose last attempt was the day before',
      open({ failingSince: hoursBefore(121), lastFailureAt: hoursBefore(24) }),
    ],
    [
      'that failed for an hour less',
      open({ failingSince: hoursBefore(119.5), lastFailureAt: hoursBefore(0) }),
    ],
  ])('is not one %s', async (_, health) => {
    await unwell(health);
    await world.run();
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'active' }]);
    expect(await operational()).toEqual([]);
  });

  it('is not one that failed for a day, and at a replay days later', async () => {
    await unwell(open({ failingSince: hoursBefore(144), lastFailureAt: hoursBefore(120) }));
    const nowMs = instantToMs(start);
    const probing = await world.health.change(endpoint, (health) => probeTaken(health, { policy, nowMs }));
    const replay = observed('failure', { probe: probing.probeUntil, replay: true });
    await world.health.change(endpoint, (health) =>
      attempted(health, replay, { policy, nowMs, random: () => 0.5 }),
    );
    world.pass(60);
    await world.run();
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'active' }]);
  });

  it('is not one that failed for days, was sent nothing for weeks, and fails once more', async () => {
    const silentSince = hoursBefore(24 * 56);
    await unwell(open({ failingSince: hoursBefore(24 * 60), lastFailureAt: silentSince }));
    await world.health.change(endpoint, (health) => ({
      health: { ...health, probeUntil: start },
      announces: null,
    }));
    const failure = observed('failure', { probe: start });
    const context = { policy, nowMs: instantToMs(start), random: () => 0.5 };
    await world.health.change(endpoint, (health) => attempted(health, failure, context));
    world.pass(60);
    await world.run();
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'active' }]);
  });

  it('is not one that takes a request while the run is on its way to it', async () => {
    await unwell(hopeless);
    const { health } = world;
    await world.run({
      health: {
        ...health,
        async listDue(until) {
          const due = await health.listDue(until);
          const context = { policy, nowMs: instantToMs(start), random: () => 0.5 };
          const probing = await health.change(endpoint, (one) => probeTaken(one, context));
          const success = observed('success', { probe: probing.probeUntil });
          await health.change(endpoint, (one) => attempted(one, success, context));
          return due;
        },
      },
    });
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'active' }]);
    expect(await operational()).toMatchObject([{ type: 'endpoint.recovered' }]);
  });

  it('that somebody is changing is looked at again by the next run', async () => {
    await unwell(hopeless);
    await world.run({ disable: async () => 'changed' });
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'active' }]);
    world.pass(60);
    await world.run();
    expect(await world.stored('endpoint')).toMatchObject([{ status: 'disabled' }]);
  });

  it('has its parked deliveries filed: deliver holds what is for a disabled endpoint', async () => {
    await unwell({ ...hopeless, backlogAt: hoursBefore(1), openUntil: hoursBefore(0.01) });
    await world.seedDeliveries(parkedOf('main', 30));
    await world.run();
    expect(sent()).toHaveLength(30);
  });
});

describe('an open breaker that nothing waits for', () => {
  it('raises no alarm once nothing has been tried for an hour', async () => {
    await unwell(open({ lastFailureAt: hoursBefore(1.1) }));
    await world.run();
    expect(Object.fromEntries(world.state.metrics)).toMatchObject({
      BreakersOpen: 1,
      BreakersOpenLong: 0,
      'OldestUndeliveredSeconds/failing': 0,
    });
  });

  it('is looked at no more after two days', async () => {
    await unwell(open({ lastFailureAt: hoursBefore(47.9) }));
    await world.run();
    expect(await healthNow()).toMatchObject({ dueAt: hoursBefore(0.01) });
    world.pass(600);
    await world.run();
    expect(await healthNow()).toMatchObject({ breaker: 'open', dueAt: null });
    world.pass(60);
    await world.run();
    expect(world.state.metrics.get('BreakersOpen')).toBe(0);
  });
});

describe('a backlog', () => {
  it('waits while the breaker is open', async () => {
    await unwell(open({ openUntil: hoursBefore(-0.1), backlogAt: hoursBefore(1) }));
    await world.seedDeliveries(parkedOf('main', 3));
    await world.run();
    expect(sent()).toEqual([]);
    expect(Object.fromEntries(world.state.metrics)).toMatchObject({
      BreakersOpen: 1,
      BreakersOpenLong: 1,
      BacklogDeliveries: 3,
      'OldestUndeliveredSeconds/failing': 7_200,
      'OldestUndeliveredSeconds/healthy': 0,
    });
  });

  it('gives its oldest as the one probe when it is time for one', async () => {
    await unwell(open({ backlogAt: hoursBefore(1) }));
    await world.seedDeliveries(parkedOf('main', 3));
    await world.run();
    expect(sent()).toEqual([{ eventId: 'evt_t-9_mmykbvk0_b7-1', delaySeconds: 0, via: 'slow' }]);
    // The probe is under way.
    await world.health.change(endpoint, (health) => ({
      health: { ...health, probeUntil: hoursBefore(-0.05) },
      announces: null,
    }));
    world.pass(60);
    await world.run();
    expect(sent()).toHaveLength(1);
  });

  it('drains at its rate once the breaker is closed, oldest first, each delivery once', async () => {
    await unwell({ backlogAt: hoursBefore(1) });
    const parked = parkedOf('main', 150);
    await world.seedDeliveries(parked);
    await world.run({ drainPerSecond: 1 });
    expect(sent()).toEqual(
      parked
        .slice(0, 60)
        .map(({ event }, index) => ({ eventId: event.id, delaySeconds: index, via: 'live' })),
    );
    world.pass(60);
    await Promise.all([world.run({ drainPerSecond: 1 }), world.run({ drainPerSecond: 1 })]);
    world.pass(120);
    await world.run({ drainPerSecond: 1 });
    expect(sent()).toHaveLength(150);
    expect(new Set(sent().map(({ eventId }) => eventId)).size).toBe(150);
  });

  it('drains no faster than its endpoint takes requests', async () => {
    await unwell({ backlogAt: hoursBefore(1) }, { ...endpoint, limits: { perSecond: 0.5 } });
    await world.seedDeliveries(parkedOf('main', 100));
    await world.run();
    expect(sent()).toHaveLength(30);
    // What happens now comes first.
    expect(world.state.sent.every(({ task }) => task.yields === true)).toBe(true);
    expect(sent().map(({ delaySeconds }) => delaySeconds)).toEqual(
      Array.from({ length: 30 }, (_, n) => n * 2),
    );
  });

  it.each([
    { name: 'that can be read', replays: 0, spoiled: 2, probe: 3 },
    { name: 'that can be read, beyond ten that can’t', replays: 0, spoiled: 15, probe: 16 },
    { name: 'that is no replay', replays: 3, spoiled: 0, probe: 1 },
    { name: 'of the newest, if the oldest are replays', replays: 12, spoiled: 0, probe: 11 },
  ])('is probed with the oldest delivery $name', async ({ replays, spoiled, probe }) => {
    await unwell(open({ backlogAt: hoursBefore(1) }));
    const parked = parkedOf('main', 20);
    await world.seedDeliveries([...replaysOf('main', replays), ...parked]);
    await spoil(parked.slice(0, spoiled));
    await world.run();
    expect(sent().map(({ eventId }) => eventId)).toEqual([`evt_t-9_mmykbvk0_b7-${probe}`]);
  });

  it.each([1, 10, 30])(
    'is probed with the oldest replay if it has nothing else: %i of them',
    async (count) => {
      await unwell(open({ backlogAt: hoursBefore(1) }));
      await world.seedDeliveries(replaysOf('main', count));
      await world.run();
      expect(sent().map(({ eventId }) => eventId)).toEqual(['evt_t-9_mmykbvk0_b7-1001']);
    },
  );

  it('drains behind deliveries that can’t be read', async () => {
    await unwell({ backlogAt: hoursBefore(1) });
    const parked = parkedOf('main', 20);
    await world.seedDeliveries(parked);
    await spoil(parked.slice(0, 12));
    await world.run({ drainPerSecond: 0.1 });
    expect(sent().map(({ eventId }) => eventId)).toEqual(parked.slice(12, 18).map(({ event }) => event.id));
    expect(sent().map(({ delaySeconds }) => delaySeconds)).toEqual([0, 10, 20, 30, 40, 50]);
  });

  it('that would soon be cleaned up ends as dead deliveries, which is told', async () => {
    await unwell(open({ openUntil: hoursBefore(-1), backlogAt: hoursBefore(1) }));
    const oneOf = (seq: number, days: number) =>
      makeRecord({
        attempts: [],
        reason: 'rate_limited',
        waitsFor: 'endpoint',
        dueAt: hoursBefore(days * 24),
        event: makeEvent({ id: `evt_t-9_mmykbvk0_b7-${seq}`, receivedAt: hoursBefore(days * 24) }),
      });
    const [ending, lasting] = [oneOf(1, 89.1), oneOf(2, 88.9)];
    await world.seedDeliveries([ending, lasting]);
    await world.run();
    expect(await world.record(ending)).toMatchObject({
      status: 'dead',
      reason: 'event_expired',
      dueAt: null,
    });
    expect(await world.record(lasting)).toEqual(lasting);
    const dead = (await world.events()).filter(({ type }) => type === 'delivery.dead');
    expect(dead).toMatchObject([{ data: { deliveryId: ending.id, reason: 'event_expired' } }]);
    expect(world.state.metrics.get('DeliveriesDead')).toBe(1);
  });

  it('shows how old it is, if its endpoint takes requests', async () => {
    await unwell(open({ openUntil: hoursBefore(-1), backlogAt: hoursBefore(1) }));
    await world.seedDeliveries(parkedOf('main', 1));
    await world.run();
    expect(world.state.metrics.get('OldestDrainingSeconds')).toBe(0);
    await unwell({ backlogAt: hoursBefore(1) }, makeEndpoint({ endpointId: 'limited' }));
    await world.seedDeliveries(parkedOf('limited', 1));
    await world.run();
    expect(world.state.metrics.get('OldestDrainingSeconds')).toBe(3_600);
  });

  it('of a disabled endpoint is filed at once, whatever the endpoint took', async () => {
    const disabled = { ...endpoint, status: 'disabled' as const, limits: { perSecond: 0.1 } };
    await unwell({ backlogAt: hoursBefore(1) }, disabled);
    await world.seedDeliveries(parkedOf('main', 30));
    await world.run();
    expect(sent()).toHaveLength(30);
  });

  it('drains when every endpoint has been judged, and probed if it is time', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `drained-${index}`);
    for (const endpointId of names) {
      await unwell({ backlogAt: hoursBefore(2) }, makeEndpoint({ endpointId }));
      await world.seedDeliveries(parkedOf(endpointId, 1));
    }
    await unwell(open({ backlogAt: hoursBefore(1) }), makeEndpoint({ endpointId: 'probed' }));
    await world.seedDeliveries(parkedOf('probed', 2));
    const hopeless = open({ failingSince: hoursBefore(121), lastFailureAt: hoursBefore(0.5) });
    await unwell(hopeless, makeEndpoint({ endpointId: 'hopeless' }));
    await world.run();
    expect(world.state.sent[0]?.task.endpointId).toBe('probed');
    expect(world.state.sent).toHaveLength(11);
    expect(world.state.metrics.get('EndpointsDisabled')).toBe(1);
  });

  it('drains though the item of another endpoint can not be read', async () => {
    await unwell({ backlogAt: hoursBefore(1) });
    await world.seedDeliveries(parkedOf('main', 3));
    const broken = makeEndpoint({ endpointId: 'broken' });
    await unwell({ backlogAt: hoursBefore(1) }, broken);
    await world.tables.put('entities', {
      ...entityKey(broken),
      kind: 'endpoint',
      note: 'of a later release',
    });
    await expect(world.run()).rejects.toMatchObject({ code: 'timers_failed' });
    expect(sent()).toHaveLength(3);
    expect(world.state.metrics.get('EndpointsFailed')).toBe(1);
  });

  it('loses nothing when the run dies after it took deliveries: they are due when the lease ends', async () => {
    await unwell({ backlogAt: hoursBefore(1) });
    await world.seedDeliveries(parkedOf('main', 3));
    const dying = world.run({ sender: { send: async () => Promise.reject(new Error('killed')) } });
    await expect(dying).rejects.toMatchObject({ code: 'timers_failed' });
    world.pass(910);
    await world.run();
    expect(new Set(sent().map(({ eventId }) => eventId)).size).toBe(3);
  });

  it('that is empty is looked at until nobody can be about to park any more', async () => {
    await unwell({ backlogAt: addMs(start, -30_000) });
    await world.run();
    expect(await healthNow()).toMatchObject({ backlogAt: addMs(start, -30_000) });
    world.pass(120);
    await world.run();
    expect(await healthNow()).toMatchObject({ backlogAt: null, dueAt: null });
  });

  it('of an endpoint that is gone is filed, and the endpoint looked at no more', async () => {
    await world.health.change(endpoint, (health) => ({
      health: { ...health, ...open({ backlogAt: hoursBefore(1), toldSince: hoursBefore(2) }) },
      announces: null,
    }));
    await world.seedDeliveries(parkedOf('main', 2));
    await world.run();
    expect(sent()).toHaveLength(2);
    world.pass(60);
    await world.run();
    // So that it is cleaned up.
    expect(await healthNow()).toMatchObject({ backlogAt: null, dueAt: null, toldSince: null });
  });

  it('of one endpoint that can’t be read stops no other', async () => {
    for (const endpointId of ['bad', 'good']) {
      await unwell({ backlogAt: hoursBefore(1) }, makeEndpoint({ endpointId }));
      await world.seedDeliveries(parkedOf(endpointId, 1));
    }
    const { deliveries } = world.deps;
    const failing = world.run({
      deliveries: {
        ...deliveries,
        list: async (query) =>
          query.partition === 'parked#bad' ? Promise.reject(new Error('throttled')) : deliveries.list(query),
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'timers_failed' });
    expect(world.state.sent.map(({ task }) => task.endpointId)).toEqual(['good']);
    expect(world.state.metrics.get('EndpointsFailed')).toBe(1);
  });
});

describe('health that this release can’t read', () => {
  it('fails the run, since no gauge has its endpoint, and stops no other', async () => {
    await unwell({ backlogAt: hoursBefore(1) });
    await world.seedDeliveries(parkedOf('main', 2));
    await world.tables.put('entities', {
      ...endpointHealthKey({ partnerId: 'acme', endpointId: 'odd' }),
      kind: 'endpoint-health',
      breaker: 'ajar',
      duePk: healthShardName(0),
      dueAt: hoursBefore(1),
    });
    await expect(world.run()).rejects.toMatchObject({ code: 'timers_failed' });
    expect(sent()).toHaveLength(2);
    expect(world.state.metrics.get('EndpointsFailed')).toBe(1);
    expect(world.state.errors).toMatchObject([
      ['due item failed', { what: 'health unreadable: partner#acme endpoint#odd#health' }],
    ]);
  });
});
