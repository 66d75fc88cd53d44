import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyLockerFact,
  lockerAfterTransition,
  statusAfterParcel,
  takeLocker,
} from '../../../functions/domain/locker.ts';
import { itemFor } from '../../../functions/domain/link.ts';
import { ReservationStatusSchema, type Locker, type LockerStatus } from '../../../schemas/entity.ts';
import { locker, positions } from './samples.ts';

const at = '2026-03-20T09:00:00.000Z';

const lockerFacts = fc.record({
  status: fc.constantFrom<LockerStatus | null>('available', 'occupied', null),
  position: positions,
});

const apply = (state: Locker, fact: { status: LockerStatus | null; position: Locker['statusFrom'] }) =>
  fact.position === null
    ? state
    : applyLockerFact(state, { status: fact.status, position: fact.position, partnerId: 'p1' }).locker;

const statusOf = ({ status, statusFrom, holderId }: Locker) => ({ status, statusFrom, holderId });

describe('a locker', () => {
  it('ends with the same status in every order of arrival', () => {
    const unique = fc.uniqueArray(lockerFacts, {
      selector: ({ position: { at, boot, seq } }) => `${at}|${boot}|${seq}`,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        unique.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          expect(statusOf(shuffled.reduce(apply, locker))).toEqual(statusOf(all.reduce(apply, locker)));
        },
      ),
    );
  });

  it('is occupied by a parcel, also a part of one, but not by one that did not fit', () => {
    expect(statusAfterParcel('parcel.stocked')).toBe('occupied');
    expect(statusAfterParcel('parcel.incomplete', 'partial')).toBe('occupied');
    expect(statusAfterParcel('parcel.incomplete', 'oversize')).toBeNull();
    expect(statusAfterParcel('parcel.picked_up')).toBe('available');
    expect(statusAfterParcel('parcel.collected')).toBe('available');
  });

  it('belongs to nobody once it is available', () => {
    const held = { ...locker, status: 'occupied' as const, holderId: 'p1' };
    const position = { at: '2026-03-20T09:15:00.000Z', boot: 'b7', seq: 1 };
    const freed = applyLockerFact(held, { status: 'available', position, partnerId: 'p1' }).locker;
    expect(freed).toMatchObject({ status: 'available', holderId: null, statusFrom: position });
  });

  it('is not taken from the partner that holds it', () => {
    const taken = takeLocker(locker, 'first', at);
    expect(taken).toMatchObject({ status: 'rented', holderId: 'first' });
    expect(takeLocker(taken, 'second', at)).toBe(taken);
    for (const to of ReservationStatusSchema.options.filter((status) => status !== 'STOCKED')) {
      expect(lockerAfterTransition(taken, { to, partnerId: 'second', at })).toBe(taken);
    }
  });

  it('is given back by an expired reservation unless something is inside', () => {
    const rented = takeLocker(locker, 'p1', at);
    expect(lockerAfterTransition(rented, { to: 'EXPIRED', partnerId: 'p1', at })).toMatchObject({
      status: 'available',
      holderId: null,
    });
    const occupied = { ...rented, status: 'occupied' as const };
    expect(lockerAfterTransition(occupied, { to: 'EXPIRED', partnerId: 'p1', at })).toBe(occupied);
  });
});

describe('what a link may fetch', () => {
  const statusFrom = { at, boot: 'b7', seq: 7 };
  const holding: Locker = {
    ...locker,
    status: 'occupied',
    holderId: 'opener',
    statusFrom,
    itemRequestId: 56,
  };

  it('is the item of a drop-off, for its own partner', () => {
    expect(itemFor('opener', holding)).toEqual(statusFrom);
    expect(itemFor('carrier', holding)).toBeNull();
  });

  it('is gone once the locker was given to something else, whatever it rests on', () => {
    const later = '2026-03-20T10:00:00.000Z';
    const freed = lockerAfterTransition(holding, { to: 'PICKED_UP', partnerId: 'opener', at: later });
    expect(freed).toMatchObject({ status: 'available', statusFrom });
    const stocked = lockerAfterTransition(freed, { to: 'STOCKED', partnerId: 'opener', at: later });
    expect(stocked).toMatchObject({ status: 'occupied', holderId: 'opener', statusFrom });
    expect(itemFor('opener', stocked)).toBeNull();
  });
});
