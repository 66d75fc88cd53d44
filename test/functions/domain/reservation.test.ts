import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePositions } from '../../../functions/domain/position-in-time.ts';
import {
  decideReservation,
  dueAtOf,
  type ReservationCommand,
} from '../../../functions/domain/reservation.ts';
import { isAllowed, isTerminal, transitions } from '../../../functions/domain/reservation-transitions.ts';
import {
  ReservationStatusSchema,
  type Reservation,
  type ReservationStatus,
} from '../../../schemas/entity.ts';
import { CauseSchema, type Cause } from '../../../schemas/event.ts';
import { commands, facts, policy, positions, reservationWith, statuses } from './samples.ts';

type TowerCommand = Extract<ReservationCommand, { by: 'tower' }>;

const decide = (state: Reservation, command: ReservationCommand) => decideReservation(state, command, policy);

/** The state after a command; a refusal or a late fact gives what it leaves. */
function after(state: Reservation, command: ReservationCommand): Reservation {
  const decision = decide(state, command);
  return decision.kind === 'not_due' ? state : decision.reservation;
}

const fact = (name: TowerCommand['fact'], at: string, seq = 1, boot = 'b7'): TowerCommand => ({
  by: 'tower',
  fact: name,
  position: { at, boot, seq },
});

const shuffled = <T>(items: readonly T[]) =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });

/** In a locker's life a parcel leaves once, at the end. Each message has its own place in a boot. */
const histories: fc.Arbitrary<TowerCommand[]> = fc
  .uniqueArray(positions, {
    maxLength: 7,
    selector: ({ at, boot, seq }) => `${at}|${boot}|${seq}`,
  })
  .chain((places) => {
    const sorted = [...places].sort(comparePositions);
    const inside = fc.constantFrom('parcel.stocked' as const, 'parcel.incomplete' as const);
    return fc
      .tuple(...sorted.map((_, index) => (index === sorted.length - 1 ? facts : inside)))
      .map((names) =>
        names.map((name, index): TowerCommand => {
          const position = sorted[index];
          if (position === undefined) throw new Error('one name each');
          return { by: 'tower', fact: name, position };
        }),
      );
  });

const reportedBy = (to: ReservationStatus) => {
  switch (to) {
    case 'STOCKED':
      return 'parcel.stocked';
    case 'INCOMPLETE':
      return 'parcel.incomplete';
    case 'PICKED_UP':
      return 'parcel.picked_up';
    case 'RETURNED':
      return 'parcel.collected';
    case 'NEW':
    case 'RESERVED':
    case 'RETURNING':
    case 'EXPIRED':
    case 'CANCELED':
      throw new Error(`no tower reports ${to}`);
  }
};

function commandFor(to: ReservationStatus, cause: Cause): ReservationCommand {
  const now = '2026-05-01T00:00:00.000Z';
  if (cause === 'api' || cause === 'operator') return { by: 'api', to, now, cause };
  if (cause === 'timer') return { by: 'timer', now };
  return fact(reportedBy(to), now);
}

describe('the table of transitions', () => {
  const rows = ReservationStatusSchema.options.flatMap((from) =>
    ReservationStatusSchema.options.flatMap((to) =>
      CauseSchema.options.map((cause) => ({ from, to, cause })),
    ),
  );
  const allowed = rows.filter(({ from, to, cause }) => isAllowed(from, to, cause));

  it('says something', () => expect(allowed.length).toBeGreaterThan(20));

  it.each(allowed)('allows $from → $to by $cause', ({ from, to, cause }) => {
    const decision = decide(reservationWith({ status: from }), commandFor(to, cause));
    expect(decision).toMatchObject({ kind: 'event', late: false, cause, reservation: { status: to } });
    expect(decision).toMatchObject({ draft: { data: { previousStatus: from, status: to } } });
  });

  it('reaches every status from NEW', () => {
    const reached = new Set<ReservationStatus>(['NEW']);
    for (const from of reached) {
      for (const to of ReservationStatusSchema.options) {
        if (transitions[from][to] !== undefined) reached.add(to);
      }
    }
    expect([...reached].sort()).toEqual([...ReservationStatusSchema.options].sort());
  });

  it('refuses what is not in it, whoever asks', () => {
    fc.assert(
      fc.property(statuses, commands, (status, command) => {
        const state = reservationWith({ status });
        const decision = decide(state, command);
        if (decision.kind !== 'event' || decision.late) return;
        expect(isAllowed(status, decision.reservation.status, decision.cause)).toBe(true);
      }),
    );
  });

  it('leaves terminal statuses to nobody, but for an expiry to what came before it', () => {
    fc.assert(
      fc.property(statuses.filter(isTerminal), fc.array(commands), (status, all) => {
        const statusFrom = { at: '2026-03-21T12:00:00.000Z', boot: null, seq: null };
        const mayRevive = (command: ReservationCommand) =>
          status === 'EXPIRED' && command.by === 'tower' && command.position.at <= statusFrom.at;
        const final = all
          .filter((command) => !mayRevive(command))
          .reduce(after, reservationWith({ status, statusFrom }));
        expect(final.status).toBe(status);
      }),
    );
  });
});

