import { describe, expect, it } from 'vitest';
import { simulateBurst } from './simulated-burst.ts';

const deliveries = 200;
const cases = [1, 2, 10].flatMap((concurrency) =>
  [50, 500, 5_000].map((meanMs) => ({ concurrency, meanMs })),
);

describe.each(cases)('200 deliveries at once, $concurrency at a time of $meanMs ms', (one) => {
  const { concurrency, meanMs } = one;
  // What comes twice within a second can be held back for a whole one only.
  const isShort = (deliveries * meanMs) / concurrency < 5_000;

  it.each([0, meanMs])('use the endpoint, and come again a few times (known: %i ms)', async (knownMs) => {
    const attempts = { meanMs, spread: 0.3 };
    const burst = await simulateBurst({ limits: { concurrency }, attempts, deliveries, knownMs, seed: 1 });
    expect(burst.mostAtOnce).toBe(concurrency);
    expect(burst.startsMs.length + burst.parked).toBe(deliveries);
    expect(burst.rounds).toBeLessThan(knownMs === 0 ? 4 : 2.8);
    expect(burst.mostRounds).toBeLessThan(12);
    expect(burst.utilisation).toBeGreaterThan(isShort ? 0.35 : 0.6);
  });
});

describe('200 deliveries at once, under both limits', () => {
  it('keep to both', async () => {
    const limits = { perSecond: 5, concurrency: 2 };
    const attempts = { meanMs: 500, spread: 0.9 };
    const { mostAtOnce, startsMs, rounds } = await simulateBurst({ limits, attempts, deliveries, seed: 1 });
    expect(mostAtOnce).toBe(2);
    expect(startsMs).toHaveLength(deliveries);
    for (const [index, startMs] of startsMs.entries())
      expect(startMs - (startsMs[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(
        1_000 / limits.perSecond - 10,
      );
    expect(rounds).toBeLessThan(4);
  });
});

describe('200 deliveries at once, 10 a second', () => {
  const limits = { perSecond: 10 };
  const attempts = { meanMs: 50, spread: 0 };

  it.each([
    { name: 'each in its turn', change: {}, perSecond: 10, withinSeconds: 21 },
    { name: 'all late for their turns', change: { idleUntilMs: 30_000 }, perSecond: 10, withinSeconds: 51 },
    {
      name: 'and 1 from the fifth second on',
      change: { changed: { atMs: 5_000, limits: { perSecond: 1 } } },
      perSecond: 1,
      withinSeconds: 165,
    },
  ])('$name, use the rate, and come again a few times', async ({ change, perSecond, withinSeconds }) => {
    const burst = await simulateBurst({ limits, attempts, deliveries, ...change, seed: 1 });
    expect(burst.startsMs).toHaveLength(deliveries);
    expect(burst.rounds).toBeLessThan(3);
    expect(burst.mostRounds).toBeLessThan(6);
    expect(burst.lastSeconds).toBeLessThan(withinSeconds);
    const latest = burst.startsMs.slice(-100);
    for (const [index, startMs] of latest.entries())
      expect(startMs - (latest[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(1_000 / perSecond - 10);
  });
});
