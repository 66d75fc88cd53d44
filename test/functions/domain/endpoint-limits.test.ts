import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admit,
  released,
  unlimited,
  type Admission,
  type AdmissionRequest,
  type LimitsState,
} from '../../../functions/domain/endpoint-limits.ts';

const request = (more: Partial<AdmissionRequest>): AdmissionRequest => ({
  limits: { perSecond: 2 },
  nowMs: 0,
  leaseId: 'a',
  leaseMs: 20_000,
  turnMs: null,
  maxWaitMs: 250,
  maxAheadMs: 900_000,
  ...more,
});

const asked = (perSecond: number, nowMs: number) => request({ limits: { perSecond }, nowMs });

/** What is admitted one after the other. */
function admitAll(requests: readonly AdmissionRequest[], from: LimitsState = unlimited) {
  let state = from;
  const admissions: Admission[] = [];
  for (const one of requests) {
    const admitted = admit(state, one);
    state = admitted.state;
    admissions.push(admitted.admission);
  }
  return { state, admissions };
}

describe('a rate', () => {
  it('lets the first go and gives the others turns, an interval apart', () => {
    const { admissions } = admitAll(Array.from({ length: 4 }, () => request({ nowMs: 10_000 })));
    expect(admissions).toEqual([
      { kind: 'go', waitMs: 0 },
      { kind: 'later', turnMs: 10_500, retryMs: 10_500, limit: 'rate' },
      { kind: 'later', turnMs: 11_000, retryMs: 11_000, limit: 'rate' },
      { kind: 'later', turnMs: 11_500, retryMs: 11_500, limit: 'rate' },
    ]);
  });

  it('lets those wait where they are whose turn is near', () => {
    const { admissions } = admitAll(Array.from({ length: 3 }, () => request({ limits: { perSecond: 10 } })));
    expect(admissions).toEqual([0, 100, 200].map((waitMs) => ({ kind: 'go', waitMs })));
  });

  it('keeps the turns of those who wait free from newcomers', () => {
    const { state } = admitAll(Array.from({ length: 3 }, () => request({})));
    // Turns at 0.5 s and 1 s were given.
    const newcomer = admit(state, request({ nowMs: 600 }));
    expect(newcomer.admission).toMatchObject({ kind: 'later', turnMs: 1_500 });
    const inTurn = admit(newcomer.state, request({ nowMs: 600, turnMs: 500 }));
    expect(inTurn.admission).toEqual({ kind: 'go', waitMs: 0 });
  });

  it('lets one that comes before its turn wait, or come again with that turn', () => {
    const early = { turnMs: 10_000, maxWaitMs: 1_000 };
    expect(admit(unlimited, request({ nowMs: 9_500, ...early })).admission).toEqual({
      kind: 'go',
      waitMs: 500,
    });
    expect(admit(unlimited, request({ nowMs: 5_000, ...early })).admission).toEqual({
      kind: 'later',
      turnMs: 10_000,
      retryMs: 10_000,
      limit: 'rate',
    });
  });

  it('is full when turns are too far ahead, or one was kept waiting for too long', () => {
    const far = { ...unlimited, nextMs: 1_000, nextTurnMs: 900_001 };
    expect(admit(far, request({})).admission).toEqual({ kind: 'full', limit: 'rate' });
    const state = { ...unlimited, nextMs: 1_000_000 };
    const late = request({ nowMs: 950_000, turnMs: 1_000 });
    expect(admit(state, late).admission).toEqual({ kind: 'full', limit: 'rate' });
  });

  it('gives who finds no room at its turn another one, behind the line', () => {
    const { state } = admitAll(Array.from({ length: 4 }, () => request({ nowMs: 10_000 })));
    // Turns at 10.5 s, 11 s and 11.5 s were given, and nobody came.
    const late = [10_500, 11_000, 11_500].map((turnMs) => request({ nowMs: 20_000, turnMs, maxWaitMs: 400 }));
    expect(admitAll(late, state).admissions).toEqual([
      { kind: 'go', waitMs: 0 },
      { kind: 'later', turnMs: 20_500, retryMs: 20_500, limit: 'rate' },
      { kind: 'later', turnMs: 21_000, retryMs: 21_000, limit: 'rate' },
    ]);
  });

  it('that is raised shortens the line, and one that is lowered leaves it as it is', () => {
    const full = admitAll(Array.from({ length: 95 }, () => asked(0.1, 0))).state;
    expect(admit(full, asked(0.1, 1_000)).admission).toEqual({ kind: 'full', limit: 'rate' });
    const raised = admit(full, asked(100, 1_000));
    expect(raised.admission).toMatchObject({ kind: 'later', turnMs: 1_909 });
    expect(admit(raised.state, asked(100, 60_000)).admission).toEqual({ kind: 'go', waitMs: 0 });
    const line = admitAll(Array.from({ length: 95 }, () => asked(10, 0))).state;
    const lowered = admitAll([asked(1, 1_000), asked(1, 1_000)], line);
    expect(lowered.admissions).toMatchObject([{ turnMs: 9_500 }, { turnMs: 10_500 }]);
  });

  it('below one a second spreads requests over minutes', () => {
    const { admissions } = admitAll(Array.from({ length: 3 }, () => request({ limits: { perSecond: 0.1 } })));
    expect(admissions.map((one) => (one.kind === 'later' ? one.turnMs : 0))).toEqual([0, 10_000, 20_000]);
  });

  it('never lets more through in any second, whoever comes when and comes back when it was told to', () => {
    const arrivals = fc.array(fc.record({ gapMs: fc.nat(400), lateMs: fc.nat(3_000) }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(arrivals, fc.constantFrom(0.5, 1, 3, 7, 50, 1_000), (guests, perSecond) => {
        let state = unlimited;
        let clock = 0;
        const waiting = guests.map(({ gapMs, lateMs }) => {
          clock += gapMs;
          return { atMs: clock, lateMs, turnMs: null as number | null };
        });
        const startsMs: number[] = [];
        while (waiting.length > 0) {
          waiting.sort((a, b) => a.atMs - b.atMs);
          const guest = waiting.shift();
          if (guest === undefined) break;
          const asked = admit(
            state,
            request({ limits: { perSecond }, nowMs: guest.atMs, turnMs: guest.turnMs, maxWaitMs: 500 }),
          );
          state = asked.state;
          const { admission } = asked;
          if (admission.kind === 'go') startsMs.push(guest.atMs + admission.waitMs);
          if (admission.kind === 'later')
            waiting.push({
              ...guest,
              atMs: Math.max(admission.retryMs, guest.atMs + 1) + guest.lateMs,
              turnMs: admission.turnMs,
            });
        }
        expect(startsMs.length).toBe(guests.length);
        startsMs.sort((a, b) => a - b);
        for (const [index, startMs] of startsMs.entries())
          expect(startMs - (startsMs[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(
            1_000 / perSecond - 1e-6,
          );
      }),
    );
  });
});

describe('what has waited', () => {
  const yielding = { maxAheadMs: 0 };

  it('takes what is free, and no turn', () => {
    const patient = request({ ...yielding, limits: { perSecond: 5 }, nowMs: 5_000 });
    const { state, admissions } = admitAll([patient, patient, patient, patient]);
    const full = { kind: 'full', limit: 'rate' };
    expect(admissions).toEqual([{ kind: 'go', waitMs: 0 }, { kind: 'go', waitMs: 200 }, full, full]);
    const next = request({ limits: { perSecond: 5 }, nowMs: 5_000 });
    expect(admit(state, next).admission).toMatchObject({ turnMs: 5_400 });
    // Somebody waits for the turn at 5.4 s.
    expect(admit(admit(state, next).state, { ...patient, nowMs: 5_300 }).admission).toEqual(full);
    const limits = { concurrency: 1 };
    const { admissions: held } = admitAll([request({ limits }), request({ limits, ...yielding })]);
    expect(held.at(-1)).toEqual({ kind: 'full', limit: 'concurrency' });
  });

  it('makes nothing that happens now wait for more than a moment, and gets half of the rest', () => {
    const minutes = 10;
    const [perSecond, livePerSecond] = [5, 3];
    type Guest = { atMs: number; bornMs: number; turnMs: number | null; isLive: boolean };
    const guests: Guest[] = [];
    const add = (atMs: number, isLive: boolean) => guests.push({ atMs, bornMs: atMs, turnMs: null, isLive });
    for (let second = 0; second < minutes * 60; second += 1) {
      for (let one = 0; one < perSecond; one += 1) add((second + one / perSecond) * 1_000, false);
      for (let one = 0; one < livePerSecond; one += 1) add((second + one / livePerSecond) * 1_000, true);
    }
    let state = unlimited;
    let drained = 0;
    const waitsMs: number[] = [];
    while (guests.length > 0) {
      guests.sort((a, b) => b.atMs - a.atMs);
      const guest = guests.pop();
      if (guest === undefined) break;
      const { atMs: nowMs, turnMs, isLive, bornMs } = guest;
      const patience = isLive ? { turnMs, maxWaitMs: turnMs === null ? 250 : 1_000 } : yielding;
      const asked = admit(state, request({ limits: { perSecond }, nowMs, ...patience }));
      state = asked.state;
      const { admission } = asked;
      if (admission.kind === 'later')
        guests.push({
          ...guest,
          atMs: nowMs + Math.max(Math.ceil((admission.retryMs - nowMs) / 1_000), 1) * 1_000,
          turnMs: admission.turnMs,
        });
      else if (isLive) waitsMs.push(admission.kind === 'go' ? nowMs + admission.waitMs - bornMs : Infinity);
      else if (admission.kind === 'go') drained += 1;
    }
    expect(waitsMs).toHaveLength(livePerSecond * minutes * 60);
    expect(Math.max(...waitsMs)).toBeLessThan(1_500);
    // Each comes once: timers hand it out again.
    expect(drained).toBeGreaterThan(0.45 * (perSecond - livePerSecond) * minutes * 60);
  });
});

describe('a limit of requests at a time', () => {
  const limits = { concurrency: 2 };
  const nowMs = 100_000;
  const asking = (more: Partial<AdmissionRequest> = {}) => request({ limits, nowMs, ...more });
  /** Both places were taken at `nowMs`, of an endpoint that takes as long as that. */
  const taken = (meanMs = 0) =>
    admitAll(
      ['a', 'b'].map((leaseId) => asking({ leaseId })),
      { ...unlimited, meanMs },
    ).state;

  it('is never exceeded, and what ends makes room', () => {
    const state = taken();
    expect(admit(state, asking({ leaseId: 'c' })).admission.kind).toBe('later');
    const freed = released(state, 'a', 100);
    expect(admit(freed, asking({ leaseId: 'c' })).admission.kind).toBe('go');
    expect(released(freed, 'a', 100)).toBe(freed);
  });

  it('forgets requests that never ended', () => {
    const late = asking({ leaseId: 'c', nowMs: nowMs + 20_000 });
    expect(admit(taken(), { ...late, nowMs: late.nowMs - 1 }).admission.kind).toBe('later');
    const { state, admission } = admit(taken(), late);
    expect(admission.kind).toBe('go');
    expect(Object.keys(state.leases)).toEqual(['c']);
  });

  it('gives turns from the first end on, as far apart as places come free', () => {
    const { admissions } = admitAll(
      Array.from({ length: 3 }, () => asking()),
      taken(1_000),
    );
    expect(admissions).toEqual(
      [1_050, 1_575, 2_100].map((ms) => ({
        kind: 'later',
        turnMs: nowMs + ms,
        retryMs: nowMs + ms,
        limit: 'concurrency',
      })),
    );
  });

  it('takes a request to need longer than the newest under way has needed, before one has ended', () => {
    const turnAt = (ms: number) => admit(taken(), asking({ nowMs: nowMs + ms })).admission;
    expect(turnAt(0)).toMatchObject({ turnMs: nowMs + 50 });
    expect(turnAt(4_000)).toMatchObject({ turnMs: nowMs + 6_000 });
  });

  it('goes by what the latest have taken, however many there were', () => {
    const ends = (state: LimitsState, heldMs: number) =>
      Array.from({ length: 40 }).reduce(
        (before: LimitsState) => released(admit(before, asking({ leaseId: 'z' })).state, 'z', heldMs),
        state,
      );
    const slow = ends(unlimited, 4_000);
    expect(slow.meanMs).toBe(4_000);
    expect(ends(slow, 100).meanMs).toBeCloseTo(100, -2);
    const { meanMs } = released(admit(slow, asking({ leaseId: 'y' })).state, 'y', null);
    expect(meanMs).toBe(4_000);
  });

  it('lets whoever has a turn go as soon as there is a place, and newcomers when nobody has one', () => {
    const waiting = admit(taken(1_000), asking()).state;
    const freed = released(waiting, 'a', 1_000);
    expect(admit(freed, asking({ turnMs: nowMs + 1_050 })).admission).toEqual({ kind: 'go', waitMs: 0 });
    expect(admit(freed, asking()).admission).toMatchObject({ kind: 'later', turnMs: nowMs + 1_575 });
    expect(admit(freed, asking({ maxAheadMs: 0 })).admission).toEqual({ kind: 'full', limit: 'concurrency' });
    expect(admit(freed, asking({ nowMs: nowMs + 1_575 })).admission.kind).toBe('go');
  });

  it('keeps the turn of who comes before it, or may wait for a place, and gives any other a new one', () => {
    const state = admitAll([asking(), asking()], taken(1_000)).state;
    const early = admit(state, asking({ turnMs: nowMs + 700 }));
    expect(early).toMatchObject({ state, admission: { turnMs: nowMs + 700, retryMs: nowMs + 700 } });
    const inTurn = { turnMs: nowMs + 300, nowMs: nowMs + 300 };
    const patient = admit(state, asking({ ...inTurn, maxWaitMs: 1_000 }));
    expect(patient).toMatchObject({ state, admission: { turnMs: nowMs + 300, retryMs: nowMs + 1_050 } });
    const { admission } = admit(state, asking({ ...inTurn, maxWaitMs: 700 }));
    expect(admission).toMatchObject({ kind: 'later', turnMs: nowMs + 2_100, retryMs: nowMs + 2_100 });
  });

  it('shortens the line once requests take less than half as long, or more may be under way', () => {
    const line = admitAll(
      Array.from({ length: 100 }, () => asking()),
      taken(10_000),
    ).state;
    const turnWith = (more: Partial<LimitsState>, concurrency = 2) =>
      admit({ ...line, ...more }, asking({ limits: { concurrency } })).admission;
    const behind = 10_500 + 100 * 5_250;
    expect(turnWith({})).toMatchObject({ turnMs: nowMs + behind });
    expect(turnWith({ meanMs: 6_000 })).toMatchObject({ turnMs: nowMs + behind });
    expect(turnWith({ meanMs: 100 })).toMatchObject({ turnMs: nowMs + behind / 100 });
    expect(turnWith({}, 20)).toMatchObject({ turnMs: nowMs + behind / 10 });
  });

  it('is full when turns are too far ahead', () => {
    const far = { ...taken(1_000), nextTurnMs: nowMs + 900_001 };
    expect(admit(far, asking()).admission).toEqual({ kind: 'full', limit: 'concurrency' });
    expect(admit(far, asking({ turnMs: nowMs })).admission).toEqual({ kind: 'full', limit: 'concurrency' });
  });

  it('gives turns no closer together than a rate beside it does', () => {
    const both = { limits: { concurrency: 2, perSecond: 1 } };
    const { admissions } = admitAll([asking(both), asking(both)], taken(1_000));
    expect(admissions).toMatchObject([{ turnMs: nowMs + 1_050 }, { turnMs: nowMs + 2_050 }]);
  });
});

describe('what has waited for its endpoint to recover', () => {
  const backlog = { perSecond: 2, maxAheadMs: 900_000 };
  const limits = { perSecond: 10, concurrency: 1 };

  it('keeps to the rate of a backlog, of which what happens now knows nothing', () => {
    const { state, admissions } = admitAll([request({ limits, backlog }), request({ limits: {}, backlog })]);
    expect(admissions).toEqual([
      { kind: 'go', waitMs: 0 },
      { kind: 'later', turnMs: 500, retryMs: 500, limit: 'rate' },
    ]);
    const freed = released(state, 'a', 10);
    expect(admit(freed, request({ limits, nowMs: 100 })).admission).toEqual({ kind: 'go', waitMs: 0 });
    expect(admit(freed, request({ limits: {} })).admission).toEqual({ kind: 'go', waitMs: 0 });
  });

  it('leaves its turn there to the next when the limits of its endpoint refuse it', () => {
    const { state } = admitAll([request({ limits })]);
    const refused = admit(state, request({ limits, backlog, nowMs: 100 }));
    expect(refused.admission).toMatchObject({ kind: 'later', limit: 'concurrency' });
    expect(refused.state.backlog).toBe(state.backlog);
  });

  it('starts when both let it', () => {
    const { state } = admitAll([
      request({ limits: { perSecond: 3 }, nowMs: 300 }),
      request({ limits: {}, backlog }),
    ]);
    const waiting = request({ limits: { perSecond: 3 }, backlog, nowMs: 450, turnMs: 0, maxWaitMs: 1_000 });
    const { admission } = admit(state, waiting);
    expect(admission).toMatchObject({ kind: 'go' });
    expect(admission.kind === 'go' && admission.waitMs).toBeCloseTo(300 + 1_000 / 3 - 450, 6);
  });

  it('is told its turn again, at the price of no write', () => {
    const { state } = admitAll([request({ limits: {}, backlog })]);
    const asked = admit(
      { ...state, backlog: { ...state.backlog, nextMs: 5_000 } },
      request({ backlog, turnMs: 500 }),
    );
    expect(asked.admission).toMatchObject({ kind: 'later', turnMs: 500, retryMs: 5_000 });
    const again = admit(asked.state, request({ backlog, turnMs: 500 }));
    expect(again.state).toBe(asked.state);
  });
});