describe('order and repetition', () => {
  it('gives the same reservation in every order of arrival, with any repeats', () => {
    fc.assert(
      fc.property(
        histories.chain((sorted) =>
          fc.tuple(
            fc.constant(sorted),
            fc.subarray(sorted).chain((repeats) => shuffled([...sorted, ...repeats])),
          ),
        ),
        fc.constantFrom('NEW' as const, 'RESERVED' as const),
        ([sorted, arrived], status) => {
          const start = reservationWith({ status });
          expect(arrived.reduce(after, start)).toEqual(sorted.reduce(after, start));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('never rests on something older than before', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 12 }), (all) => {
        let state = reservationWith();
        for (const command of all) {
          const next = after(state, command);
          // A first fact may be older than the reservation: towers have their own clocks.
          const isRevived = state.status === 'EXPIRED' && next.status !== 'EXPIRED';
          const restsOnNothing = state.status === 'NEW' || state.status === 'RESERVED';
          const before = isRevived || restsOnNothing ? next : state;
          expect(comparePositions(next.statusFrom, before.statusFrom)).toBeGreaterThanOrEqual(0);
          state = next;
        }
      }),
    );
  });

  it('keeps dueAt right after each command', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 12 }), (all) => {
        const state = all.reduce(after, reservationWith());
        expect(state.dueAt).toBe(dueAtOf(state, policy));
      }),
    );
  });

  it('makes a late event of an older fact and leaves the reservation as it is', () => {
    const state = after(reservationWith(), fact('parcel.incomplete', '2026-03-20T10:00:00.000Z', 5));
    const decision = decide(state, fact('parcel.stocked', '2026-03-20T09:00:00.000Z', 4));
    expect(decision).toMatchObject({
      kind: 'event',
      late: true,
      occurredAt: '2026-03-20T09:00:00.000Z',
      draft: { type: 'reservation.stocked', data: { status: 'STOCKED', previousStatus: null } },
    });
    expect(decision).toHaveProperty('reservation', state);
  });

  it('lets seq decide between facts of one instant', () => {
    const state = after(reservationWith(), fact('parcel.stocked', '2026-03-20T09:00:00.000Z', 5));
    const at = '2026-03-20T09:00:00.000Z';
    expect(after(state, fact('parcel.picked_up', at, 6)).status).toBe('PICKED_UP');
    expect(after(state, fact('parcel.picked_up', at, 4)).status).toBe('STOCKED');
  });

  it('takes the first fact whatever the tower’s clock shows, for it cannot be older than the reservation', () => {
    const behind = fact('parcel.stocked', '2026-01-01T00:00:00.000Z');
    expect(after(reservationWith(), behind)).toMatchObject({
      status: 'STOCKED',
      statusFrom: behind.position,
    });
  });

  it('refuses a fact that repeats the status, but makes older ones late by it', () => {
    const stocked = after(reservationWith(), fact('parcel.stocked', '2026-03-20T09:00:00.000Z', 1));
    const again = decide(stocked, fact('parcel.stocked', '2026-03-20T12:00:00.000Z', 3));
    expect(again).toMatchObject({ kind: 'refused', refusal: 'transition_not_allowed' });
    const between = fact('parcel.incomplete', '2026-03-20T10:00:00.000Z', 2);
    expect(after(again.kind === 'refused' ? again.reservation : stocked, between).status).toBe('STOCKED');
  });

  it('refuses a fact newer than a final status', () => {
    const gone = after(reservationWith(), fact('parcel.picked_up', '2026-03-20T09:00:00.000Z'));
    const decision = decide(gone, fact('parcel.stocked', '2026-03-20T10:00:00.000Z', 2));
    expect(decision).toEqual({ kind: 'refused', refusal: 'transition_not_allowed', reservation: gone });
  });
});

