import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapsOf, recordSeqs, type SeenMessages } from '../../../functions/domain/tower.ts';
import type { TowerProgress } from '../../../schemas/entity.ts';
import { instantFromMs } from '../../../schemas/instant.ts';

const seenAt = '2026-03-20T09:15:00.000Z';
const seen = (seqs: readonly number[], at = seenAt, starts: readonly number[] = []) => ({
  towerId: 't1',
  boot: 'b7',
  seqs,
  starts,
  seenAt: at,
});

type Batch = Pick<SeenMessages, 'seqs' | 'starts'>;

const recordAll = (batches: readonly Batch[]): TowerProgress | null =>
  batches.reduce<TowerProgress | null>(
    (before, { seqs, starts }) => recordSeqs(before, seen(seqs, seenAt, starts)).progress,
    null,
  );

const record = (batches: readonly (readonly number[])[]): TowerProgress | null =>
  recordAll(batches.map((seqs) => ({ seqs, starts: [] })));

const seqSets = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });

/** Mostly none: a boot starts once. */
const startsAmong = (seqs: readonly number[]) =>
  fc.subarray([...seqs], { maxLength: Math.min(2, seqs.length) });

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('progress of a tower', () => {
  it('is the same in every order, batching and repetition', () => {
    fc.assert(
      fc.property(
        seqSets.chain((seqs) =>
          fc.tuple(
            fc.constant(seqs),
            fc.shuffledSubarray(seqs, { minLength: seqs.length }),
            fc.subarray(seqs),
            startsAmong(seqs),
          ),
        ),
        ([seqs, shuffled, again, starts]) => {
          const oneByOne = recordAll(
            [...shuffled, ...again].map((seq) => ({
              seqs: [seq],
              starts: starts.filter((start) => start === seq),
            })),
          );
          expect(oneByOne).toEqual(recordAll([{ seqs, starts }]));
        },
      ),
    );
  });

  it('has exactly the numbers from 1 to the highest as gaps that were neither seen nor are before a start', () => {
    const withStarts = seqSets.chain((seqs) => fc.tuple(fc.constant(seqs), startsAmong(seqs)));
    fc.assert(
      fc.property(withStarts, ([seqs, starts]) => {
        const progress = recordAll([{ seqs, starts }]);
        if (progress === null) throw new Error('seqs has one at least');
        const missing = gapsOf(progress).flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, index) => from + index),
        );
        const start = Math.max(0, ...starts);
        const expected = upTo(Math.max(...seqs)).filter((seq) => seq > start && !seqs.includes(seq));
        expect(missing).toEqual(expected);
      }),
    );
  });

  it('never lets a tower prune what did not arrive, whatever came first', () => {
    fc.assert(
      fc.property(seqSets, (seqs) => {
        const acked = record([seqs])?.contiguous ?? 0;
        expect(upTo(acked).filter((seq) => !seqs.includes(seq))).toEqual([]);
      }),
    );
  });

  it('has a gap before the first number that was seen, and nothing to acknowledge', () => {
    const { progress } = recordSeqs(null, seen([4, 5]));
    expect(progress).toMatchObject({ contiguous: 0, ranges: [[4, 5]] });
    expect(gapsOf(progress)).toEqual([{ from: 1, to: 3 }]);
  });

  it('misses nothing before the start of the boot, also when that arrives last', () => {
    const { progress } = recordSeqs(null, seen([1_043]));
    const started = recordSeqs(progress, seen([1_042], seenAt, [1_042])).progress;
    expect(started).toMatchObject({ contiguous: 1_043, ranges: [] });
    expect(gapsOf(started)).toEqual([]);
  });

  it('is contiguous up to the first gap', () => {
    expect(record([[3, 1, 2, 6, 5]])).toMatchObject({ contiguous: 3, ranges: [[5, 6]] });
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

  it('knows since when the first missing number is missing, as long as any is', () => {
    const later = '2026-03-20T09:20:00.000Z';
    const first = recordSeqs(null, seen([1, 6])).progress;
    expect(first.gapSince).toBe(seenAt);
    // Another one is filled.
    const second = recordSeqs(first, seen([4], later)).progress;
    expect(second.gapSince).toBe(seenAt);
    // The first is filled; the next is looked at from then on.
    const third = recordSeqs(second, seen([2, 3], later)).progress;
    expect(third.gapSince).toBe(later);
    expect(recordSeqs(third, seen([5], later)).progress).not.toHaveProperty('gapSince');
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
