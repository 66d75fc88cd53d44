import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { createDueDeliveries } from '../../../functions/shared/due-deliveries.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { dueShardName } from '../../../functions/shared/keys.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { createPartnerLogReader } from '../../../functions/shared/partner-log-reader.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import { createRedriveSource } from '../../../functions/shared/redrive-source.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import { createReplayMarks } from '../../../functions/shared/replay-marks.ts';
import { runRedrives, type RedrivesDeps } from '../../../functions/timers/redrives.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { RedriveSchema, type Redrive } from '../../../schemas/redrive.ts';
import { makeAttempts, makeEndpoint, makeEvent, makeRecord, makeRedrive } from '../../helpers/deliveries.ts';
import { putEntities } from '../api/foundation.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';

const startMs = Date.parse('2026-03-20T22:00:00.000Z');
const minuteMs = 60_000;

let tables: Tables & { deliveriesTable: string };
let nowMs: number;
let sent: OutgoingTask[];
beforeEach(async () => {
  tables = await startDeliveriesTable();
  nowMs = startMs + 6 * 3_600_000;
  sent = [];
});
afterEach(async () => tables[Symbol.asyncDispose]());

/** Over midnight: every five minutes one. */
const makeEvents = (count: number): DomainEvent[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({
      id: `evt_0000000000000001-${1 + (index % 3)}_mmykbvk0_b7-${1_000 + index}`,
      locker: 1 + (index % 3),
      receivedAt: instantFromMs(startMs + index * 5 * minuteMs),
    }),
  );

async function store(events: readonly DomainEvent[]): Promise<void> {
  const log = createPartnerLog({ ...tables, now: () => nowMs });
  for (const event of events) await tables.put('events', eventItem(event, 90));
  await log.append(
    'acme',
    events.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
  );
}

const put = async (record: DeliveryRecord): Promise<void> =>
  tables.put('deliveries', deliveryItem(record, tables));
const record = (event: DomainEvent, overrides: Partial<Omit<DeliveryRecord, 'event'>>): DeliveryRecord =>
  makeRecord({ event, ...overrides });

/** Since before the first event. */
const newRedrive = (overrides: Partial<Redrive> = {}): Redrive =>
  makeRedrive({ since: instantFromMs(startMs - minuteMs), ...overrides }, instantFromMs(nowMs));

function makeDeps(overrides: Partial<RedrivesDeps> = {}): RedrivesDeps {
  const events = createEventReader(tables);
  return {
    redrives: createRedriveStore(tables),
    redriveSource: createRedriveSource({ ...tables, log: createPartnerLogReader(tables), events }),
    replayMarks: createReplayMarks(tables),
    leaseSeconds: 900,
    redriveConfig: { settleSeconds: 60, maxPerSecond: 100, retentionDays: 90 },
    entities: createEntityStore(tables),
    sender: {
      async send(tasks) {
        sent.push(...tasks);
      },
    },
    clock: () => instantFromMs(nowMs),
    newTaskId: () => `task-${sent.length}`,
    ...overrides,
  };
}

const runOnce = async (deps = makeDeps()) =>
  runRedrives(deps, { now: instantFromMs(nowMs), hasTime: () => true });

/** As many minutes as it takes. */
async function runToEnd(deps = makeDeps()): Promise<Redrive> {
  for (let minutes = 0; minutes < 30; minutes += 1) {
    await runOnce(deps);
    const redrive = await stored();
    if (redrive.status !== 'running') return redrive;
    nowMs += minuteMs;
  }
  throw new Error('it never ended');
}

async function stored(): Promise<Redrive> {
  const items = await tables.scan('entities');
  return RedriveSchema.parse(items.find(({ kind }) => kind === 'redrive'));
}

const start = async (endpoint: Partial<Endpoint> = {}, redrive: Partial<Redrive> = {}): Promise<void> =>
  putEntities(tables, makeEndpoint(endpoint), newRedrive(redrive));
const idsOf = (tasks: readonly OutgoingTask[]): string[] => tasks.map(({ task }) => task.event.id);

