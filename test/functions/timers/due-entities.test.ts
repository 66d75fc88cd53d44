import { describe, expect, it } from 'vitest';
import type { DuePage } from '../../../functions/shared/entity-store.ts';
import { EntitySet } from '../../../functions/shared/entity-set.ts';
import { runDueEntities, type DueEntitiesDeps } from '../../../functions/timers/due-entities.ts';
import { runEntities } from '../../../functions/timers/entities.ts';
import type { Entity, Reservation } from '../../../schemas/entity.ts';
import { locker, policy, reservationWith } from '../domain/samples.ts';

/** Ten minutes after the reservations below were due. */
const now = '2026-03-22T09:25:00.000Z';
const always = { now, hasTime: () => true };
const reservationsAt = (lockers: readonly number[]): Reservation[] =>
  lockers.map((number, index) => reservationWith({ reservationId: `R-${index}`, locker: number }));
const eachItsOwn = (count: number): Reservation[] =>
  reservationsAt(Array.from({ length: count }, (_, index) => index + 1));

/** One shard that holds these, in pages as they are asked for; each commit ends in a later turn of the event loop. */
function shardOf(due: readonly Reservation[], changes: Partial<DueEntitiesDeps> = {}) {
  const state = { underWay: [] as number[], most: 0, sameLocker: false, committed: [] as Entity[] };
  const deps: DueEntitiesDeps = {
    entities: {
      getMany: async () =>
        new EntitySet(
          due.map((one) => ({ ...locker, locker: one.locker, status: 'rented', holderId: 'carrier' })),
        ),
      listInPartition: async () => ({ items: [], next: null }),
      async listDue({ limit, after }): Promise<DuePage> {
        const from = Number(after?.['at'] ?? 0);
        const to = from + limit;
        return {
          entities: due.slice(from, to),
          unreadable: [],
          next: to < due.length ? { at: to } : null,
        };
      },
      countDue: async ({ after }) => due.length - Number(after?.['at'] ?? 0),
    },
    async commit({ changes: [changed], events: [event] }) {
      const at = event?.locker ?? 0;
      state.sameLocker ||= state.underWay.includes(at);
      state.underWay.push(at);
      state.most = Math.max(state.most, state.underWay.length);
      await new Promise(setImmediate);
      state.underWay.splice(state.underWay.indexOf(at), 1);
      if (changed !== undefined) state.committed.push(changed);
      return { kind: 'committed' };
    },
    policy,
    ...changes,
  };
  return { deps, state };
}

describe('the due entities of a shard', () => {
  it('are committed several at a time, and no more than that', async () => {
    const { deps, state } = shardOf(eachItsOwn(250));
    expect(await runDueEntities(deps, 0, always)).toMatchObject({ done: 250, skipped: 0, left: 0 });
    expect(state.most).toBe(4);
  });

  it('come one after the other where they share a locker', async () => {
    const { deps, state } = shardOf(reservationsAt([1, 2, 1, 1, 2, 3, 1, 2]));
    expect(await runDueEntities(deps, 0, always)).toMatchObject({ done: 8, skipped: 0 });
    expect(state.sameLocker).toBe(false);
    expect(state.most).toBe(3);
  });

  it('tell since when the longest overdue was due, not what the index alone holds', async () => {
    const [first, second, third] = eachItsOwn(3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three are made');
    const { deps } = shardOf([
      { ...first, dueAt: null },
      { ...second, dueAt: '2026-03-22T09:16:00.000Z' },
      third,
    ]);
    expect(await runDueEntities(deps, 0, always)).toMatchObject({ oldestAt: third.dueAt });
    expect(await runDueEntities(shardOf([]).deps, 0, always)).toMatchObject({ oldestAt: null });
  });

  it('that there is no time for are counted: of the page, and of what follows it', async () => {
    const { deps, state } = shardOf(eachItsOwn(350));
    const run = { now, hasTime: () => state.committed.length < 120 };
    const { done, left, failures } = await runDueEntities(deps, 0, run);
    expect(failures).toEqual([]);
    // What is under way ends.
    expect(done).toBeGreaterThanOrEqual(120);
    expect(done).toBeLessThan(124);
    expect(left).toBe(350 - done);
  });

  it('that can not be counted leave what was done as it is, and are a failure', async () => {
    const { deps, state } = shardOf(eachItsOwn(150));
    deps.entities.countDue = async () => {
      throw new Error('no answer');
    };
    const run = { now, hasTime: () => state.committed.length < 100 };
    const { done, failures } = await runDueEntities(deps, 0, run);
    expect(done).toBe(100);
    expect(failures).toMatchObject([{ what: 'entities left in shard 0', error: { message: 'no answer' } }]);
  });
});

/** Unit and value of each metric that a run over two such shards sends. */
const told = async (deps: DueEntitiesDeps, run = always) => {
  const metrics = new Map<string, [unit: string, value: number]>();
  const addMetric = (name: string, unit: string, value: number) => metrics.set(name, [unit, value]);
  await runEntities({ ...deps, dueShards: 2, metrics: { addMetric } }, run);
  return metrics;
};

describe('what a run tells of due entities', () => {
  it('is by how much the longest overdue of all shards is late, as it was found', async () => {
    const { deps } = shardOf(eachItsOwn(3));
    expect((await told(deps)).get('OldestEntityDueSeconds')).toEqual(['Seconds', 600]);
  });

  it('is how many events were committed, of all shards', async () => {
    expect((await told(shardOf(eachItsOwn(3)).deps)).get('EventsCommitted')).toEqual(['Count', 6]);
  });

  it('is zero when none is due: silence means that nobody looked', async () => {
    expect(await told(shardOf([]).deps)).toEqual(new Map([['OldestEntityDueSeconds', ['Seconds', 0]]]));
  });

  it('is how many are left when the time is over, of all shards', async () => {
    const { deps } = shardOf(eachItsOwn(110));
    const metrics = await told(deps, { now, hasTime: () => false });
    expect(metrics.get('EntitiesLeftForLater')).toEqual(['Count', 220]);
    expect(metrics.get('OldestEntityDueSeconds')).toEqual(['Seconds', 600]);
  });
});
