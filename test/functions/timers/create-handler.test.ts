import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHandler, type TimersDeps } from '../../../functions/timers/create-handler.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import { EntitySchema, type Entity } from '../../../schemas/entity.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import type { Position } from '../../../schemas/position.ts';
import { makeRecord } from '../../helpers/deliveries.ts';
import { locker, policy, reservationWith } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';

const now = '2026-03-22T09:15:40.000Z';
const aMinute = { getRemainingTimeInMillis: () => 60_000 };

let tables: Tables;
let due: DeliveryRecord[];
let leases: [id: string, until: string][];
let sent: DeliveryTask[];
let errors: unknown[];
let metrics: Map<string, number>;

beforeEach(async () => {
  tables = await startTables();
  due = [];
  leases = [];
  sent = [];
  errors = [];
  metrics = new Map();
});
afterEach(async () => tables[Symbol.asyncDispose]());

const seed = async (...entities: Entity[]) => {
  for (const entity of entities) await tables.put('entities', entityItem(entity, 4));
};

/** Timers over real tables, whose due deliveries are all in the first shard and keep their place until leased. */
function timers(changes: Partial<TimersDeps> = {}) {
  let tasks = 0;
  return createHandler({
    entities: { ...createEntityStore(tables), ...createEntityLists(tables) },
    commit: createCommit(tables),
    deliveries: {
      due: async (shard, _now, limit) => (shard === 0 ? due.slice(0, limit) : []),
      async lease(record, until) {
        leases.push([record.id, until]);
        due = due.filter((one) => one !== record);
        return true;
      },
    },
    sender: {
      async send(outgoing) {
        sent.push(...outgoing.map(({ task }) => task));
      },
    },
    policy,
    dueShards: 4,
    leaseSeconds: 120,
    clock: () => now,
    newTaskId: () => `task-${(tasks += 1)}`,
    logger: {
      info() {},
      error(...input: unknown[]) {
        errors.push(input);
      },
    },
    metrics: {
      addMetric(name, _unit, value) {
        metrics.set(name, value);
      },
    },
    ...changes,
  });
}

const events = async () => (await tables.scan('events')).map((item) => DomainEventSchema.parse(item));

const stored = async (kind: Entity['kind']) =>
  (await tables.scan('entities'))
    .filter((item) => item['kind'] === kind)
    .map((item) => EntitySchema.parse(item));

const stockedFor = (hours: number, reservationId: string) =>
  reservationWith({
    reservationId,
    status: 'STOCKED',
    statusFrom: {
      at: new Date(Date.parse(now) - hours * 3_600_000).toISOString(),
      boot: 'b7',
      seq: 1,
    },
  });

describe('due reservations', () => {
  it('expire at their expiration date and give their locker back', async () => {
    await seed(reservationWith(), { ...locker, status: 'rented', holderId: 'carrier' });
    await timers()(null, aMinute);
    expect(await events()).toMatchObject([
      {
        type: 'reservation.expired',
        cause: 'timer',
        occurredAt: '2026-03-22T09:15:00.000Z',
        receivedAt: now,
        partnerIds: ['carrier'],
      },
    ]);
    expect(await stored('reservation')).toMatchObject([{ status: 'EXPIRED', version: 2, dueAt: null }]);
    expect(await stored('locker')).toMatchObject([{ status: 'available', holderId: null, version: 2 }]);
  });

  it('return when the grace period is over, not before', async () => {
    await seed(stockedFor(48, 'OVER'), stockedFor(47.9, 'NOT-YET'));
    await timers()(null, aMinute);
    expect(await events()).toMatchObject([{ type: 'reservation.returning', occurredAt: now }]);
    expect(await stored('reservation')).toEqual(
      expect.arrayContaining([expect.objectContaining({ reservationId: 'NOT-YET', status: 'STOCKED' })]),
    );
  });

  it('are found however many there are, also in one locker', async () => {
    const many = Array.from({ length: 130 }, (_, index) => reservationWith({ reservationId: `R-${index}` }));
    for (const entity of [{ ...locker, status: 'rented', holderId: 'carrier' } as const, ...many]) {
      await tables.put('entities', entityItem(entity, 1));
    }
    await timers({ dueShards: 1 })(null, aMinute);
    expect(await events()).toHaveLength(130);
    expect(errors).toEqual([]);
  });

  it('happen once, however many runs there are', async () => {
    await seed(...Array.from({ length: 10 }, (_, index) => reservationWith({ reservationId: `R-${index}` })));
    await Promise.all([timers()(null, aMinute), timers()(null, aMinute), timers()(null, aMinute)]);
    expect(await events()).toHaveLength(10);
  });

  it('that somebody else is changing are left to the next run, which is no failure', async () => {
    await seed(reservationWith());
    const rejected = { kind: 'rejected', repeats: new Set<string>(), conflicts: true } as const;
    await timers({ commit: async () => rejected })(null, aMinute);
    expect(await events()).toEqual([]);
    expect(metrics).toEqual(new Map());
    await timers()(null, aMinute);
    expect(await events()).toHaveLength(1);
  });

  it('that fail stop no other, and fail the run at its end', async () => {
    await seed(...Array.from({ length: 6 }, (_, index) => reservationWith({ reservationId: `R-${index}` })));
    const commit = createCommit(tables);
    const failing = timers({
      commit: async (unit) => {
        if (unit.changes.some((one) => one.kind === 'reservation' && one.reservationId === 'R-3')) {
          throw new Error('poison');
        }
        return commit(unit);
      },
    });
    due = [makeRecord({ id: 'dlv_1' })];
    await expect(failing(null, aMinute)).rejects.toMatchObject({ code: 'timers_failed' });
    expect(await events()).toHaveLength(5);
    expect(sent).toHaveLength(1);
    expect(metrics).toEqual(
      new Map([
        ['EntitiesDue', 5],
        ['EntitiesDueFailed', 1],
        ['DeliveriesDue', 1],
      ]),
    );
    expect(errors).toHaveLength(1);
  });
});

