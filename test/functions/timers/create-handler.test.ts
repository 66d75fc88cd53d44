import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommit } from '../../../functions/shared/commit.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { entityKey } from '../../../functions/shared/keys.ts';
import { addMs } from '../../../schemas/instant.ts';
import type { Position } from '../../../schemas/position.ts';
import { makeRecord } from '../../helpers/deliveries.ts';
import { locker, reservationWith } from '../domain/samples.ts';
import { start as now, startWorld, type TimersWorld } from './world.ts';

let world: TimersWorld;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const seed: TimersWorld['seed'] = async (...entities) => world.seed(...entities);
const events = async () => world.events();
const stored: TimersWorld['stored'] = async (kind) => world.stored(kind);

const stockedFor = (hours: number, reservationId: string) =>
  reservationWith({
    reservationId,
    status: 'STOCKED',
    statusFrom: {
      at: addMs(now, -hours * 3_600_000),
      boot: 'b7',
      seq: 1,
    },
  });

describe('due reservations', () => {
  it('expire at their expiration date and give their locker back', async () => {
    await seed(reservationWith(), { ...locker, status: 'rented', holderId: 'carrier' });
    await world.run();
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
    await world.run();
    expect(await events()).toMatchObject([{ type: 'reservation.returning', occurredAt: now }]);
    expect(await stored('reservation')).toEqual(
      expect.arrayContaining([expect.objectContaining({ reservationId: 'NOT-YET', status: 'STOCKED' })]),
    );
  });

  it('are found however many there are, also in one locker', async () => {
    const many = Array.from({ length: 130 }, (_, index) => reservationWith({ reservationId: `R-${index}` }));
    for (const entity of [{ ...locker, status: 'rented', holderId: 'carrier' } as const, ...many]) {
      await world.tables.put('entities', entityItem(entity, 1));
    }
    await world.run({ dueShards: 1 });
    expect(await events()).toHaveLength(130);
    expect(world.state.errors).toEqual([]);
  });

  it('happen once, however many runs there are', async () => {
    await seed(...Array.from({ length: 10 }, (_, index) => reservationWith({ reservationId: `R-${index}` })));
    await Promise.all([world.run(), world.run(), world.run()]);
    expect(await events()).toHaveLength(10);
  });

  it('that somebody else is changing are left to the next run, which is no failure', async () => {
    await seed(reservationWith());
    const rejected = { kind: 'rejected', repeats: new Set<string>(), conflicts: true } as const;
    await world.run({ commit: async () => rejected });
    expect(await events()).toEqual([]);
    expect(world.state.metrics.has('EntitiesDueFailed')).toBe(false);
    await world.run();
    expect(await events()).toHaveLength(1);
  });

  it('happen though what another one rests on can not be read', async () => {
    const due = [
      reservationWith({ reservationId: 'R-1' }),
      reservationWith({ reservationId: 'R-2', locker: 8 }),
    ];
    for (const entity of due) await world.tables.put('entities', entityItem(entity, 1));
    const broken = { kind: 'locker', towerId: reservationWith().towerId, locker: 8 } as const;
    await world.tables.put('entities', { ...entityKey(broken), kind: 'locker', note: 'of a later release' });
    await expect(world.run({ dueShards: 1 })).rejects.toMatchObject({ code: 'timers_failed' });
    expect(await events()).toMatchObject([{ type: 'reservation.expired', data: { reservationId: 'R-1' } }]);
    expect(world.state.metrics.get('EntitiesDueFailed')).toBe(1);
  });

  it('that fail stop no other, and fail the run at its end', async () => {
    await seed(...Array.from({ length: 6 }, (_, index) => reservationWith({ reservationId: `R-${index}` })));
    await world.seedDeliveries([makeRecord({ dueAt: now })]);
    const commit = createCommit(world.tables);
    const failing = world.run({
      commit: async (unit) => {
        if (unit.changes.some((one) => one.kind === 'reservation' && one.reservationId === 'R-3')) {
          throw new Error('poison');
        }
        return commit(unit);
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'timers_failed' });
    expect((await events()).filter(({ cause }) => cause === 'timer')).toHaveLength(5);
    expect(world.state.sent).toHaveLength(1);
    expect(Object.fromEntries(world.state.metrics)).toMatchObject({
      EntitiesDue: 5,
      EventsCommitted: 5,
      EntitiesDueFailed: 1,
      DeliveriesDue: 1,
    });
    expect(world.state.errors).toHaveLength(1);
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
    await Promise.all([world.run(), world.run()]);
    await world.run();
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
    await world.run({ dueShards: 4 });
    expect((await events()).map(({ type }) => type).toSorted()).toEqual([
      'position.booking_activated',
      'reservation.expired',
    ]);
    expect(world.state.metrics.get('EntitiesDue')).toBe(2);
  });
});