describe('many redrives', () => {
  it('of one partner keep nobody else waiting, and each of them comes up', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `rdr-${String(index).padStart(3, '0')}`);
    const early = instantFromMs(nowMs - minuteMs);
    const late = instantFromMs(nowMs);
    await putEntities(
      tables,
      ...names.map((redriveId) => newRedrive({ redriveId, createdAt: early, dueAt: early })),
      newRedrive({ redriveId: 'late', partnerId: 'other', createdAt: late, dueAt: late }),
    );
    const redrives = createRedriveStore(tables);
    const seen = new Set<string>();
    for (let minute = 0; minute < 10; minute += 1) {
      const running = await redrives.running(instantFromMs(nowMs + minute * minuteMs));
      expect(running).toHaveLength(100);
      expect(running.map(({ redriveId }) => redriveId)).toContain('late');
      for (const { redriveId } of running) seen.add(redriveId);
    }
    expect(seen.size).toBe(151);
  });

  it('that only look keep nobody waiting: each has a step in turn', async () => {
    const lookers = Array.from({ length: 8 }, (_, index) => `looks-${index}`);
    await putEntities(
      tables,
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
    await runRedrives(deps, { now: instantFromMs(nowMs), hasTime: () => taken < 80 });
    expect(steps.get('other')).toBe(1);
    for (const looker of lookers) expect(steps.get(looker)).toBeGreaterThanOrEqual(8);
  });

  it('have another one at the front each minute', async () => {
    await putEntities(
      tables,
      ...['a', 'b', 'c'].flatMap((partnerId) =>
        ['1', '2'].map((redriveId) => newRedrive({ partnerId, redriveId })),
      ),
    );
    const redrives = createRedriveStore(tables);
    const first = await Promise.all(
      [0, 1, 2].map(async (minute) => (await redrives.running(instantFromMs(nowMs + minute * minuteMs)))[0]),
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
    expect(idsOf(sent)).toEqual(wanted.map(({ id }) => id));
    for (const { task, via } of sent) {
      expect(via).toBe('slow');
      const index = events.findIndex(({ id }) => id === task.event.id);
      expect(task.attempts).toEqual(makeAttempts(index % 3));
      expect(task.replay).toEqual({ redriveId: 'rdr-1', attemptsBefore: index % 3 });
      expect(task.event).toEqual(events[index]);
    }
    expect(redrive).toMatchObject({ status: 'done', sent: wanted.length, dueAt: null, reason: null });
    expect(redrive.expiresAt).toBe(Math.floor(nowMs / 1_000) + 90 * 86_400);
  });

  it('is not missed, nor sent twice, when deliveries change their status while it pages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(59), { maxLength: 40 }), async (changes) => {
        await using own = await startDeliveriesTable();
        tables = own;
        sent = [];
        const events = makeEvents(60);
        await store(events);
        for (const event of events) await put(record(event, { status: 'dead' }));
        await start({}, { perSecond: 0.1 });
        const queue = [...changes];
        const touched = new Set<string>();
        const deps = makeDeps({
          sender: {
            async send(tasks) {
              sent.push(...tasks);
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
        expect(idsOf(sent)).toHaveLength(new Set(idsOf(sent)).size);
        expect(idsOf(sent)).toEqual(
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
    nowMs = Date.parse(event.receivedAt) + 30_000;
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
    await putEntities(tables, newRedrive({ createdAt: instantFromMs(nowMs), perSecond: 5 }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 0 });
    await putEntities(tables, newRedrive({ source: 'events' }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 2 });
    expect(idsOf(sent)).toEqual(events.map(({ id }) => id));
  });

  it('is sent once by two redrives that run at the same time', async () => {
    const events = makeEvents(30);
    await store(events);
    for (const event of events.slice(0, 10)) await put(record(event, { status: 'dead' }));
    await start({}, { source: 'events' });
    await putEntities(tables, newRedrive({ redriveId: 'rdr-2', source: 'events', perSecond: 20 }));
    await runOnce();
    expect(idsOf(sent).sort()).toEqual(events.map(({ id }) => id).sort());
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
    expect(idsOf(sent)).toEqual(events.map(({ id }) => id));
  });
});

/** As an item of a later release. */
const spoil = async (event: DomainEvent, what: 'event' | 'record'): Promise<void> =>
  what === 'event'
    ? tables.put('events', { ...eventItem(event, 90), type: 'parcel.weighed' })
    : tables.put('deliveries', {
        ...deliveryItem(record(event, { status: 'dead' }), tables),
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
    await putEntities(tables, newRedrive({ redriveId: 'rdr-2', source, until: fourth.receivedAt }));
    expect((await runOnce()).failures).toMatchObject([
      { what: 'redrive rdr-1', error: { code: 'redrive_unreadable' } },
    ]);
    expect(idsOf(sent).sort()).toEqual(
      events
        .slice(0, 3)
        .map(({ id }) => id)
        .sort(),
    );
    const redrives = await tables
      .scan('entities')
      .then((all) => all.filter(({ kind }) => kind === 'redrive'));
    expect(new Set(redrives.map(({ status }) => status))).toEqual(new Set(['done', 'running']));
    // The next release.
    await tables.put('events', eventItem(fourth, 90));
    await put(record(fourth, { status: 'dead' }));
    nowMs += minuteMs;
    await runOnce();
    expect(idsOf(sent).sort()).toEqual(events.map(({ id }) => id).sort());
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
    nowMs += 24 * 3_600_000;
    const until = instantFromMs(Date.parse(since) + 1);
    await start({ ordered: true }, { source: 'events', since, until, eventId });
    tables.takeRequests();
    await runOnce();
    expect(tables.takeRequests().filter((name) => name === 'Query')).toHaveLength(1);
    expect(idsOf(sent)).toEqual([eventId]);
    expect(await stored()).toMatchObject({ status: 'done', looked: 1, sent: 1 });
  });
});

/** One entry a minute, the last of them now. */
async function storeMinutes(count: number): Promise<DomainEvent[]> {
  const events = Array.from({ length: count }, (_, index) =>
    makeEvent({
      id: `evt_0000000000000001-9_mmykbvk0_b7-${1_000 + index}`,
      receivedAt: instantFromMs(nowMs - (count - 1 - index) * minuteMs),
    }),
  );
  let atMs = 0;
  const log = createPartnerLog({ ...tables, now: () => atMs });
  for (const batch of Array.from({ length: count / 100 }, (_, at) =>
    events.slice(at * 100, at * 100 + 100),
  )) {
    atMs = Date.parse(batch[0]?.receivedAt ?? '');
    await log.append(
      'acme',
      batch.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
    );
  }
  return events;
}

describe('a window of the log', () => {
  it('that is small and old costs a step, and no reading to the log’s end', async () => {
    const events = await storeMinutes(8_000);
    const [wanted] = events;
    if (wanted === undefined) throw new Error('no event');
    await tables.put('events', eventItem(wanted, 90));
    const until = instantFromMs(Date.parse(wanted.receivedAt) + minuteMs);
    await start({}, { source: 'events', since: wanted.receivedAt, until });
    const log = createPartnerLogReader(tables);
    let entriesRead = 0;
    let saves = 0;
    const deps = makeDeps();
    await runOnce({
      ...deps,
      redrives: { ...deps.redrives, save: async (redrive) => ((saves += 1), deps.redrives.save(redrive)) },
      redriveSource: createRedriveSource({
        ...tables,
        events: createEventReader(tables),
        log: {
          ...log,
          async read(...args) {
            const slice = await log.read(...args);
            entriesRead += slice.entries.length;
            return slice;
          },
        },
      }),
    });
    expect(await stored()).toMatchObject({ status: 'done', sent: 1 });
    expect(saves).toBe(2);
    // Two short pages, and one stride.
    expect(entriesRead).toBeLessThanOrEqual(5_200);
  });

  it('has what came into the log a day late, and nothing that came later', async () => {
    const [first, late, last] = makeEvents(3);
    if (first === undefined || late === undefined || last === undefined) throw new Error('no events');
    for (const event of [first, late, last]) await tables.put('events', eventItem(event, 90));
    let atMs = Date.parse(first.receivedAt);
    const log = createPartnerLog({ ...tables, now: () => atMs });
    const logged = async ({ id, receivedAt }: DomainEvent, lagHours: number): Promise<void> => {
      atMs = Date.parse(last.receivedAt) + lagHours * 3_600_000;
      // Pages of others in between.
      const others = Array.from({ length: 40 }, (_, index) => ({
        eventId: `evt_0000000000000002-9_mmykbvk0_b7-${lagHours * 100 + index}`,
        receivedAt: instantFromMs(atMs),
      }));
      await log.append('acme', [...others.slice(0, 20), { eventId: id, receivedAt }, ...others.slice(20)]);
    };
    await logged(first, 0);
    await logged(late, 24);
    await logged(last, 30);
    nowMs = startMs + 60 * 3_600_000;
    const until = instantFromMs(Date.parse(last.receivedAt) + 1);
    await start({}, { source: 'events', until });
    await runToEnd();
    expect(idsOf(sent)).toEqual([first.id, late.id]);
  });

  it('goes to an endpoint that did not exist, as far as it wants it, delivered before or not', async () => {
    const events = makeEvents(40);
    await store(events);
    const [, second, third] = events;
    if (second === undefined || third === undefined) throw new Error('no events');
    await put(record(second, { status: 'delivered' }));
    await put(record(third, { status: 'pending' }));
    const since = events[1]?.receivedAt ?? '';
    const until = events[30]?.receivedAt ?? '';
    await start({ filter: { lockers: [2, 3] } }, { source: 'events', since, until });
    await runToEnd();
    const wanted = events.slice(1, 30).filter((event) => event.locker !== 1 && event !== third);
    expect(idsOf(sent)).toEqual(wanted.map(({ id }) => id));
    expect(sent[0]?.task).toMatchObject({ attempts: [{ number: 1 }], replay: { attemptsBefore: 1 } });
    expect(sent[1]?.task).toMatchObject({ attempts: [], replay: { attemptsBefore: 0 } });
  });

  it('leaves what was received just now to the next run: it may be on its way for the first time', async () => {
    const events = makeEvents(10);
    await store(events);
    nowMs = Date.parse(events[8]?.receivedAt ?? '') + 30_000;
    await start({}, { source: 'events', until: instantFromMs(nowMs + 1) });
    await runOnce();
    expect(idsOf(sent)).toEqual(events.slice(0, 8).map(({ id }) => id));
    const ninth = events[8];
    if (ninth === undefined) throw new Error('no event');
    await put(record(ninth, { status: 'delivered' }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 9 });
    expect(idsOf(sent)).toEqual(events.slice(0, 9).map(({ id }) => id));
  });

  it('has what happened while an endpoint was not known everywhere yet, and nothing else twice', async () => {
    const [before, missed, seen] = makeEvents(3);
    if (before === undefined || missed === undefined || seen === undefined) throw new Error('no events');
    await store([before, missed, seen]);
    const createdAt = missed.receivedAt;
    nowMs = Date.parse(createdAt);
    const until = instantFromMs(Date.parse(seen.receivedAt) + 1);
    await start({}, { source: 'events', createdAt, until });
    // It was delivered as it happened.
    await put(record(seen, { status: 'delivered' }));
    await runToEnd();
    expect(idsOf(sent)).toEqual([before.id, missed.id]);
  });

  it('is narrowed down by the redrive’s own filter, its towers included', async () => {
    const events = makeEvents(20);
    for (const [index, event] of events.entries()) event.towerId = `000000000000000${1 + (index % 4)}`;
    await store(events);
    await start({}, { source: 'events', filter: { towerIds: ['0000000000000002', '0000000000000004'] } });
    await runToEnd();
    const wanted = events.filter((_, index) => index % 2 === 1);
    expect(idsOf(sent)).toEqual(wanted.map(({ id }) => id));
  });

  it('is narrowed down by the redrive’s own filter', async () => {
    const events = makeEvents(20);
    await store(events);
    await start({}, { source: 'events', filter: { lockers: [1], types: ['reservation.*'] } });
    await runToEnd();
    expect(idsOf(sent)).toEqual(events.filter(({ locker }) => locker === 1).map(({ id }) => id));
  });
});

/** Two of three times it dies before a cursor is moved. */
function mortal(): RedrivesDeps {
  const redrives = createRedriveStore(tables);
  let saves = 0;
  return makeDeps({
    redrives: {
      ...redrives,
      save: async (redrive) => {
        saves += 1;
        if (saves % 3 !== 0) throw new Error('killed');
        return redrives.save(redrive);
      },
    },
  });
}

/** What a later run of `timers` finds due. */
async function dueLater(afterMs: number) {
  const due = createDueDeliveries(tables);
  const pages = await Promise.all(
    Array.from({ length: tables.dueShards }, async (_, shard) =>
      due.list({
        partition: dueShardName(shard),
        until: instantFromMs(nowMs + afterMs),
        limit: 100,
        from: null,
      }),
    ),
  );
  const records = await due.read(pages.flatMap(({ waiting }) => waiting));
  return records.filter((found) => found !== null);
}

describe('a crash', () => {
  it.each(['undelivered', 'events'] as const)(
    'between any send and its cursor repeats nothing and leaves nothing out (%s)',
    async (source) => {
      const events = makeEvents(60);
      await store(events);
      if (source === 'undelivered') for (const event of events) await put(record(event, { status: 'dead' }));
      await start({}, { source, perSecond: 0.2 });
      expect(await runToEnd(mortal())).toMatchObject({ status: 'done' });
      expect(idsOf(sent).sort()).toEqual(events.map(({ id }) => id).sort());
    },
  );

  it.each(['undelivered', 'events'] as const)(
    'at an endpoint that asks for order repeats that page and leaves nothing out (%s)',
    async (source) => {
      const events = makeEvents(60);
      await store(events);
      if (source === 'undelivered') for (const event of events) await put(record(event, { status: 'dead' }));
      await start({ ordered: true }, { source, perSecond: 0.2 });
      const redrive = await runToEnd(mortal());
      expect(new Set(idsOf(sent))).toEqual(new Set(events.map(({ id }) => id)));
      expect(sent.length).toBeGreaterThan(60);
      expect(redrive).toMatchObject({ status: 'done', sent: 60 });
    },
  );

  it('repeats nothing that is on record by then', async () => {
    const events = makeEvents(10);
    await store(events);
    for (const event of events) await put(record(event, { status: 'dead' }));
    await start();
    const deliver = makeDeps({
      redrives: { ...createRedriveStore(tables), save: async () => Promise.reject(new Error('killed')) },
      sender: {
        async send(tasks) {
          sent.push(...tasks);
          for (const { task } of tasks)
            await put(record(task.event, { status: 'dead', replay: task.replay ?? null }));
        },
      },
    });
    expect((await runOnce(deliver)).failures).toHaveLength(1);
    await runToEnd();
    expect(idsOf(sent)).toEqual(events.map(({ id }) => id));
  });

  it('of the queue leaves the page to the due index, where it comes back when its lease is over', async () => {
    const events = makeEvents(5);
    await store(events);
    await start({}, { source: 'events' });
    const refusing = makeDeps({ sender: { send: async () => Promise.reject(new Error('not sent')) } });
    expect((await runOnce(refusing)).failures).toMatchObject([{ what: 'redrive rdr-1' }]);
    expect(await stored()).toMatchObject({ cursor: null, sent: 0 });
    const leaseMs = 900_000;
    expect(await dueLater(leaseMs - 1)).toEqual([]);
    const due = await dueLater(leaseMs + minuteMs);
    expect(due.map(({ event }) => event.id).sort()).toEqual(events.map(({ id }) => id).sort());
    for (const { replay } of due) expect(replay).toEqual({ redriveId: 'rdr-1', attemptsBefore: 0 });
    expect(await runToEnd()).toMatchObject({ status: 'done' });
  });

  it('of the queue leaves the page of an endpoint that asks for order to the next run', async () => {
    await store(makeEvents(5));
    await start({ ordered: true }, { source: 'events' });
    const refusing = makeDeps({ sender: { send: async () => Promise.reject(new Error('not sent')) } });
    expect((await runOnce(refusing)).failures).toMatchObject([{ what: 'redrive rdr-1' }]);
    expect(await stored()).toMatchObject({ cursor: null, sent: 0 });
    expect(await runToEnd()).toMatchObject({ sent: 5 });
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
          sent.push(...tasks);
          dueMs.push(...tasks.map(({ delaySeconds }) => nowMs + delaySeconds * 1_000));
        },
      },
    });
    const first = nowMs;
    await runToEnd(deps);
    expect(dueMs).toHaveLength(60);
    // Two seconds apart, a second's rounding aside, and all of it as soon as the rate allows.
    for (const [index, at] of dueMs.entries())
      expect(Math.abs(at - first - index * 2_000)).toBeLessThanOrEqual(1_000);
    expect(Math.max(...sent.map(({ delaySeconds }) => delaySeconds))).toBeLessThanOrEqual(60);
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
    expect(sent).toEqual([]);
    expect(await stored()).toMatchObject({ status: 'running', reason: 'endpoint_disabled' });
    await putEntities(tables, makeEndpoint());
    expect(await runToEnd()).toMatchObject({ status: 'done', reason: null, sent: 3 });
  });

  it('that is gone ends it', async () => {
    await store(makeEvents(3));
    await putEntities(tables, newRedrive({ source: 'events' }));
    expect(await runToEnd()).toMatchObject({ status: 'failed', reason: 'endpoint_gone', sent: 0 });
  });
});

it('a redrive that was canceled meanwhile sends no further page', async () => {
  await store(makeEvents(60));
  await start({}, { source: 'events', perSecond: 0.5 });
  const deps = makeDeps({
    sender: {
      async send(tasks) {
        sent.push(...tasks);
        const { version, ...redrive } = await stored();
        await createRedriveStore(tables).save({ ...redrive, status: 'canceled', dueAt: null, version });
      },
    },
  });
  await runOnce(deps);
  const before = sent.length;
  expect(await runToEnd(deps)).toMatchObject({ status: 'canceled', sent: 0 });
  expect(sent).toHaveLength(before);
});