describe('time', () => {
  const stocked = after(reservationWith(), fact('parcel.stocked', '2026-03-20T09:15:00.123456Z'));

  it('expires a reservation at its expiration date, however late the timer runs', () => {
    const decision = decide(reservationWith(), { by: 'timer', now: '2026-03-22T11:00:00.000Z' });
    expect(decision).toMatchObject({
      kind: 'event',
      cause: 'timer',
      occurredAt: '2026-03-22T09:15:00.000Z',
      reservation: { status: 'EXPIRED', dueAt: null },
      draft: { type: 'reservation.expired' },
    });
  });

  it('is not due a millisecond before', () => {
    const early = decide(reservationWith(), { by: 'timer', now: '2026-03-22T09:14:59.999Z' });
    expect(early).toEqual({ kind: 'not_due' });
  });

  it('ends the grace period graceHours after the parcel was stocked', () => {
    expect(stocked.dueAt).toBe('2026-03-22T09:15:00.123Z');
    expect(decide(stocked, { by: 'timer', now: '2026-03-22T09:16:00.000Z' })).toMatchObject({
      occurredAt: '2026-03-22T09:15:00.123Z',
      reservation: { status: 'RETURNING', dueAt: null },
      draft: { type: 'reservation.returning', data: { previousStatus: 'STOCKED' } },
    });
  });

  it('never expires a reservation without an expiration date', () => {
    const { expirationDate: _, ...eternal } = reservationWith();
    expect(dueAtOf(eternal, policy)).toBeNull();
  });

  it('expires an incomplete parcel no earlier than it was reported', () => {
    const late = after(reservationWith(), fact('parcel.incomplete', '2026-03-22T10:00:00.000Z'));
    expect(late.dueAt).toBe('2026-03-22T10:00:00.000Z');
  });

  it('believes a tower that was offline when the return began: the parcel is gone', () => {
    const returning = after(stocked, { by: 'timer', now: '2026-03-22T10:00:00.000Z' });
    expect(returning.status).toBe('RETURNING');
    const gone = decide(returning, fact('parcel.picked_up', '2026-03-21T10:00:00.000Z', 2));
    expect(gone).toMatchObject({ kind: 'event', late: false, reservation: { status: 'PICKED_UP' } });
  });
});

/** Everything that is due by `now`, one after the other. */
function runTimers(state: Reservation, now: string, { graceHours } = policy): Reservation {
  const decision = decideReservation(state, { by: 'timer', now }, { graceHours });
  return decision.kind === 'event' ? runTimers(decision.reservation, now, { graceHours }) : state;
}

/** The timer runs on time: whatever is due before a fact happens before it. */
function inOrder(start: Reservation, sorted: readonly TowerCommand[], graceHours: number): Reservation {
  return sorted.reduce((state, command) => {
    const at = Date.parse(command.position.at);
    const timed = runTimers(state, new Date(at - 1).toISOString(), { graceHours });
    const decision = decideReservation(timed, command, { graceHours });
    return decision.kind === 'not_due' ? timed : decision.reservation;
  }, start);
}

/**
 * The facts come in `order`; the timer runs late, before them all and after those of `timersAfter`, and has looked before what
 * is newer than the expiry: until it has, such a fact is taken as if nothing had been due.
 */
function flushed(
  start: Reservation,
  order: readonly TowerCommand[],
  timersAfter: ReadonlySet<number>,
  graceHours: number,
): Reservation {
  return order.reduce(
    (before, command, index) => {
      const isNewer = command.position.at > (start.expirationDate ?? '');
      const timed = isNewer ? runTimers(before, flushAt, { graceHours }) : before;
      const decision = decideReservation(timed, command, { graceHours });
      const state = decision.kind === 'not_due' ? timed : decision.reservation;
      return timersAfter.has(index) ? runTimers(state, flushAt, { graceHours }) : state;
    },
    runTimers(start, flushAt, { graceHours }),
  );
}

const flushAt = '2026-03-24T00:00:00.000Z';

const expiringAt = (expirationDate: fc.Arbitrary<string>) =>
  fc
    .record({ status: fc.constantFrom('NEW' as const, 'RESERVED' as const), expirationDate })
    .map(reservationWith);

