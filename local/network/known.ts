import type { Mistake } from './mistake.ts';

export type Id = string | number;

/** What the parts of a network file may refer to. */
export interface Known {
  partnerIds: ReadonlySet<Id>;
  /** Locker numbers by tower. */
  towers: ReadonlyMap<string, ReadonlySet<number>>;
}

export const unknownTower = (known: Known, path: string, towerId: string): Mistake => ({
  path,
  message: `"${towerId}" is no tower of this file: ${addOrUse('towers', known.towers.keys())}`,
});

export function addOrUse(section: string, ids: Iterable<Id>): string {
  const all = [...ids];
  if (all.length === 0) return `add it to ${section}`;
  return `add it to ${section}, or use ${all.slice(0, 5).join(', ')}${all.length > 5 ? ', …' : ''}`;
}
