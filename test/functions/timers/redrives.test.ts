import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import { runRedrives, type RedrivesDeps } from '../../../functions/timers/redrives.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeAttempts, makeEndpoint, makeEvent } from '../../helpers/deliveries.ts';
import { putEntities } from '../api/foundation.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';

import { idsOf, makeEvents, minuteMs, record, startMs, useRedrives } from './redrive-world.ts';

const { world, store, put, newRedrive, makeDeps, runOnce, runToEnd, stored, start, dueLater } = useRedrives();

describe('many redrives', () => {
  it('of one partner keep nobody else waiting, and each of them comes up', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `rdr-${String(index).padStart(3, '0')}`);
    const early = instantFromMs(world.nowMs - minuteMs);
    const late = instantFromMs(world.nowMs);
    await putEntities(
      world.tables,
      ...names.map((redriveId) => newRedrive({ redriveId, createdAt: early, dueAt: early })),
      newRedrive({ redriveId: 'late', partnerId: 'other', createdAt: late, dueAt: late }),
    );
    const redrives = createRedriveStore(world.tables);
    const seen = new Set<string>();
    for (let minute = 0; minute < 10; minute += 1) {
      const { redrives: running } = await redrives.running(instantFromMs(world.nowMs + minute * minuteMs));
      expect(running).toHaveLength(100);
      expect(running.map(({ redriveId }) => redriveId)).toContain('late');
      for (const { redriveId } of running) seen.add(redriveId);
    }
    expect(seen.size).toBe(151);
  });

  it('that only look keep nobody waiting: each has a step in turn', async () => {
    const lookers = Array.from({ length: 8 }, (_, index) => `looks-${index}`);
    await putEntities(
      world.tables,
      ...[...lookers, 'other'].flatMap((partnerId) => [
        makeEndpoint({ partnerId }),
        newRedrive({ partnerId }),
      ]),
    );
    const { redriveSource } = makeDeps();
    const steps = new Map<string, number>();
    let taken = 0;
    const endless: RedrivesDeps['redriveSource'] = {
      async read(window, page) {
        taken += 1;
        steps.set(window.partnerId, (steps.get(window.partnerId) ?? 0) + 1);
        if (window.partnerId === 'other') return redriveSource.read(window, page);
        return { candidates: [], looked: 0, cursor: page.cursor, readUntil: null, isEnd: false };
      },
    };
    const deps = makeDeps({ redriveSource: endless });
    await runRedrives(deps, { now: instantFromMs(world.nowMs), hasTime: () => taken < 80 });
    expect(steps.get('other')).toBe(1);
    for (const looker of lookers) expect(steps.get(looker)).toBeGreaterThanOrEqual(8);
  });

  it('have another one at the front each minute', async () => {
    await putEntities(
      world.tables,
      ...['a', 'b', 'c'].flatMap((partnerId) =>
        ['1', '2'].map((redriveId) => newRedrive({ partnerId, redriveId })),
      ),
    );
    const redrives = createRedriveStore(world.tables);
    const first = await Promise.all(
      [0, 1, 2].map(
        async (minute) =>
          (await redrives.running(instantFromMs(world.nowMs + minute * minuteMs))).redrives[0],
      ),
    );
    expect(new Set(first.map((redrive) => redrive?.partnerId))).toEqual(new Set(['a', 'b', 'c']));
  });
});

