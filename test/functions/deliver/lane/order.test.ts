import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headSequence } from '../../../../functions/domain/lane.ts';
import { runLanes, type Chances, type Post } from './lanes-under-faults.ts';

const calm: Chances = {
  death: 0,
  error: 0,
  refusal: 0,
  repeat: 0,
  overlap: 0,
  closed: 0,
  disabled: 0,
  slow: 0,
};

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const byLane = (posts: readonly Post[]) => Map.groupBy(posts, ({ lane }) => lane);

/** What must hold whatever happened. */
function expectOrder({ posts, events, records, lanes, isOver }: Awaited<ReturnType<typeof runLanes>>): void {
  // Nothing waits for ever.
  expect(isOver).toBe(true);
  for (const [lane, ofLane] of byLane(posts)) {
    const numbers = ofLane.map(({ sequence }) => sequence);
    expect({ lane, numbers }).toEqual({ lane, numbers: numbers.toSorted((a, b) => a - b) });
    // Once another event had its turn, none before it is sent again.
    const turns = ofLane.map(({ eventId }) => eventId).filter((id, index, all) => id !== all[index - 1]);
    expect(turns).toEqual([...new Set(turns)]);
    const acknowledged = new Set([0]);
    for (const post of ofLane) {
      expect(acknowledged.has(post.previousSequence)).toBe(true);
      expect(post.previousSequence).toBeLessThan(post.sequence);
      if (post.acknowledged) acknowledged.add(post.sequence);
    }
  }
  for (const [lane, ofLane] of events) {
    const numbers = ofLane.map(
      ({ id }) => [...records.values()].find(({ event }) => event.id === id)?.sequence,
    );
    // In order of commit, and without a gap.
    expect({ lane, numbers }).toEqual({ lane, numbers: ofLane.map((_, index) => index + 1) });
  }
  for (const lane of lanes.states.values()) expect(lane.given).toBe(headSequence(lane));
  for (const waiting of lanes.waiting.values()) expect([...waiting.keys()]).toEqual([]);
  const dead = [...records.values()].filter(
    ({ status, event }) => status === 'dead' && event.type !== 'sequence.skipped',
  );
  const skips = [...records.values()].filter(({ event }) => event.type === 'sequence.skipped');
  expect(skips).toHaveLength(dead.length);
}

describe('lanes', () => {
  it('deliver everything once, in order, without faults', async () => {
    const run = await runLanes(calm, 8, randomOf(1));
    expectOrder(run);
    expect(run.posts).toHaveLength(24);
    expect(run.posts.every(({ sequence, previousSequence }) => previousSequence === sequence - 1)).toBe(true);
  });

  it('deliver nothing over the queue that keeps order while their endpoint is slow, and all in order', async () => {
    const run = await runLanes({ ...calm, slow: 1 }, 8, randomOf(3));
    expectOrder(run);
    expect(run.posts).toHaveLength(24);
    const whileSlow = run.posts.filter(({ atMs }) => atMs < run.faultyUntilMs);
    expect(whileSlow.length).toBeGreaterThan(6);
    expect(new Set(whileSlow.map(({ channel }) => channel))).toEqual(new Set(['slow']));
  });

  it('stand still while nothing can be read or written, however often it is tried, and go on in order', async () => {
    const run = await runLanes({ ...calm, error: 1 }, 8, randomOf(2));
    expectOrder(run);
    expect(run.posts).toHaveLength(24);
    expect(run.faults.error).toBeGreaterThan(6 * 3);
    expect(run.faults.handedOver).toBe(0);
  });

  it('keep their order and lose nothing, whatever fails or dies', async () => {
    let deaths = 0;
    let handedOver = 0;
    let overSlow = 0;
    const chance = fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20);
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.record({
          death: chance,
          error: chance,
          refusal: chance,
          repeat: chance,
          overlap: chance,
          closed: chance,
          disabled: chance,
          slow: chance,
        }),
        async (seed, c) => {
          const chances = {
            death: c.death * 0.2,
            error: c.error * 0.2,
            refusal: c.refusal,
            repeat: c.repeat * 0.5,
            overlap: c.overlap * 0.5,
            closed: c.closed * 0.6,
            disabled: c.disabled * 0.2,
            slow: c.slow,
          };
          const run = await runLanes(chances, 6, randomOf(seed));
          deaths += run.faults.death;
          handedOver += run.faults.handedOver;
          overSlow += run.posts.filter(({ channel }) => channel === 'slow').length;
          expectOrder(run);
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
    expect(deaths).toBeGreaterThan(100);
    expect(handedOver).toBeGreaterThan(0);
    expect(overSlow).toBeGreaterThan(100);
  }, 120_000);
});
