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
