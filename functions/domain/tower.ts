import { compareInstants, instantToMs } from '../../schemas/instant.ts';
import type { TowerProgress } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** A closed range of sequence numbers. */
export interface SeqRange {
  from: number;
  to: number;
}

export interface SeenMessages {
  towerId: string;
  boot: string;
  seqs: readonly number[];
  /** Those among them at which the boot began. */
  starts: readonly number[];
  seenAt: Instant;
}

export interface ProgressStep {
  progress: TowerProgress;
  /** False when it is not worth a write. */
  changed: boolean;
}

/** Keeps the item under 1 kB or so, which one write unit pays for. */
const maxRanges = 64;

/** A tower that only repeats itself is still alive: `lastSeenAt` follows with this coarseness. */
const lastSeenStepMs = 60_000;

/** A boot's numbers begin at 1. A tower whose counter begins at 0 has no gap there either. */
const beforeFirst: SeqRange = { from: 0, to: 0 };

/**
 * Adds sequence numbers to what was received of a boot: a union of sets, so neither order nor repetition matters. A
 * start covers all that is before it. Without one, what is missing from 1 on is a gap like any other: whichever message
 * happened to come first says nothing about those before it.
 * Past 64 ranges the highest are forgotten. That errs on the safe side: what is forgotten is asked for again, whereas
 * closing the lowest gap would tell the tower to prune what never arrived.
 */
export function recordSeqs(before: TowerProgress | null, seen: SeenMessages): ProgressStep {
  const [lowest = beforeFirst, ...rest] = mergeRanges([
    ...(before === null ? [beforeFirst] : coveredBy(before)),
    ...seen.starts.map((start) => ({ from: 0, to: start })),
    ...seen.seqs.map((seq) => ({ from: seq, to: seq })),
  ]).slice(0, maxRanges + 1);
  const progress: TowerProgress = {
    kind: 'progress',
    towerId: seen.towerId,
    boot: seen.boot,
    contiguous: lowest.to,
    ranges: rest.map(({ from, to }) => [from, to]),
    ...(rest.length > 0 && { gapSince: gapSince(before, lowest.to) ?? seen.seenAt }),
    lastSeenAt: laterOf(before?.lastSeenAt, seen.seenAt),
    version: before?.version ?? 0,
  };
  return { progress, changed: before === null || !isSameProgress(before, progress) };
}

/** The same number is missing as before. */
const gapSince = (before: TowerProgress | null, contiguous: number): Instant | undefined =>
  before?.contiguous === contiguous ? before.gapSince : undefined;

/** What is missing: the holes between what was received. */
export function gapsOf(progress: Pick<TowerProgress, 'contiguous' | 'ranges'>): SeqRange[] {
  const covered = coveredBy(progress);
  return covered
    .slice(1)
    .map((range, index) => ({ from: (covered[index]?.to ?? 0) + 1, to: range.from - 1 }));
}

const coveredBy = ({ contiguous, ranges }: Pick<TowerProgress, 'contiguous' | 'ranges'>) => [
  { from: 0, to: contiguous },
  ...ranges.map(([from, to]) => ({ from, to })),
];

function mergeRanges(ranges: readonly SeqRange[]): SeqRange[] {
  const merged: SeqRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else merged.push({ ...range });
  }
  return merged;
}

const laterOf = (a: Instant | undefined, b: Instant): Instant =>
  a !== undefined && compareInstants(a, b) >= 0 ? a : b;

function isSameProgress(a: TowerProgress, b: TowerProgress): boolean {
  return (
    a.contiguous === b.contiguous &&
    a.ranges.length === b.ranges.length &&
    a.ranges.every(([from, to], index) => from === b.ranges[index]?.[0] && to === b.ranges[index]?.[1]) &&
    instantToMs(b.lastSeenAt) - instantToMs(a.lastSeenAt) < lastSeenStepMs
  );
}
