import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audienceAt } from '../../../functions/domain/holding.ts';
import { applyLockerFact, lockerAfterTransition, takeLocker } from '../../../functions/domain/locker.ts';
import { LockerSchema, type Locker } from '../../../schemas/entity.ts';
import { instantFromMs, instantToMs } from '../../../schemas/instant.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import { locker, tower as ofOwner } from './samples.ts';

const partners = ['p1', 'p2', 'p3'];
const tower = { ...ofOwner, partnerIds: partners };

const startMs = Date.parse('2026-03-20T00:00:00.000Z');
const minutesMs = 60_000;
const minute = (minutes: number): Instant => instantFromMs(startMs + minutes * minutesMs);

/** One partner's time with the locker, from taking it to giving it back. */
interface Hold {
  partnerId: string;
  sinceMinute: number;
  untilMinute: number;
  begins: 'reserved' | 'stocked';
  ends: 'picked_up' | 'expired' | 'canceled';
}

/** One after the other, with pauses around the 15 minutes. */
const holdsWith = (ways: Pick<Hold, 'begins' | 'ends'>[]): fc.Arbitrary<Hold[]> =>
  fc
    .array(
      fc.record({
        partnerId: fc.constantFrom(...partners),
        pauseMinutes: fc.integer({ min: 1, max: 40 }),
        lastsMinutes: fc.integer({ min: 1, max: 40 }),
        way: fc.constantFrom(...ways),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((drawn) => {
      let now = 0;
      return drawn.map(({ partnerId, pauseMinutes, lastsMinutes, way }) => {
        const sinceMinute = now + pauseMinutes;
        now = sinceMinute + lastsMinutes;
        return { partnerId, sinceMinute, untilMinute: now, ...way };
      });
    });

interface Step {
  minute: number;
  take: (before: Locker) => Locker;
}

const factAt = (partnerId: string, status: 'occupied' | 'available', at: number): Step => ({
  minute: at,
  take: (before) =>
    applyLockerFact(before, { status, partnerId, position: { at: minute(at), boot: 'b1', seq: at } }).locker,
});

const stepsOf = ({ partnerId, sinceMinute, untilMinute, begins, ends }: Hold): Step[] => [
  begins === 'stocked'
    ? factAt(partnerId, 'occupied', sinceMinute)
    : { minute: sinceMinute, take: (before) => takeLocker(before, partnerId, minute(sinceMinute)) },
  ends === 'picked_up'
    ? factAt(partnerId, 'available', untilMinute)
    : {
        minute: untilMinute,
        take: (before) =>
          lockerAfterTransition(before, {
            to: ends === 'expired' ? 'EXPIRED' : 'CANCELED',
            partnerId,
            at: minute(untilMinute),
          }),
      },
];

/** Whether others held the locker within the 15 minutes before, and it did not. */
function isStranger(partnerId: string, at: number, holds: readonly Hold[]): boolean {
  const recent = holds.filter(({ sinceMinute, untilMinute }) => sinceMinute <= at && untilMinute >= at - 15);
  return recent.length > 0 && recent.every((hold) => hold.partnerId !== partnerId);
}

const strangersTold = (state: Locker, at: number, holds: readonly Hold[]): string[] =>
  audienceAt(tower, state, minute(at)).filter((partnerId) => isStranger(partnerId, at, holds));

const minutes = fc.integer({ min: 0, max: 250 });

describe('who hears of a door', () => {
  it('is never a partner that did not hold the locker around that time while another did, however late it is told', () => {
    const holds = holdsWith([
      { begins: 'reserved', ends: 'picked_up' },
      { begins: 'reserved', ends: 'expired' },
      { begins: 'reserved', ends: 'canceled' },
      { begins: 'stocked', ends: 'picked_up' },
    ]);
    fc.assert(
      fc.property(holds, minutes, (all, at) => {
        const steps = all.flatMap(stepsOf);
        const then = steps
          .filter((step) => step.minute <= at)
          .reduce((state, { take }) => take(state), locker);
        expect(strangersTold(then, at, all)).toEqual([]);
        let state = then;
        for (const { take } of steps.filter((step) => step.minute > at)) {
          state = take(state);
          expect(strangersTold(state, at, all)).toEqual([]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is so too after the tower’s facts came in any order, with repeats', () => {
    const arrivals = holdsWith([{ begins: 'stocked', ends: 'picked_up' }]).chain((holds) => {
      const steps = holds.flatMap(stepsOf);
      return fc.tuple(
        fc.constant(holds),
        fc.shuffledSubarray(steps, { minLength: steps.length }),
        fc.subarray(steps),
      );
    });
    fc.assert(
      fc.property(arrivals, minutes, ([holds, shuffled, again], at) => {
        const state = [...shuffled, ...again].reduce((before, { take }) => take(before), locker);
        expect(strangersTold(state, at, holds)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is whoever holds it, and a quarter of an hour after the end still whoever held it', () => {
    const held = takeLocker(locker, 'p1', minute(10));
    const left = factAt('p1', 'available', 20).take(held);
    const next = takeLocker(left, 'p2', minute(25));
    const hearers = [5, 10, 20, 24, 25, 36].map((at) =>
      [held, left, next].map((state) => audienceAt(tower, state, minute(at)).join()),
    );
    const everybody = partners.join();
    expect(hearers).toEqual([
      [everybody, '', ''],
      ['p1', 'p1', 'p1'],
      ['p1', 'p1', 'p1'],
      ['p1', 'p1', 'p1'],
      ['p1', 'p1', 'p2'],
      ['p1', everybody, 'p2'],
    ]);
  });

  it('is nobody between the quarter of an hour and the next holder', () => {
    const left = factAt('p1', 'available', 20).take(takeLocker(locker, 'p1', minute(10)));
    expect(audienceAt(tower, takeLocker(left, 'p2', minute(60)), minute(40))).toEqual([]);
  });

  it('is the holder also by a tower’s clock that is behind, once that has told of its parcel', () => {
    const held = takeLocker(locker, 'p1', minute(60));
    expect(audienceAt(tower, factAt('p1', 'occupied', 30).take(held), minute(31))).toEqual(['p1']);
  });

  it('is the holder of an item that was stored without its beginning', () => {
    const { holderSince: _, previousHolder: __, ...old } = { ...locker, holderId: 'p1' };
    expect(audienceAt(tower, LockerSchema.parse(old), minute(0))).toEqual(['p1']);
  });
});

describe('a locker that was given to somebody else while its tower was offline', () => {
  const given = takeLocker(
    lockerAfterTransition(takeLocker(locker, 'p1', minute(0)), {
      to: 'EXPIRED',
      partnerId: 'p1',
      at: minute(30),
    }),
    'p2',
    minute(40),
  );

  it('stays theirs, but is occupied while the other’s parcel is in it', () => {
    const stocked = factAt('p1', 'occupied', 20).take(given);
    expect(stocked).toMatchObject({ status: 'occupied', holderId: 'p2', holderSince: minute(40) });
    expect(factAt('p1', 'available', 25).take(stocked)).toMatchObject({ status: 'rented', holderId: 'p2' });
  });

  it('is free when something newer has left it', () => {
    expect(factAt('p1', 'available', 50).take(given)).toMatchObject({ status: 'available', holderId: null });
  });

  it('keeps its times in order', () => {
    const { previousHolder } = factAt('p1', 'occupied', 20).take(given);
    expect(instantToMs(previousHolder?.until ?? '')).toBeLessThanOrEqual(instantToMs(minute(40)));
  });
});
