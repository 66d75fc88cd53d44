import { describe, expect, it, onTestFinished } from 'vitest';
import { rateMs, startSchedule } from '../../local/schedule.ts';

describe('a schedule', () => {
  it.each([
    ['rate(1 minute)', 60_000],
    ['rate(5 minutes)', 300_000],
    ['rate(2 hours)', 7_200_000],
    ['rate(1 day)', 86_400_000],
  ])('reads %s', (expression, milliseconds) => {
    expect(rateMs(expression)).toBe(milliseconds);
  });

  it.each(['cron(0 12 * * ? *)', 'rate(0 minutes)', 'rate(1 fortnight)', ''])(
    'refuses "%s"',
    (expression) => {
      expect(() => rateMs(expression)).toThrow(/can't run/);
    },
  );

  it('fires at its start, for what came due while nothing ran', () => {
    let fired = 0;
    const schedule = startSchedule('rate(1 minute)', () => {
      fired++;
    });
    onTestFinished(() => schedule.stop());
    expect(fired).toBe(1);
  });
});
