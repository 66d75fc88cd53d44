import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapsOf, recordSeqs } from '../../../functions/domain/tower.ts';
import type { TowerProgress } from '../../../schemas/entity.ts';
import { instantFromMs } from '../../../schemas/instant.ts';

const seenAt = '2026-03-20T09:15:00.000Z';
const seen = (seqs: readonly number[], at = seenAt) => ({ towerId: 't1', boot: 'b7', seqs, seenAt: at });

const record = (batches: readonly (readonly number[])[]): TowerProgress | null =>
  batches.reduce<TowerProgress | null>((before, seqs) => recordSeqs(before, seen(seqs)).progress, null);

const seqSets = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });

describe('progress of a tower', () => {
  it('is the same in every order, batching and repetition', () => {
    fc.assert(
      fc.property(
        seqSets.chain((seqs) =>
          fc.tuple(
            fc.constant(seqs),
            fc.shuffledSubarray(seqs, { minLength: seqs.length }),
            fc.subarray(seqs),
          ),
        ),
        ([seqs, shuffled, again]) => {
          const oneByOne = record([...shuffled, ...again].map((seq) => [seq]));
          expect(oneByOne).toEqual(record([seqs]));
        },
      ),
    );
  });

  it('has exactly the numbers between the lowest and the highest that were not seen as gaps', () => {
    fc.assert(
      fc.property(seqSets, (seqs) => {
        const progress = record([seqs]);
        if (progress === null) throw new Error('seqs has one at least');
        const missing = gapsOf(progress).flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, index) => from + index),
        );
        const [low, high] = [Math.min(...seqs), Math.max(...seqs)];
        const expected = Array.from({ length: high - low + 1 }, (_, index) => low + index).filter(
          (seq) => !seqs.includes(seq),
        );
        expect(missing).toEqual(expected);
      }),
    );
  });

  it('is contiguous up to the first gap', () => {
    expect(record([[3, 1, 2, 6, 5]])).toMatchObject({ first: 1, contiguous: 3, ranges: [[5, 6]] });
  });

  it('has a gap where numbers are missing, and two when part of it is filled', () => {
    const first = recordSeqs(null, seen([1, 6]));
    expect(gapsOf(first.progress)).toEqual([{ from: 2, to: 5 }]);
    const second = recordSeqs(first.progress, seen([4]));
    expect(gapsOf(second.progress)).toEqual([
      { from: 2, to: 3 },
      { from: 5, to: 5 },
    ]);
    expect(gapsOf(recordSeqs(second.progress, seen([2, 3, 5])).progress)).toEqual([]);
  });

  it('needs no write for what is known, but for the sign of life after a minute', () => {
    const { progress } = recordSeqs(null, seen([1, 2, 3]));
    expect(recordSeqs(progress, seen([2])).changed).toBe(false);
    expect(recordSeqs(progress, seen([2], instantFromMs(Date.parse(seenAt) + 60_000))).changed).toBe(true);
    expect(recordSeqs(progress, seen([4])).changed).toBe(true);
  });

  it('never takes a gap for filled when there are too many to keep', () => {
    const everySecond = Array.from({ length: 500 }, (_, index) => index * 2);
    const progress = record([everySecond]);
    expect(progress?.contiguous).toBe(0);
    expect(progress?.ranges).toHaveLength(64);
    expect(JSON.stringify(progress).length).toBeLessThan(1_500);
  });

  it('never sets lastSeenAt back', () => {
    const { progress } = recordSeqs(null, seen([2]));
    expect(recordSeqs(progress, seen([1], '2026-03-20T09:00:00.000Z')).progress.lastSeenAt).toBe(seenAt);
  });
});
