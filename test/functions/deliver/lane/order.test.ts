import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headSequence } from '../../../../functions/domain/lane.ts';
import { randomOf } from '../../../helpers/random.ts';
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
  lateRepeat: 0,
  unreadable: 0,
  replayed: 0,
  switched: 0,
  cleanedUp: 0,
};

const byLane = (posts: readonly Post[]) => Map.groupBy(posts, ({ lane }) => lane);

type Run = Awaited<ReturnType<typeof runLanes>>;

/** What must hold whatever happened, and whatever anybody asked for meanwhile. */
function expectNumbers({ posts, isOver }: Run): void {
  // Nothing waits for ever.
  expect(isOver).toBe(true);
  for (const [lane, ofLane] of byLane(posts)) {
    const numbers = ofLane.flatMap(({ sequence }) => sequence ?? []);
    expect({ lane, numbers }).toEqual({ lane, numbers: numbers.toSorted((a, b) => a - b) });
    const acknowledged = new Set([0]);
    for (const { sequence, previousSequence, ...post } of ofLane) {
      if (sequence === null) continue;
      expect(acknowledged.has(previousSequence)).toBe(true);
      expect(previousSequence).toBeLessThan(sequence);
      if (post.acknowledged) acknowledged.add(sequence);
    }
  }
  // No two of a lane have one number, but for what says that one was given up.
  const places = posts.filter(
    ({ sequence, eventId }) => sequence !== null && !eventId.startsWith('evt_endpoint~'),
  );
  for (const ofPlace of Map.groupBy(places, ({ lane, sequence }) => `${lane} ${sequence}`).values())
    expect(new Set(ofPlace.map(({ eventId }) => eventId)).size).toBe(1);
}

/** What must hold besides while nobody asked for anything. */
function expectOrder(run: Run): void {
  expectNumbers(run);
  const { posts, events, records, lanes } = run;
  for (const lane of lanes.states.values()) expect(lane.given).toBe(headSequence(lane));
  for (const waiting of lanes.waiting.values()) expect([...waiting.keys()]).toEqual([]);
  for (const ofLane of byLane(posts).values()) {
    // Once another event had its turn, none before it is sent again.
    const turns = ofLane.map(({ eventId }) => eventId).filter((id, index, all) => id !== all[index - 1]);
    expect(turns).toEqual([...new Set(turns)]);
  }
  for (const [lane, ofLane] of events) {
    const numbers = ofLane.map(
      ({ id }) => [...records.values()].find(({ event }) => event.id === id)?.sequence,
    );
    // In order of commit, and without a gap.
    expect({ lane, numbers }).toEqual({ lane, numbers: ofLane.map((_, index) => index + 1) });
  }
  const dead = [...records.values()].filter(
    ({ status, event }) => status === 'dead' && event.type !== 'sequence.skipped',
  );
  const skips = [...records.values()].filter(({ event }) => event.type === 'sequence.skipped');
  expect(skips).toHaveLength(dead.length);
}

/** Each event was acknowledged, or its delivery ended where it can be seen. */
function expectSettled({ posts, events, records }: Run): void {
  const acknowledged = new Set(posts.flatMap((post) => (post.acknowledged ? post.eventId : [])));
  const over = new Set(
    [...records.values()].flatMap(({ status, event }) => (status === 'pending' ? [] : event.id)),
  );
  const lost = [...events.values()].flat().filter(({ id }) => !acknowledged.has(id) && !over.has(id));
  expect(lost).toEqual([]);
}

describe('lanes', () => {
  it('deliver everything once, in order, without faults', async () => {
    const run = await runLanes(calm, 8, randomOf(1));
    expectOrder(run);
    expect(run.posts).toHaveLength(24);
    expect(run.posts.every(({ sequence, previousSequence }) => previousSequence + 1 === sequence)).toBe(true);
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
            ...calm,
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

  it('go on, number by number, whatever is asked for again, switched, repeated late, cleaned up or unreadable', async () => {
    const unordered: number[] = [];
    const chance = fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10);
    const names = [
      'lateRepeat',
      'replayed',
      'switched',
      'cleanedUp',
      'unreadable',
      'slow',
      'refusal',
      'death',
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.tuple(...names.map(() => chance)), async (seed, drawn) => {
        const most = { ...calm, lateRepeat: 1, replayed: 0.3, switched: 0.2, cleanedUp: 0.2 };
        const bounds = { ...most, unreadable: 0.3, slow: 0.5, refusal: 1, death: 0.1 };
        const chances = { ...calm };
        for (const [index, name] of names.entries()) chances[name] = bounds[name] * (drawn[index] ?? 0);
        const run = await runLanes(chances, 8, randomOf(seed));
        unordered.push(run.posts.filter(({ sequence }) => sequence === null).length);
        expectNumbers(run);
        expectSettled(run);
      }),
      { numRuns: 60, endOnFailure: true },
    );
    expect(Math.max(...unordered)).toBeGreaterThan(5);
  }, 120_000);
});
