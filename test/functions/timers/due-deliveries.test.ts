import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addMs, instantFromMs } from '../../../schemas/instant.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { windowSeconds } from '../../../functions/timers/pace.ts';
import { start, startWorld, type TimersWorld } from './world.ts';

let world: TimersWorld;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const secondsBefore = (seconds: number) => addMs(start, -seconds * 1_000);

/** Due deliveries of one endpoint, the longest overdue first. */
const dueOf = (endpointId: string, count: number, overdueSeconds = 600): DeliveryRecord[] =>
  Array.from({ length: count }, (_, index) =>
    makeRecord({
      endpointId,
      event: makeEvent({ id: `evt_t-9_mmykbvk0_b7-${index + 1}` }),
      dueAt: addMs(secondsBefore(overdueSeconds), index),
    }),
  );

const slots = (endpointId: string): number[] =>
  world.state.sent
    .filter(({ task }) => task.endpointId === endpointId)
    .map(({ delaySeconds }) => delaySeconds);

describe('due deliveries', () => {
  it('are leased, then sent with their history as a new task', async () => {
    const record = makeRecord({ dueAt: secondsBefore(1) });
    await world.seedDeliveries([record]);
    // A quarter of an hour from its turn on.
    const leasedUntil = '2026-03-22T09:30:40.000Z';
    await world.run({
      sender: {
        async send(outgoing) {
          expect(await world.record(record)).toEqual({ ...record, dueAt: leasedUntil });
          world.state.sent.push(...outgoing);
        },
      },
    });
    const { partnerId, endpointId, attempts, event } = record;
    expect(world.state.sent).toEqual([
      {
        task: {
          v: 1,
          yields: true,
          taskId: 'task-1',
          partnerId,
          endpointId,
          event: makeEvent({ ...event }),
          attempts,
          leasedUntil,
        },
        delaySeconds: 0,
        via: 'live',
      },
    ]);
  });

  it('come at their turns, however long a run takes to send them', async () => {
    await world.seedDeliveries(dueOf('slow', 3));
    let now = Date.parse(start);
    await world.run({
      catchUpPerSecond: 0.1,
      clock: () => instantFromMs(now),
      events: {
        ...world.deps.events,
        getMany: async (ids) => {
          now = Date.parse(start) + 4_000;
          return world.deps.events.getMany(ids);
        },
      },
    });
    // Turns at 0, 10 and 20 seconds; four are over when they are sent.
    expect(slots('slow').sort((a, b) => a - b)).toEqual([0, 6, 16]);
  });

  it('that were asked for again are sent as replays, over the queue of the slow', async () => {
    const replay = { redriveId: 'r-1', attemptsBefore: 1 };
    await world.seedDeliveries([makeRecord({ dueAt: secondsBefore(1), replay })]);
    await world.run();
    expect(world.state.sent.map(({ task, via }) => ({ replay: task.replay, via }))).toEqual([
      { replay, via: 'slow' },
    ]);
  });

  it('that have a place in a lane keep it', async () => {
    await world.seedDeliveries([makeRecord({ dueAt: secondsBefore(1), sequence: 7 })]);
    await world.run();
    expect(world.state.sent.map(({ task }) => task.sequence)).toEqual([7]);
  });

  it('come back when nothing came of them until their lease ended, not before', async () => {
    await world.seedDeliveries([makeRecord({ dueAt: secondsBefore(1) })]);
    await world.run();
    world.pass(899);
    await world.run();
    expect(world.state.sent).toHaveLength(1);
    world.pass(1);
    await world.run();
    expect(world.state.sent).toHaveLength(2);
  });

  it('that have ended, or are not due, are not sent', async () => {
    await world.seedDeliveries([
      makeRecord({ endpointId: 'not-due', dueAt: secondsBefore(-1) }),
      makeRecord({ endpointId: 'on-the-queue', dueAt: null }),
    ]);
    const ended = makeRecord({ endpointId: 'ended', dueAt: secondsBefore(1) });
    await world.seedDeliveries([ended]);
    const { deliveries } = world.deps;
    await world.run({
      deliveries: {
        ...deliveries,
        async list(query) {
          const page = await deliveries.list(query);
          // The index still shows it.
          if (page.waiting.length > 0) await world.store.put({ ...ended, status: 'delivered', dueAt: null });
          return page;
        },
      },
    });
    expect(world.state.sent).toEqual([]);
  });

  it('that could not be sent stop no other, and come back when the lease ends', async () => {
    await world.seedDeliveries(['bad', 'good'].flatMap((name) => dueOf(name, 1)));
    const { sender } = world.deps;
    const failing = world.run({
      sender: {
        send: async (outgoing) =>
          outgoing.some(({ task }) => task.endpointId === 'bad')
            ? Promise.reject(new Error('refused'))
            : sender.send(outgoing),
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'timers_failed' });
    expect(world.state.metrics.get('DeliveriesDueFailed')).toBe(1);
    expect(world.state.sent.map(({ task }) => task.endpointId)).toEqual(['good']);
    world.pass(900);
    await world.run();
    expect(world.state.sent.filter(({ task }) => task.endpointId === 'bad')).toHaveLength(1);
  });

  it('that could not be leased are not sent, and stop no other', async () => {
    await world.seedDeliveries(['bad', 'good'].flatMap((name) => dueOf(name, 1)));
    const { deliveries } = world.deps;
    const failing = world.run({
      deliveries: {
        ...deliveries,
        lease: async (leases) =>
          Promise.all(
            leases.map(async (lease) =>
              lease.record.endpointId === 'bad'
                ? new Error('throttled')
                : ((await deliveries.lease([lease]))[0] ?? 'taken'),
            ),
          ),
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'timers_failed' });
    expect(world.state.sent.map(({ task }) => task.endpointId)).toEqual(['good']);
  });

  it('of one shard whose index cannot be read stop no other shard', async () => {
    await world.seedDeliveries(dueOf('main', 40));
    const { deliveries } = world.deps;
    const failing = world.run({
      deliveries: {
        ...deliveries,
        list: async (query) =>
          query.partition === 'due#1' ? Promise.reject(new Error('throttled')) : deliveries.list(query),
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'timers_failed' });
    const sent = world.state.sent.length;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(40);
    world.pass(60);
    await world.run();
    expect(world.state.sent).toHaveLength(40);
  });

  it('are left to the next run when the function’s time is nearly over', async () => {
    await world.seedDeliveries(dueOf('main', 10));
    await world.run({}, { getRemainingTimeInMillis: () => 1_000 });
    expect(world.state.sent).toEqual([]);
    world.pass(60);
    await world.run();
    expect(world.state.sent).toHaveLength(10);
  });
});

describe('after an outage', () => {
  it('a run whose time is over when it has read the records leases none of them', async () => {
    const record = makeRecord({ dueAt: secondsBefore(1) });
    await world.seedDeliveries([record]);
    const { deliveries } = world.deps;
    let remainingMs = 50_000;
    const read: typeof deliveries.read = async (waiting) => {
      remainingMs = 1_000;
      return deliveries.read(waiting);
    };
    await world.run({ deliveries: { ...deliveries, read } }, { getRemainingTimeInMillis: () => remainingMs });
    expect(world.state.sent).toEqual([]);
    expect(await world.record(record)).toEqual(record);
    world.pass(60);
    await world.run();
    expect(world.state.sent).toHaveLength(1);
  });

  it('an endpoint is given its due deliveries at its pace, the longest overdue first, and the rest in later runs', async () => {
    await world.seedDeliveries(dueOf('main', 130));
    await world.run({ catchUpPerSecond: 1 });
    expect(slots('main').toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, second) => second),
    );
    expect(world.state.metrics.get('DeliveriesLeftForLater')).toBe(70);
    world.pass(60);
    await world.run({ catchUpPerSecond: 1 });
    expect(slots('main')).toHaveLength(120);
    world.pass(60);
    await world.run({ catchUpPerSecond: 1 });
    expect(slots('main')).toHaveLength(130);
  });

  it('one with much to catch up with keeps no other waiting', async () => {
    await world.seedDeliveries([...dueOf('busy', 300, 7_200), ...dueOf('small', 3, 60)]);
    await world.run({ catchUpPerSecond: 2 });
    expect(slots('small').toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
    expect(slots('busy')).toHaveLength(120);
  });

  it('many with much to catch up with keep no other waiting either, however little time a run has', async () => {
    const busy = Array.from({ length: 10 }, (_, index) => dueOf(`busy-${index}`, 100, 7_200));
    await world.seedDeliveries([...busy.flat(), ...dueOf('small', 1, 60)]);
    // It is over as soon as something was sent.
    const context = { getRemainingTimeInMillis: () => (world.state.sent.length > 0 ? 1_000 : 60_000) };
    await world.run({}, context);
    expect(slots('small')).toEqual([0]);
    const left = world.state.metrics.get('DeliveriesLeftForLater');
    expect(left).toBeGreaterThan(0);
    expect(world.state.sent).toHaveLength(1_001 - (left ?? 0));
  });

  it('what was found in half of the time is handed out in the other half', async () => {
    await world.seedDeliveries(dueOf('main', 3));
    const { deliveries } = world.deps;
    let remainingMs = 50_000;
    await world.run(
      {
        deliveries: {
          ...deliveries,
          list: async (query) => {
            const page = await deliveries.list(query);
            if (query.partition.startsWith('due#')) remainingMs = 20_000;
            // There would always be more to look through.
            return { ...page, next: {} };
          },
        },
      },
      { getRemainingTimeInMillis: () => remainingMs },
    );
    expect(world.state.sent).toHaveLength(3);
  });

  it('several runs at once hand out each delivery once, and together keep the pace', async () => {
    await world.seedDeliveries(dueOf('main', 150));
    await Promise.all([1, 2, 3].map(async () => world.run({ catchUpPerSecond: 1 })));
    world.pass(25);
    await Promise.all([1, 2, 3].map(async () => world.run({ catchUpPerSecond: 1 })));
    // The second of the clock in which each comes: the later runs were given the 25 that the first had left.
    const seconds = world.state.sent.map(
      ({ delaySeconds }, index) => delaySeconds + (index < windowSeconds ? 0 : 25),
    );
    expect(seconds.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 85 }, (_, second) => second));
    expect(new Set(world.state.sent.map(({ task }) => task.event.id)).size).toBe(85);
  });

  it.each([
    ['runs too many', async () => Promise.all([1, 2, 3].map(async () => world.run()))],
    ['a run between two others', async () => (world.pass(40), world.run())],
  ])('%s delay nothing from the next minute on', async (_, disturb) => {
    await world.run();
    await disturb();
    for (let minute = 0; minute < 3; minute += 1) {
      world.pass(60);
      await world.run();
    }
    await world.seedDeliveries(dueOf('main', 1));
    world.pass(60);
    await world.run();
    expect(slots('main')).toEqual([0]);
  });

  it('how long the longest overdue has waited is measured, and zero when nothing waits', async () => {
    await world.run();
    expect(world.state.metrics.get('OldestUndeliveredSeconds/healthy')).toBe(0);
    await world.seedDeliveries(dueOf('main', 3, 1_800));
    world.pass(60);
    await world.run();
    expect(world.state.metrics.get('OldestUndeliveredSeconds/healthy')).toBe(1_860);
    expect(world.state.metrics.get('OldestUndeliveredSeconds/failing')).toBe(0);
  });
});