describe('everything dead or held of an endpoint', () => {
  it('is sent again, once, oldest first and over the days, marked, and on top of its attempts', async () => {
    const events = makeEvents(60);
    await store(events);
    const statuses = ['dead', 'held', 'delivered', 'pending'] as const;
    for (const [index, event] of events.entries())
      await put(record(event, { status: statuses[index % 4] ?? 'dead', attempts: makeAttempts(index % 3) }));
    await start();
    const redrive = await runToEnd();
    const wanted = events.filter((_, index) => index % 4 < 2);
    expect(idsOf(world.sent)).toEqual(wanted.map(({ id }) => id));
    for (const { task, via } of world.sent) {
      expect(via).toBe('slow');
      const index = events.findIndex(({ id }) => id === task.event.id);
      expect(task.attempts).toEqual(makeAttempts(index % 3));
      expect(task.replay).toEqual({ redriveId: 'rdr-1', attemptsBefore: index % 3 });
      expect(task.event).toEqual(events[index]);
    }
    expect(redrive).toMatchObject({ status: 'done', sent: wanted.length, dueAt: null, reason: null });
    expect(redrive.expiresAt).toBe(Math.floor(world.nowMs / 1_000) + 90 * 86_400);
  });

  it('is not missed, nor sent twice, when deliveries change their status while it pages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(59), { maxLength: 40 }), async (changes) => {
        await using own = await startDeliveriesTable();
        world.tables = own;
        world.sent = [];
        const events = makeEvents(60);
        await store(events);
        for (const event of events) await put(record(event, { status: 'dead' }));
        await start({}, { perSecond: 0.1 });
        const queue = [...changes];
        const touched = new Set<string>();
        const deps = makeDeps({
          sender: {
            async send(tasks) {
              world.sent.push(...tasks);
              for (const index of queue.splice(0, 4)) {
                const event = events[index];
                if (event === undefined) continue;
                touched.add(event.id);
                await put(record(event, { status: index % 2 === 0 ? 'delivered' : 'pending' }));
              }
            },
          },
        });
        await runToEnd(deps);
        expect(idsOf(world.sent)).toHaveLength(new Set(idsOf(world.sent)).size);
        expect(idsOf(world.sent)).toEqual(
          expect.arrayContaining(events.map(({ id }) => id).filter((id) => !touched.has(id))),
        );
      }),
      { numRuns: 5 },
    );
  }, 60_000);

  it('of another partner that had the endpoint’s name is left alone', async () => {
    const [event] = makeEvents(1);
    if (event === undefined) throw new Error('no event');
    await store([event]);
    await put(record(event, { status: 'dead', partnerId: 'rival' }));
    await start();
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 0 });
  });

  it('waits until what was received last must be on record', async () => {
    const [event] = makeEvents(1);
    if (event === undefined) throw new Error('no event');
    await store([event]);
    world.nowMs = Date.parse(event.receivedAt) + 30_000;
    await start();
    await runOnce();
    expect((await stored()).status).toBe('running');
    // The delivery was on the queue still.
    await put(record(event, { status: 'held' }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 1 });
  });
});

describe('what has been sent', () => {
  it('is not sent again by another redrive while it waits for its turn, however that was worded', async () => {
    const events = makeEvents(6);
    await store(events);
    for (const event of events.slice(0, 4)) await put(record(event, { status: 'dead' }));
    for (const event of events.slice(4, 5)) await put(record(event, { status: 'delivered' }));
    await start();
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 4 });
    // Its endpoint takes one every ten seconds: nothing is on record of any attempt.
    await putEntities(world.tables, newRedrive({ createdAt: instantFromMs(world.nowMs), perSecond: 5 }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 0 });
    await putEntities(world.tables, newRedrive({ source: 'events' }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 2 });
    expect(idsOf(world.sent)).toEqual(events.map(({ id }) => id));
  });

  it('is sent once by two redrives that run at the same time', async () => {
    const events = makeEvents(30);
    await store(events);
    for (const event of events.slice(0, 10)) await put(record(event, { status: 'dead' }));
    await start({}, { source: 'events' });
    await putEntities(world.tables, newRedrive({ redriveId: 'rdr-2', source: 'events', perSecond: 20 }));
    await runOnce();
    expect(idsOf(world.sent).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  it('comes back when its task is lost, and is no longer among what is dead', async () => {
    const [event] = makeEvents(1);
    if (event === undefined) throw new Error('no event');
    await store([event]);
    await put(record(event, { status: 'dead', attempts: makeAttempts(2), sequence: 7 }));
    await start();
    await runOnce();
    const [due] = await dueLater(900_000);
    expect(due).toMatchObject({
      status: 'pending',
      reason: null,
      attempts: makeAttempts(2),
      replay: { redriveId: 'rdr-1', attemptsBefore: 2 },
    });
    // Under that number it would never be sent.
    expect(due).not.toHaveProperty('sequence');
  });
});

describe('of what was received at the same moment', () => {
  it('a lane’s comes in the order of the lane, however small the pages are', async () => {
    const at = instantFromMs(startMs);
    const events = Array.from({ length: 12 }, (_, index) =>
      makeEvent({ id: `evt_0000000000000001-9_mmykbvk0_b7-${index + 1}`, receivedAt: at }),
    );
    await store(events);
    for (const [index, event] of events.entries())
      await put(record(event, { status: 'held', attempts: [], sequence: index + 1 }));
    // Five a minute.
    await start({ ordered: true }, { perSecond: 5 / 60 });
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 12 });
    expect(idsOf(world.sent)).toEqual(events.map(({ id }) => id));
  });
});

