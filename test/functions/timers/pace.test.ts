import { describe, expect, it } from 'vitest';
import { createPace, windowSeconds } from '../../../functions/timers/pace.ts';

const startMs = 1_000_000;

/** A pace of so many a second, and its clock. */
function makePace(perSecond: number, { aheadMs = 0, seconds = windowSeconds } = {}) {
  const clock = { ms: startMs - aheadMs };
  const pace = createPace({ startMs, endMs: startMs + seconds * 1_000, perSecond, now: () => clock.ms });
  /** The seconds of the window in which the next turns are; null for each that there is not. */
  const take = (count: number, endpointId = 'e', own?: number) =>
    Array.from({ length: count }, () => {
      const atMs = pace.take(endpointId, own);
      return atMs === null ? null : (atMs - startMs) / 1_000;
    });
  return { clock, take };
}

describe('a pace', () => {
  it('gives so many turns in each second of its window, to each endpoint, and no more', () => {
    const { take } = makePace(2);
    expect(take(5)).toEqual([0, 0, 1, 1, 2]);
    expect(take(1, 'another')).toEqual([0]);
    const rest = take(2 * windowSeconds);
    expect(rest.filter((turn) => turn !== null)).toHaveLength(2 * windowSeconds - 5);
    expect(rest.at(-1)).toBeNull();
  });

  it('is an endpoint’s own where that is slower', () => {
    const { take } = makePace(20);
    expect(take(3, 'slow', 0.5)).toEqual([0, 2, 4]);
    expect(take(3, 'fast', 1_000)).toEqual([0, 0, 0]);
  });

  it('gives no turn of a second that is over: they would all come at once', () => {
    const { clock, take } = makePace(2);
    expect(take(2)).toEqual([0, 0]);
    clock.ms = startMs + 9_900;
    // The tenth second goes on; what was not given of those before is gone.
    expect(take(3)).toEqual([9, 9, 10]);
    clock.ms = startMs + windowSeconds * 1_000;
    expect(take(1)).toEqual([null]);
  });

  it('has all of a window that is yet to come', () => {
    const { take } = makePace(1, { aheadMs: 60_000 });
    expect(take(windowSeconds + 1)).toEqual([...Array.from({ length: windowSeconds }, (_, at) => at), null]);
  });

  it('is kept in a window of a few seconds, and gives nothing in one of none', () => {
    expect(makePace(2, { seconds: 2 }).take(5)).toEqual([0, 0, 1, 1, null]);
    expect(makePace(2, { seconds: 0 }).take(1)).toEqual([null]);
  });
});
