import { compareInstants } from '../../schemas/instant.ts';
import type { Entity, Reservation } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import { runReservationTimer } from '../domain/reservation-commands.ts';
import type { Commit } from '../shared/commit.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { DuePage, DueQuery } from '../shared/entity-store.ts';
import type { EntityRef } from '../shared/keys.ts';
import type { Run, ShardReport } from './run.ts';

export interface DueReservationsDeps {
  entities: {
    listDue(query: DueQuery): Promise<DuePage>;
    getMany(refs: readonly EntityRef[]): Promise<EntitySet>;
  };
  commit: Commit;
  policy: ReservationPolicy;
}

const pageSize = 25;

/**
 * Expires reservations and ends grace periods in one shard of the index. Each is committed by itself, so that one that
 * fails harms no other; one that somebody else is changing is left to the next run.
 */
export async function runDueReservations(
  deps: DueReservationsDeps,
  shard: number,
  run: Run,
): Promise<ShardReport> {
  const report: ShardReport = { done: 0, skipped: 0, failures: [] };
  let after: DueQuery['after'] = null;
  do {
    const page: DuePage = await deps.entities.listDue({ shard, now: run.now, limit: pageSize, after });
    const due = page.entities.filter((entity) => isDue(entity, run.now));
    const lockers = await deps.entities.getMany(due.map(lockerOf));
    for (const reservation of due) {
      try {
        const done = await move(deps, reservation, lockers, run.now);
        report[done ? 'done' : 'skipped'] += 1;
      } catch (error) {
        report.failures.push({ what: `reservation ${reservation.reservationId}`, error });
      }
    }
    after = page.next;
  } while (after !== null && run.hasTime());
  return report;
}

/** The index may show what was moved a moment ago. */
const isDue = (entity: Entity, now: Instant): entity is Reservation =>
  entity.kind === 'reservation' && entity.dueAt !== null && compareInstants(entity.dueAt, now) <= 0;

const lockerOf = ({ towerId, locker }: Reservation) => ({ kind: 'locker', towerId, locker }) as const;

async function move(
  { commit, policy }: DueReservationsDeps,
  reservation: Reservation,
  lockers: EntitySet,
  now: Instant,
): Promise<boolean> {
  const locker = lockers.get(lockerOf(reservation));
  const decision = runReservationTimer({ reservation, locker, now, policy });
  if (decision.kind !== 'decided') return false;
  const outcome = await commit(decision);
  if (outcome.kind !== 'committed') return false;
  // Another reservation of this page may be for the same locker.
  for (const entity of decision.changes) lockers.set({ ...entity, version: entity.version + 1 });
  return true;
}