describe('due bookings', () => {
  const booked: Position = {
    kind: 'position',
    positionId: 'p1',
    partnerId: 'acme',
    organization: 'acme-stores',
    location: 'Main Street',
    queue: 'q1',
    type: 'booking',
    status: 'upcoming',
    priority: 0,
    label: '',
    locale: 'en',
    notification: { type: 'none', settings: { from: '', to: '' } },
    numberOfPeople: 1,
    booking: { start: '2026-03-22T09:15:00.000Z', end: '2026-03-22T09:45:00.000Z' },
    createdAt: '2026-03-20T09:15:00.000Z',
    leaveReminderAt: null,
    leaveAt: null,
    statusAt: '2026-03-20T09:15:00.000Z',
    dueAt: '2026-03-22T09:15:00.000Z',
    version: 1,
  };

  it('are activated when their time slot begins, not before, and once', async () => {
    await seed(booked, { ...booked, positionId: 'p2', dueAt: '2026-03-22T09:15:40.001Z' });
    await Promise.all([timers()(null, aMinute), timers()(null, aMinute)]);
    await timers()(null, aMinute);
    expect(await events()).toMatchObject([
      {
        type: 'position.booking_activated',
        cause: 'timer',
        occurredAt: '2026-03-22T09:15:00.000Z',
        receivedAt: now,
        partnerIds: ['acme'],
        data: { positionId: 'p1', status: 'waiting' },
      },
    ]);
    const all = await stored('position');
    expect(all).toContainEqual(
      expect.objectContaining({ positionId: 'p1', status: 'waiting', version: 2, dueAt: null }),
    );
    expect(all).toContainEqual(expect.objectContaining({ positionId: 'p2', status: 'upcoming', version: 1 }));
  });

  it('are activated beside reservations that expire', async () => {
    await seed(booked, reservationWith());
    await timers({ dueShards: 4 })(null, aMinute);
    expect((await events()).map(({ type }) => type).toSorted()).toEqual([
      'position.booking_activated',
      'reservation.expired',
    ]);
    expect(metrics.get('EntitiesDue')).toBe(2);
  });
});

describe('due deliveries', () => {
  it('are leased, then sent with their history as a new task', async () => {
    const record = makeRecord({ id: 'dlv_1' });
    due = [record];
    await timers({
      sender: {
        async send(outgoing) {
          expect(leases).toEqual([['dlv_1', '2026-03-22T09:17:40.000Z']]);
          sent.push(...outgoing.map(({ task }) => task));
        },
      },
    })(null, aMinute);
    const { partnerId, endpointId, event, attempts } = record;
    expect(sent).toEqual([{ v: 1, taskId: 'task-1', partnerId, endpointId, event, attempts }]);
  });

  it('that another run has leased are not sent', async () => {
    due = [makeRecord({ id: 'dlv_1' }), makeRecord({ id: 'dlv_2' })];
    const lost = timers({
      deliveries: {
        due: async (shard) => (shard === 0 ? due : []),
        lease: async ({ id }) => id === 'dlv_2',
      },
    });
    await lost(null, aMinute);
    expect(sent).toHaveLength(1);
  });

  it('are drained page by page, and an index that lags behind ends no run in a loop', async () => {
    due = Array.from({ length: 120 }, (_, index) => makeRecord({ id: `dlv_${index}` }));
    await timers()(null, aMinute);
    expect(sent).toHaveLength(120);
    const stale = [makeRecord({ id: 'stale' })];
    await timers({ deliveries: { due: async () => stale, lease: async () => false } })(null, aMinute);
    expect(sent).toHaveLength(120);
  });

  it('are left to the next run when the function’s time is nearly over', async () => {
    due = Array.from({ length: 120 }, (_, index) => makeRecord({ id: `dlv_${index}` }));
    await timers()(null, { getRemainingTimeInMillis: () => 1_000 });
    expect(sent).toHaveLength(50);
  });

  it('that could not be leased or sent stop no other: they come back when the lease ends', async () => {
    due = ['bad-lease', 'bad-send', 'good'].map((id) => makeRecord({ id, endpointId: id }));
    const failing = timers({
      deliveries: {
        due: async (shard) => (shard === 0 ? due : []),
        async lease({ id }) {
          if (id === 'bad-lease') throw new Error('throttled');
          return true;
        },
      },
      sender: {
        async send(outgoing) {
          if (outgoing.some(({ task }) => task.endpointId === 'bad-send')) throw new Error('refused');
          sent.push(...outgoing.map(({ task }) => task));
        },
      },
    });
    await expect(failing(null, aMinute)).rejects.toMatchObject({ code: 'timers_failed' });
    expect(sent.map(({ endpointId }) => endpointId)).toEqual(['good']);
    expect(metrics).toEqual(
      new Map([
        ['DeliveriesDue', 1],
        ['DeliveriesDueFailed', 2],
      ]),
    );
  });

  it('of one shard whose index cannot be read stop no other shard', async () => {
    const failing = timers({
      deliveries: {
        async due(shard) {
          if (shard === 1) throw new Error('throttled');
          return shard === 2 ? [makeRecord({ id: 'dlv_2' })] : [];
        },
        lease: async () => true,
      },
    });
    await expect(failing(null, aMinute)).rejects.toMatchObject({ code: 'timers_failed' });
    expect(sent).toHaveLength(1);
  });
});
