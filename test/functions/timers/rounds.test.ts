import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WaitingDelivery } from '../../../functions/shared/due-deliveries.ts';
import { createRounds, type RoundsOptions } from '../../../functions/timers/rounds.ts';

const waitingOf = (endpointId: string, index: number): WaitingDelivery => ({
  pk: `${endpointId}#2026-03-20`,
  sk: String(index),
  dueAt: '2026-03-20T09:15:00.000Z',
  endpointId,
});

/** What comes out when deliveries of these endpoints go in, one after the other. A text names one by each letter. */
function ordered(
  endpointIds: readonly string[] | string,
  options: Partial<RoundsOptions> = {},
): WaitingDelivery[] {
  const rounds = createRounds({ perEndpoint: 1_000, atMost: 1_000, ...options });
  for (const [index, endpointId] of Array.from(endpointIds).entries())
    rounds.add(waitingOf(endpointId, index));
  return rounds.inOrder();
}
const endpointsOf = (waiting: readonly WaitingDelivery[]) =>
  waiting.map(({ endpointId }) => endpointId).join('');

describe('rounds', () => {
  it('have the first of each endpoint, then the second of each', () => {
    expect(endpointsOf(ordered('aaaabbc'))).toBe('abcabaa');
  });

  it('keep of an endpoint what it can be given', () => {
    expect(endpointsOf(ordered('aaaabbc', { perEndpoint: 2 }))).toBe('abcab');
  });

  it('keep the first of each endpoint when not all find room, in whatever order they came', () => {
    expect(endpointsOf(ordered('aaaabbc', { atMost: 4 }))).toBe('abca');
    expect(endpointsOf(ordered('aaaaaaaabc', { atMost: 2 }))).toBe('ab');
  });

  it('keep each endpoint’s in order, as many as there is room for, and none of a later round than one left out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd')),
        fc.integer({ min: 1, max: 30 }),
        (endpointIds, atMost) => {
          const all = ordered(endpointIds);
          const kept = ordered(endpointIds, { atMost });
          expect(kept).toHaveLength(Math.min(all.length, atMost));
          for (const own of Map.groupBy(kept, ({ endpointId }) => endpointId).values()) {
            const before = all.filter(({ endpointId }) => endpointId === own[0]?.endpointId);
            expect(own).toEqual(before.slice(0, own.length));
          }
          const roundOf = (one: WaitingDelivery) =>
            all
              .filter(({ endpointId }) => endpointId === one.endpointId)
              .findIndex(({ sk }) => sk === one.sk);
          const keys = new Set(kept.map(({ sk }) => sk));
          const out = all.filter(({ sk }) => !keys.has(sk)).map(roundOf);
          expect(Math.max(-1, ...kept.map(roundOf))).toBeLessThanOrEqual(Math.min(Infinity, ...out));
        },
      ),
    );
  });
});