describe('thousands of due deliveries', () => {
  it('are handed out once each by runs that overlap, end in time, and take few requests', async () => {
    const endpoints = Array.from({ length: 25 }, (_, index) => `endpoint-${index}`);
    const records = endpoints.flatMap((endpointId) => dueOf(endpointId, 200));
    await world.seedDeliveries(records);
    world.tables.takeRequests();
    const deadline = performance.now() + 55_000;
    const context = { getRemainingTimeInMillis: () => deadline - performance.now() };
    await Promise.all([1, 2].map(async () => world.run({ catchUpPerSecond: 2 }, context)));
    world.pass(120);
    await Promise.all([1, 2].map(async () => world.run({ catchUpPerSecond: 2 }, context)));
    expect(performance.now()).toBeLessThan(deadline);
    const names = world.state.sent.map(({ task }) => `${task.endpointId} ${task.event.id}`);
    expect(names).toHaveLength(5_000);
    expect(new Set(names).size).toBe(5_000);
    for (const endpointId of endpoints) {
      const perSlot = Map.groupBy(slots(endpointId), (slot) => slot);
      // Two bursts of runs: the same second of either is another second of the clock.
      expect(Math.max(...[...perSlot.values()].map(({ length }) => length))).toBeLessThanOrEqual(4);
    }
    const requests = world.tables.takeRequests().length;
    expect(requests / records.length).toBeLessThan(0.25);
  }, 60_000);
});
