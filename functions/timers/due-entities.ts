import { compareInstants } from '../../schemas/instant.ts';
import type { Entity } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import type { Commit } from '../shared/commit.ts';
import { forEachAtMost } from '../shared/concurrency.ts';
import type { DueCountQuery, DuePage, DueQuery } from '../shared/entity-store.ts';
import { entityKey } from '../shared/keys.ts';
import { decideDue } from './due-decision.ts';
import { loadBehind, type Behind, type BehindReader } from './load-behind.ts';
import { emptyReport, type Run, type ShardReport } from './run.ts';

export interface DueEntitiesDeps {
  entities: BehindReader & {
    listDue(query: DueQuery): Promise<DuePage>;
    countDue(query: DueCountQuery): Promise<number>;
  };
  commit: Commit;
  policy: ReservationPolicy;
}

/** What a run did to the due entities of a shard, and how late it is. */
export interface DueEntitiesReport extends ShardReport {
  /** Due ones that there was no time for, as far as one request counts them. */
  left: number;
  /** Since when the longest overdue has been due; null when none is. */
  oldestAt: Instant | null;
}

/** One BatchGetItem. */
const pageSize = 100;
/** Of each shard. With 8 shards, and what hands out deliveries beside them, that is about what the client has sockets for. */
const commitsAtOnce = 4;

/**
 * Does what time itself does to the entities of one shard of the index: expires reservations, ends grace periods,
 * activates bookings. Each is committed by itself, so that one that fails harms no other; one that somebody else is
 * changing is left to the next run.
 */
export async function runDueEntities(
  deps: DueEntitiesDeps,
  shard: number,
  run: Run,
): Promise<DueEntitiesReport> {
  const report: DueEntitiesReport = { ...emptyReport(), left: 0, oldestAt: null };
  let after: DueQuery['after'] = null;
  do {
    const page: DuePage = await deps.entities.listDue({ shard, now: run.now, limit: pageSize, after });
    for (const { key, error } of page.unreadable) report.failures.push({ what: key.pk, error });
    const due = page.entities.filter((entity) => isDue(entity, run.now));
    // Pages come by `dueAt`: none of a later one is overdue for longer.
    report.oldestAt ??= due.flatMap(dueTimeOf).sort(compareInstants)[0] ?? null;
    await moveAll(deps, due, run, report);
    after = page.next;
  } while (after !== null && run.hasTime());
  if (after !== null) report.left += await countLeft(deps, { shard, now: run.now, after }, report);
  return report;
}

const dueTimeOf = (entity: Entity): Instant[] =>
  'dueAt' in entity && entity.dueAt != null ? [entity.dueAt] : [];

/** The index may show what was moved a moment ago. */
const isDue = (entity: Entity, now: Instant): boolean =>
  dueTimeOf(entity).some((dueAt) => compareInstants(dueAt, now) <= 0);

async function countLeft(
  { entities }: DueEntitiesDeps,
  query: DueCountQuery,
  report: ShardReport,
): Promise<number> {
  try {
    return await entities.countDue(query);
  } catch (error) {
    // What was done is told all the same.
    report.failures.push({ what: `entities left in shard ${query.shard}`, error });
    return 0;
  }
}

/**
 * Several at a time, but what is at one locker in turn: transactions on one item at the same time would be refused, and the
 * locker that the first one leaves is what the second one finds.
 */
async function moveAll(
  deps: DueEntitiesDeps,
  due: readonly Entity[],
  run: Run,
  report: DueEntitiesReport,
): Promise<void> {
  // What can't be read must not hold up what does not rest on it: then each is loaded by itself.
  const shared = await loadBehind(deps.entities, due).catch(() => null);
  const groups = [...Map.groupBy(due, lockerOrItself).values()];
  await forEachAtMost(commitsAtOnce, groups, async (group) => {
    for (const entity of group) {
      if (!run.hasTime()) {
        report.left += 1;
        continue;
      }
      try {
        const behind = shared ?? (await loadBehind(deps.entities, [entity]));
        const done = await move(deps, entity, behind, run.now);
        report[done ? 'done' : 'skipped'] += 1;
      } catch (error) {
        report.failures.push({ what: entityKey(entity).pk, error });
      }
    }
  });
}

const lockerOrItself = (entity: Entity): string =>
  'towerId' in entity && 'locker' in entity ? `${entity.towerId} ${entity.locker}` : entityKey(entity).pk;

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
