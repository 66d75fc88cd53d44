import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../functions/domain/event.ts';
import { createLockerOpenRequest, createToken } from '../../../functions/domain/locker-open-commands.ts';
import { decideTokenUse } from '../../../functions/domain/locker-open.ts';
import {
  apiPathTo,
  createReservation,
  moveReservation,
  runReservationTimer,
} from '../../../functions/domain/reservation-commands.ts';
import { ReservationStatusSchema, type Entity } from '../../../schemas/entity.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import { parseEventId } from '../../../schemas/event-id.ts';
import { locker, policy, request, reservationWith, token } from './samples.ts';

const now = '2026-03-20T08:00:00.000Z';

function committed<T extends Entity>(entity: T): T {
  return { ...entity, version: entity.version + 1 };
}

function changed<K extends Entity['kind']>(decision: Decision, kind: K): Extract<Entity, { kind: K }> {
  const isKind = (entity: Entity): entity is Extract<Entity, { kind: K }> => entity.kind === kind;
  const found = decision.changes.find(isKind);
  if (found === undefined) throw new Error(`no ${kind} changed`);
  return committed(found);
}

describe('reservations by the API', () => {
  const { kind: _, status: __, statusFrom: ___, dueAt: ____, version: _____, ...fields } = reservationWith();
  const created = createReservation(fields, now, policy);

  it('begin as NEW, due at their expiration date', () => {
    expect(created.changes).toMatchObject([{ status: 'NEW', version: 0, dueAt: '2026-03-22T09:15:00.000Z' }]);
    expect(created.events).toMatchObject([
      { type: 'reservation.created', cause: 'api', occurredAt: now, partnerIds: ['carrier'] },
    ]);
  });

  it.each(ReservationStatusSchema.options.filter((status) => status !== 'EXPIRED'))(
    'reach %s by the API’s path, each step an event of its own name',
    (target) => {
      let reservation = changed(created, 'reservation');
      let place = locker;
      const ids = created.events.map(({ id }) => id);
      for (const to of apiPathTo(target) ?? []) {
        const outcome = moveReservation({ reservation, locker: place, now, policy }, to);
        if (outcome.kind !== 'decided') throw new Error(`${to} was ${outcome.kind}`);
        reservation = changed(outcome, 'reservation');
        if (outcome.changes.some(({ kind }) => kind === 'locker')) place = changed(outcome, 'locker');
        for (const event of outcome.events) {
          expect(DomainEventSchema.parse(event)).toEqual(event);
          expect(event.cause).toBe('api');
          ids.push(event.id);
        }
      }
      expect(reservation.status).toBe(target);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id) => parseEventId(id) !== null)).toBe(true);
    },
  );

  it('take the locker when they are reserved and give it back when they expire', () => {
    const reservation = changed(created, 'reservation');
    const reserved = moveReservation({ reservation, locker, now, policy }, 'RESERVED');
    if (reserved.kind !== 'decided') throw new Error('reserving was refused');
    const rented = changed(reserved, 'locker');
    expect(rented).toMatchObject({ status: 'rented', holderId: 'carrier' });
    const expired = runReservationTimer({
      reservation: changed(reserved, 'reservation'),
      locker: rented,
      now: '2026-03-22T09:15:30.000Z',
      policy,
    });
    if (expired.kind !== 'decided') throw new Error('it was due');
    expect(changed(expired, 'locker')).toMatchObject({ status: 'available', holderId: null });
    expect(expired.events).toMatchObject([
      {
        type: 'reservation.expired',
        cause: 'timer',
        occurredAt: '2026-03-22T09:15:00.000Z',
        receivedAt: '2026-03-22T09:15:30.000Z',
      },
    ]);
  });
});

describe('locker open requests', () => {
  it('rent an available locker and tell LOCKER_ASSIGNED’s event', () => {
    const decision = createLockerOpenRequest(request, locker, now);
    expect(changed(decision, 'locker')).toMatchObject({ status: 'rented', holderId: 'opener' });
    expect(decision.events).toMatchObject([
      {
        type: 'locker.assigned',
        data: { lockerStatus: 'rented', requestId: 56, requestPayload: request.payload, tokenId: null },
      },
    ]);
  });

  it('leave an occupied locker occupied: a pick-up takes nothing', () => {
    const occupied = { ...locker, status: 'occupied' as const, holderId: 'opener' };
    const decision = createLockerOpenRequest({ ...request, flow: 'pickup' }, occupied, now);
    expect(decision.changes.map(({ kind }) => kind)).toEqual(['request']);
    expect(decision.events).toMatchObject([{ data: { lockerStatus: 'occupied' } }]);
  });

  it('give tokens whose event shows the locker as it stands', () => {
    const rented = { ...locker, status: 'rented' as const };
    const decision = createToken({ tokenId: 52, clientInfo: 'Luis' }, request, rented, now);
    expect(decision.changes).toEqual([{ ...token, version: 0 }]);
    expect(decision.events).toMatchObject([
      { type: 'locker.token_created', data: { lockerStatus: 'rented', tokenId: 52, clientInfo: 'Luis' } },
    ]);
  });
});

describe('a token', () => {
  const position = { at: '2026-03-20T09:15:00.000Z', boot: 'b7', seq: 7 };
  const use = { token, request, locker, tokenId: 52, position };

  it.each([
    ['dropoff', 'occupied', 'opener'],
    ['pickup', 'available', null],
  ] as const)('used for a %s leaves the locker %s', (flow, status, holderId) => {
    const decision = decideTokenUse({ ...use, request: { ...request, flow } });
    expect(decision).toMatchObject({
      kind: 'used',
      late: false,
      token: { usedAt: position.at },
      locker: { status, holderId, statusFrom: position },
      draft: { type: 'locker.token_used', data: { lockerStatus: status } },
    });
  });

  it.each([
    ['token_unknown', { token: null }],
    ['token_unknown', { request: null }],
    ['token_elsewhere', { locker: { ...locker, locker: 8 } }],
    ['token_elsewhere', { locker: { ...locker, towerId: '0000000000000002' } }],
    ['token_already_used', { token: { ...token, usedAt: position.at } }],
  ] as const)('is refused as %s', (refusal, changes) => {
    const decision = decideTokenUse({ ...use, ...changes });
    expect(decision).toMatchObject({ kind: 'refused', draft: { data: { tokenId: 52, refusal } } });
  });

  it('that arrives late is used, but moves no locker', () => {
    const newer = { ...locker, statusFrom: { at: '2026-03-20T10:00:00.000Z', boot: 'b7', seq: 9 } };
    const decision = decideTokenUse({ ...use, locker: newer });
    expect(decision).toMatchObject({ kind: 'used', late: true });
    const { status, statusFrom, holderId } = newer;
    expect(decision).toMatchObject({ locker: { status, statusFrom, holderId } });
  });
});
