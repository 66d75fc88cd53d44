import { compareInstants } from '../../schemas/instant.ts';
import type { Entity } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import type { Commit } from '../shared/commit.ts';
import type { DuePage, DueQuery } from '../shared/entity-store.ts';
import { entityKey } from '../shared/keys.ts';
import { decideDue } from './due-decision.ts';
import { loadBehind, type Behind, type BehindReader } from './load-behind.ts';
import type { Run, ShardReport } from './run.ts';

export interface DueEntitiesDeps {
  entities: BehindReader & { listDue(query: DueQuery): Promise<DuePage> };
  commit: Commit;
  policy: ReservationPolicy;
}

const pageSize = 25;

/**
 * Does what time itself does to the entities of one shard of the index: expires reservations, ends grace periods,
 * activates bookings. Each is committed by itself, so that one that fails harms no other; one that somebody else is
 * changing is left to the next run.
 */
export async function runDueEntities(deps: DueEntitiesDeps, shard: number, run: Run): Promise<ShardReport> {
  const report: ShardReport = { done: 0, skipped: 0, failures: [] };
  let after: DueQuery['after'] = null;
  do {
    const page: DuePage = await deps.entities.listDue({ shard, now: run.now, limit: pageSize, after });
    for (const { key, error } of page.unreadable) report.failures.push({ what: key.pk, error });
    const due = page.entities.filter((entity) => isDue(entity, run.now));
    // What can't be read must not hold up what does not rest on it: then each is loaded by itself.
    const shared = await loadBehind(deps.entities, due).catch(() => null);
    for (const entity of due) {
      try {
        const behind = shared ?? (await loadBehind(deps.entities, [entity]));
        const done = await move(deps, entity, behind, run.now);
        report[done ? 'done' : 'skipped'] += 1;
      } catch (error) {
        report.failures.push({ what: entityKey(entity).pk, error });
      }
    }
    after = page.next;
  } while (after !== null && run.hasTime());
  return report;
}

/** The index may show what was moved a moment ago. */
const isDue = (entity: Entity, now: Instant): boolean =>
  'dueAt' in entity && entity.dueAt != null && compareInstants(entity.dueAt, now) <= 0;

async function move(
  { commit, policy }: DueEntitiesDeps,
  entity: Entity,
  behind: Behind,
  now: Instant,
): Promise<boolean> {
  const decision = decideDue(entity, { ...behind, now, policy });
  if (decision === null) return false;
  const outcome = await commit(decision);
  if (outcome.kind !== 'committed') return false;
  // Another entity of this page may be about the same.
  for (const changed of decision.changes) behind.entities.set({ ...changed, version: changed.version + 1 });
  return true;
}