/** As an item of a later release. */
const spoil = async (event: DomainEvent, what: 'event' | 'record'): Promise<void> =>
  what === 'event'
    ? world.tables.put('events', { ...eventItem(event, 90), type: 'parcel.weighed' })
    : world.tables.put('deliveries', {
        ...deliveryItem(record(event, { status: 'dead' }), world.tables),
        attempts: 'none',
      });

describe('what this release can’t read', () => {
  it.each([
    ['undelivered', 'event'],
    ['undelivered', 'record'],
    ['events', 'event'],
    ['events', 'record'],
  ] as const)('is not passed (%s, %s), and keeps no other redrive waiting', async (source, what) => {
    const events = makeEvents(10);
    await store(events);
    for (const event of events) await put(record(event, { status: 'dead' }));
    const [third, fourth] = events.slice(2);
    if (third === undefined || fourth === undefined) throw new Error('no events');
    await spoil(fourth, what);
    await start({}, { source });
    await putEntities(world.tables, newRedrive({ redriveId: 'rdr-2', source, until: fourth.receivedAt }));
    expect((await runOnce()).failures).toMatchObject([
      { what: 'redrive rdr-1', error: { code: 'redrive_unreadable' } },
    ]);
    expect(idsOf(world.sent).sort()).toEqual(
      events
        .slice(0, 3)
        .map(({ id }) => id)
        .sort(),
    );
    const redrives = await world.tables
      .scan('entities')
      .then((all) => all.filter(({ kind }) => kind === 'redrive'));
    expect(new Set(redrives.map(({ status }) => status))).toEqual(new Set(['done', 'running']));
    // The next release.
    await world.tables.put('events', eventItem(fourth, 90));
    await put(record(fourth, { status: 'dead' }));
    world.nowMs += minuteMs;
    await runOnce();
    expect(idsOf(world.sent).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  it('of redrives is a failure each minute, and keeps no other one waiting', async () => {
    const events = makeEvents(3);
    await store(events);
    await start({}, { source: 'events' });
    const odd = entityItem(newRedrive({ redriveId: 'odd' }), world.tables.dueShards);
    await world.tables.put('entities', { ...odd, status: 'paused' });
    const failures = [{ what: 'redrive unreadable: partner#acme redrive#odd' }];
    expect(await runOnce()).toMatchObject({ done: events.length, skipped: 0, failures });
    world.nowMs += minuteMs;
    expect(await runOnce()).toMatchObject({ done: 0, failures });
  });
});

describe('a single event', () => {
  it('is read by its name, and nothing else is looked at', async () => {
    const events = makeEvents(200);
    await store(events);
    const [, , third] = events;
    if (third === undefined) throw new Error('no event');
    await put(record(third, { status: 'delivered', attempts: makeAttempts(1) }));
    const { receivedAt: since, id: eventId } = third;
    world.nowMs += 24 * 3_600_000;
    const until = instantFromMs(Date.parse(since) + 1);
    await start({ ordered: true }, { source: 'events', since, until, eventId });
    world.tables.takeRequests();
    await runOnce();
    expect(world.tables.takeRequests().filter((name) => name === 'Query')).toHaveLength(1);
    expect(idsOf(world.sent)).toEqual([eventId]);
    expect(await stored()).toMatchObject({ status: 'done', looked: 1, sent: 1 });
  });
});

describe('the rate', () => {
  it('is kept over the minutes: each is filled, none is flooded', async () => {
    await store(makeEvents(60));
    const dueMs: number[] = [];
    await start({}, { source: 'events', perSecond: 0.5 });
    const deps = makeDeps({
      sender: {
        async send(tasks) {
          world.sent.push(...tasks);
          dueMs.push(...tasks.map(({ delaySeconds }) => world.nowMs + delaySeconds * 1_000));
        },
      },
    });
    const first = world.nowMs;
    await runToEnd(deps);
    expect(dueMs).toHaveLength(60);
    // Two seconds apart, a second's rounding aside, and all of it as soon as the rate allows.
    for (const [index, at] of dueMs.entries())
      expect(Math.abs(at - first - index * 2_000)).toBeLessThanOrEqual(1_000);
    expect(Math.max(...world.sent.map(({ delaySeconds }) => delaySeconds))).toBeLessThanOrEqual(60);
  });

  it('of two runs at the same time is not doubled by what the second stores', async () => {
    await store(makeEvents(60));
    await start({}, { source: 'events', perSecond: 0.5 });
    await Promise.all([runOnce(), runOnce()]);
    const { sent: counted } = await stored();
    expect(counted).toBeLessThanOrEqual(31);
  });
});

describe('an endpoint', () => {
  it('that asks for order gets each locker’s events in order, one request after the other', async () => {
    const events = makeEvents(30);
    await store(events);
    await start({ ordered: true }, { source: 'events' });
    const requests: OutgoingTask[][] = [];
    const deps = makeDeps({ sender: { send: async (tasks) => void requests.push([...tasks]) } });
    await runToEnd(deps);
    for (const tasks of requests)
      expect(new Set(tasks.map(({ task }) => task.event.locker)).size).toBe(tasks.length);
    const all = requests.flat();
    expect(all.every(({ via, delaySeconds }) => via === 'ordered' && delaySeconds === 0)).toBe(true);
    for (const locker of [1, 2, 3])
      expect(idsOf(all.filter(({ task }) => task.event.locker === locker))).toEqual(
        events.filter((event) => event.locker === locker).map(({ id }) => id),
      );
  });

  it('that is disabled is waited for', async () => {
    await store(makeEvents(3));
    await start({ status: 'disabled' }, { source: 'events' });
    await runOnce();
    expect(world.sent).toEqual([]);
    expect(await stored()).toMatchObject({ status: 'running', reason: 'endpoint_disabled' });
    await putEntities(world.tables, makeEndpoint());
    expect(await runToEnd()).toMatchObject({ status: 'done', reason: null, sent: 3 });
  });

  it('that is gone ends it', async () => {
    await store(makeEvents(3));
    await putEntities(world.tables, newRedrive({ source: 'events' }));
    expect(await runToEnd()).toMatchObject({ status: 'failed', reason: 'endpoint_gone', sent: 0 });
  });
});

it('a redrive that was canceled meanwhile sends no further page', async () => {
  await store(makeEvents(60));
  await start({}, { source: 'events', perSecond: 0.5 });
  const deps = makeDeps({
    sender: {
      async send(tasks) {
        world.sent.push(...tasks);
        const { version, ...redrive } = await stored();
        await createRedriveStore(world.tables).save({ ...redrive, status: 'canceled', dueAt: null, version });
      },
    },
  });
  await runOnce(deps);
  const before = world.sent.length;
  expect(await runToEnd(deps)).toMatchObject({ status: 'canceled', sent: 0 });
  expect(world.sent).toHaveLength(before);
});