describe('a tower that was offline at the expiry', () => {
  const expired = after(reservationWith(), { by: 'timer', now: '2026-03-22T10:00:00.000Z' });

  it.each([
    ['parcel.stocked', 'STOCKED'],
    ['parcel.incomplete', 'INCOMPLETE'],
    ['parcel.picked_up', 'PICKED_UP'],
    ['parcel.collected', 'RETURNED'],
  ] as const)('is believed: %s makes it %s', (name, status) => {
    expect(expired.status).toBe('EXPIRED');
    const early = fact(name, '2026-03-21T10:00:00.000Z');
    expect(decide(expired, early)).toMatchObject({
      kind: 'event',
      late: false,
      occurredAt: early.position.at,
      reservation: { status, statusFrom: early.position },
      draft: { data: { status, previousStatus: 'EXPIRED' } },
    });
    const tooLate = fact(name, '2026-03-22T09:15:00.001Z');
    expect(decide(expired, tooLate)).toMatchObject({ kind: 'refused', reservation: { status: 'EXPIRED' } });
  });

  it('goes on from there with what it saw next', () => {
    const stocked = after(expired, fact('parcel.stocked', '2026-03-21T10:00:00.000Z', 1));
    expect(after(stocked, fact('parcel.picked_up', '2026-03-21T11:00:00.000Z', 2)).status).toBe('PICKED_UP');
  });

  it('revives nothing with what is older than the fact that had expired', () => {
    const incomplete = after(reservationWith(), fact('parcel.incomplete', '2026-03-21T10:00:00.000Z', 2));
    const over = after(incomplete, { by: 'timer', now: '2026-03-22T10:00:00.000Z' });
    const older = decide(over, fact('parcel.stocked', '2026-03-21T09:00:00.000Z', 1));
    expect(older).toMatchObject({ kind: 'event', late: true, reservation: { status: 'EXPIRED' } });
  });

  /** Not the end of the grace period, which has its own rule. */
  const graceHours = 1_000;

  const settled = (state: Reservation) => {
    const { status, statusFrom, dueAt } = runTimers(state, flushAt, { graceHours });
    return { status, statusFrom, dueAt };
  };

  const timersBetween = fc.uniqueArray(fc.nat({ max: 13 })).map((indexes) => new Set(indexes));

  it('leaves the reservation as its facts in order do, wherever the timer ran between them', () => {
    const anyTime = positions.map(({ at }) => at);
    fc.assert(
      fc.property(expiringAt(anyTime), histories, timersBetween, (start, sorted, timersAfter) => {
        const state = flushed(start, sorted, timersAfter, graceHours);
        expect(settled(state)).toEqual(settled(inOrder(start, sorted, graceHours)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('does so in any order too of what it saw before the expiry', () => {
    const flushes = histories.chain((sorted) =>
      fc.tuple(
        fc.constant(sorted),
        fc.subarray(sorted).chain((repeats) => shuffled([...sorted, ...repeats])),
      ),
    );
    const afterAll = fc.constant('2026-03-23T00:00:00.000Z');
    fc.assert(
      fc.property(expiringAt(afterAll), flushes, timersBetween, (start, [sorted, arrived], timersAfter) => {
        const state = flushed(start, arrived, timersAfter, graceHours);
        expect(settled(state)).toEqual(settled(inOrder(start, sorted, graceHours)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what a partner does itself', () => {
  const stocked = after(reservationWith(), fact('parcel.stocked', '2026-03-20T09:15:00.000Z'));
  const now = '2026-03-20T12:00:00.000Z';

  it('makes a cancellation with the parcel inside a return', () => {
    expect(after(reservationWith(), { by: 'api', to: 'CANCELED', now }).status).toBe('CANCELED');
    expect(after(stocked, { by: 'api', to: 'CANCELED', now }).status).toBe('RETURNING');
  });

  it('cannot expire, nor go back to NEW', () => {
    for (const to of ['EXPIRED', 'NEW'] as const) {
      expect(decide(reservationWith(), { by: 'api', to, now })).toMatchObject({ kind: 'refused' });
    }
  });

  it('carries the cause api', () => {
    expect(decide(stocked, { by: 'api', to: 'PICKED_UP', now })).toMatchObject({ cause: 'api' });
  });
});
