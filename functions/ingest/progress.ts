import type { Entity, TowerProgress } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { recordSeqs } from '../domain/tower.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import { TowercastError } from '../shared/errors.ts';
import type { EntityReader } from './load.ts';
import type { Seq } from './parse.ts';

export interface ProgressDeps {
  entities: EntityReader & { replace(entity: Entity): Promise<boolean> };
  random: () => number;
  sleep: (ms: number) => Promise<void>;
}

export interface SeenSeqs {
  towerId: string;
  seqs: readonly Seq[];
  seenAt: Instant;
  /** May hold the progress of these boots, to save reading it. */
  loaded: EntitySet;
}

/** Invocations for one tower run side by side, so they meet here more often than anywhere. */
const maxAttempts = 12;
const backoffBaseMs = 5;
const backoffCapMs = 400;

export const bootsOf = (seqs: readonly Seq[]): Set<string> => new Set(seqs.map(({ boot }) => boot));

/**
 * Notes what was received of each boot. Runs after the commit: what is noted is safe, for a tower may forget it.
 * Throws TowercastError `progress_contended`.
 */
export async function recordProgress(deps: ProgressDeps, seen: SeenSeqs): Promise<TowerProgress[]> {
  const made: TowerProgress[] = [];
  for (const boot of bootsOf(seen.seqs)) made.push(await recordBoot(deps, seen, boot));
  return made;
}

async function recordBoot(deps: ProgressDeps, seen: SeenSeqs, boot: string): Promise<TowerProgress> {
  const { towerId, seenAt } = seen;
  const ref = { kind: 'progress', towerId, boot } as const;
  const ofBoot = seen.seqs.filter((one) => one.boot === boot);
  const seqs = ofBoot.map(({ seq }) => seq);
  const starts = ofBoot.filter(({ isStart }) => isStart).map(({ seq }) => seq);
  let before = seen.loaded.get(ref);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const { progress, changed } = recordSeqs(before, { towerId, boot, seqs, starts, seenAt });
    if (!changed || (await deps.entities.replace(progress))) return progress;
    await deps.sleep(deps.random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt));
    before = (await deps.entities.getMany([ref])).get(ref);
  }
  throw new TowercastError('progress_contended', `gave up after ${maxAttempts} attempts to note progress`);
}
