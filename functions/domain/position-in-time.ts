import { compareInstants } from '../../schemas/instant.ts';
import type { PositionInTime } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** A position that no tower message gave: a person's or a timer's. */
export const atInstant = (at: Instant): PositionInTime => ({ at, boot: null, seq: null });

/**
 * Negative when `a` is before `b`, 0 when they are the same, positive when after. Time decides, and within one boot
 * `seq`. Positions at the same instant from different boots are ordered by name: which way is arbitrary, but it must
 * be the same in every order of arrival. What a tower saw comes after what a person or a timer did at that instant.
 */
export function comparePositions(a: PositionInTime, b: PositionInTime): number {
  const byTime = compareInstants(a.at, b.at);
  if (byTime !== 0) return byTime;
  const [left, right] = [a.boot ?? '', b.boot ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.seq ?? -1) - (b.seq ?? -1);
}

/** The later of the two. */
export const latestPosition = (a: PositionInTime, b: PositionInTime): PositionInTime =>
  comparePositions(a, b) >= 0 ? a : b;
