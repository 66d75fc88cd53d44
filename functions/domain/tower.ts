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

/**
 * Adds sequence numbers to what was received of a boot: a union of sets, so neither order nor repetition matters.
 * Past 64 ranges the highest are forgotten. That errs on the safe side: what is forgotten is asked for again, whereas
 * closing the lowest gap would tell the tower to prune what never arrived.
 */
export function recordSeqs(before: TowerProgress | null, seen: SeenMessages): ProgressStep {
  const known = before === null ? [] : coveredBy(before);
  const merged = mergeRanges([...known, ...seen.seqs.map((seq) => ({ from: seq, to: seq }))]);
  const [lowest, ...rest] = merged.slice(0, maxRanges + 1);
  if (lowest === undefined) throw new RangeError('recordSeqs needs at least one sequence number');
  const progress: TowerProgress = {
    kind: 'progress',
    towerId: seen.towerId,
    boot: seen.boot,
    first: lowest.from,
    contiguous: lowest.to,
    ranges: rest.map(({ from, to }) => [from, to]),
    lastSeenAt: laterOf(before?.lastSeenAt, seen.seenAt),
    version: before?.version ?? 0,
  };
  return { progress, changed: before === null || !isSameProgress(before, progress) };
}

/** What is missing: the holes between what was received. */
export function gapsOf(progress: Pick<TowerProgress, 'first' | 'contiguous' | 'ranges'>): SeqRange[] {
  const covered = coveredBy(progress);
  return covered
    .slice(1)
    .map((range, index) => ({ from: (covered[index]?.to ?? 0) + 1, to: range.from - 1 }));
}

const coveredBy = ({ first, contiguous, ranges }: Pick<TowerProgress, 'first' | 'contiguous' | 'ranges'>) => [
  { from: first, to: contiguous },
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
    a.first === b.first &&
    a.contiguous === b.contiguous &&
    a.ranges.length === b.ranges.length &&
    a.ranges.every(([from, to], index) => from === b.ranges[index]?.[0] && to === b.ranges[index]?.[1]) &&
    instantToMs(b.lastSeenAt) - instantToMs(a.lastSeenAt) < lastSeenStepMs
  );
}
