import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDelayMs, outlasts, scheduleFor } from '../../../functions/shared/retry-schedule.ts';

const scheduleSeconds = [0, 5, 300, 1_800, 86_400];
const schedules = fc.array(fc.integer({ min: 0, max: 604_800 }), { minLength: 1, maxLength: 20 });
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const asked = (retryAfterMs: number) =>
  nextDelayMs({ scheduleSeconds, attemptsMade: 1, retryAfterMs, random: () => 0.5 });

describe('nextDelayMs', () => {
  it('waits for the step of the next attempt', () => {
    const delays = [0, 1, 2, 3, 4, 5].map((attemptsMade) =>
      nextDelayMs({ scheduleSeconds, attemptsMade, retryAfterMs: null, random: () => 0.5 }),
    );
    expect(delays).toEqual([0, 5_000, 300_000, 1_800_000, 86_400_000, null]);
  });

  it('varies each step by a fifth either way, and no more', () => {
    fc.assert(
      fc.property(schedules, fc.nat(19), unit, (schedule, attemptsMade, random) => {
        const step = schedule[attemptsMade];
        const delay = nextDelayMs({
          scheduleSeconds: schedule,
          attemptsMade,
          retryAfterMs: null,
          random: () => random,
        });
        const kept =
          step === undefined
            ? delay === null
            : delay !== null && delay >= step * 799.999 && delay <= step * 1_200.001;
        expect(kept).toBe(true);
      }),
    );
  });

  it('stays away as long as it was asked to, but not beyond the longest step', () => {
    expect(asked(60_000)).toBe(60_000);
    expect(asked(1_000)).toBe(5_000);
    expect(asked(1e15)).toBe(86_400_000);
    expect(asked(Number.POSITIVE_INFINITY)).toBe(86_400_000);
  });

  it('gives up after as many attempts as the schedule has steps, whatever the partner asks', () => {
    expect(
      nextDelayMs({ scheduleSeconds, attemptsMade: 5, retryAfterMs: 1_000, random: () => 0 }),
    ).toBeNull();
  });
});

describe('outlasts', () => {
  it('counts each step at its longest', () => {
    expect(outlasts([0, 86_400, 633_600], 10)).toBe(true);
    expect(outlasts([0, 86_400, 633_599], 10)).toBe(false);
    fc.assert(
      fc.property(schedules, fc.integer({ min: 1, max: 150 }), (schedule, retentionDays) => {
        const latestMs = schedule
          .map((_, attemptsMade) =>
            nextDelayMs({
              scheduleSeconds: schedule,
              attemptsMade,
              retryAfterMs: null,
              random: () => 1 - 2 ** -53,
            }),
          )
          .reduce<number>((sum, delay) => sum + (delay ?? 0), 0);
        expect(outlasts(schedule, retentionDays) || latestMs < retentionDays * 86_400_000).toBe(true);
      }),
    );
  });
});

describe('scheduleFor', () => {
  const stage = { scheduleSeconds: [0, 5], pointerScheduleSeconds: [0, 60] };

  it('is the endpoint’s own, or that of its contract; the usual one for an endpoint that is not known', () => {
    expect(scheduleFor({ contract: 'standard' }, stage)).toEqual([0, 5]);
    expect(scheduleFor({ contract: 'message-pointer' }, stage)).toEqual([0, 60]);
    expect(scheduleFor({ contract: 'message-pointer', scheduleSeconds: [1] }, stage)).toEqual([1]);
    expect(scheduleFor(null, stage)).toEqual([0, 5]);
  });
});
