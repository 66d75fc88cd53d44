import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../schemas/event.ts';
import { makeEndpoint, makeEvent, makeEvents } from '../../helpers/deliveries.ts';
import { batchOf, insertOf, makeWorld, recordOf } from './world.ts';

const ordered = makeEndpoint({ ordered: true });

/** The events of a commit, each after the one before, with their records and what the table holds. */
function commitOf(events: readonly DomainEvent[]) {
  const after = (index: number): string | null => events[index - 1]?.id ?? null;
  return {
    ids: events.map(({ id }) => id),
    record: (index: number): DynamoDBRecord =>
      insertOf(100 + index, events[index] ?? makeEvent(), after(index)),
    storeIn: (stored: ReturnType<typeof makeWorld>['stored'], except: readonly number[] = []) => {
      for (const [index, event] of events.entries())
        if (!except.includes(index)) stored.set(event.id, { event, after: after(index) });
    },
  };
}

const tasksIn = (world: ReturnType<typeof makeWorld>, endpointId = 'main') =>
  world.sent.filter(({ task }) => task.endpointId === endpointId).map(({ task }) => task.event.id);
const nothingFailed = { batchItemFailures: [] };

describe('events of one commit, whose records come in any order', () => {
  it('go out in the order of the commit, each once, where a batch has them all', async () => {
    const world = makeWorld([ordered, makeEndpoint({ endpointId: 'second' })]);
    const { ids, record } = commitOf(makeEvents(4));
    expect(await world.handler(batchOf(record(2), record(0), record(3), record(1)))).toEqual(nothingFailed);
    expect(tasksIn(world)).toEqual(ids);
    expect(tasksIn(world, 'second').toSorted()).toEqual(ids);
    expect(world.logged).toEqual([['acme', ids]]);
    expect(world.read).toEqual([]);
  });

  it('take along what is still to come, and its own record only repeats it', async () => {
    const world = makeWorld([ordered]);
    const { ids, record, storeIn } = commitOf(makeEvents(3));
    storeIn(world.stored);
    const [first = '', second = '', third = ''] = ids;
    await world.handler(batchOf(record(2)));
    expect(tasksIn(world)).toEqual(ids);
    expect(world.read).toEqual([second, first]);
    expect(world.logged).toEqual([['acme', [first, second, third]]]);
    await world.handler(batchOf(record(0), record(1)));
    expect(tasksIn(world)).toEqual([...ids, first, second]);
    // It stands in the log where it belongs.
    expect(world.logged).toHaveLength(1);
  });

  it('are not looked for by the process that has sent them', async () => {
    const world = makeWorld([ordered]);
    const { ids, record } = commitOf(makeEvents(3));
    for (const index of [0, 1, 2]) await world.handler(batchOf(record(index)));
    expect(tasksIn(world)).toEqual(ids);
    expect(world.read).toEqual([]);
  });

  it('are looked for beyond what the endpoint does not want or may not know', async () => {
    const world = makeWorld([
      makeEndpoint({ ordered: true, filter: { types: ['reservation.stocked'] } }),
      makeEndpoint({ partnerId: 'rival', endpointId: 'theirs', ordered: true }),
    ]);
    const [a, b, c, d] = makeEvents(4);
    const { ids, record, storeIn } = commitOf([
      makeEvent({ ...a }),
      makeEvent({ ...b, partnerIds: ['rival'] }),
      makeEvent({ ...c, type: 'reservation.picked_up' }),
      makeEvent({ ...d }),
    ]);
    storeIn(world.stored);
    await world.handler(batchOf(record(3)));
    expect(tasksIn(world)).toEqual([ids[0], ids[3]]);
    expect(tasksIn(world, 'theirs')).toEqual([ids[1]]);
  });

  it('are looked for beyond one of the same batch that nobody wants in order, whose own turn looked for nothing', async () => {
    const world = makeWorld([makeEndpoint({ ordered: true, filter: { types: ['reservation.stocked'] } })]);
    const [a, b, c] = makeEvents(3);
    const unwanted = makeEvent({ ...b, type: 'reservation.picked_up' });
    const { ids, record, storeIn } = commitOf([makeEvent({ ...a }), unwanted, makeEvent({ ...c })]);
    storeIn(world.stored);
    await world.handler(batchOf(record(1), record(2)));
    expect(tasksIn(world)).toEqual([ids[0], ids[2]]);
    expect(world.read).toEqual([ids[0]]);
  });

  it('lead on beyond one that this release can not read, which its own record puts into quarantine', async () => {
    const world = makeWorld([ordered]);
    const { ids, record, storeIn } = commitOf(makeEvents(3));
    const [first = '', second = '', third = ''] = ids;
    storeIn(world.stored, [1]);
    world.stored.set(second, { event: null, after: first });
    await world.handler(batchOf(record(2)));
    expect(tasksIn(world)).toEqual([first, third]);
    expect(world.quarantined).toEqual([]);

    const image = { ...record(1).dynamodb?.NewImage, type: { S: 'reservation.teleported' } };
    const key = { pk: '0000000000000001-9', sk: second.split('-9_')[1] ?? '' };
    const fresh = makeWorld([ordered]);
    await fresh.handler(batchOf(record(2), recordOf(101, 'INSERT', { image, key }), record(0)));
    expect(tasksIn(fresh)).toEqual([first, third]);
    expect(fresh.quarantined).toHaveLength(1);
    expect(fresh.read).toEqual([]);
  });

  it('go on without one that is gone', async () => {
    const world = makeWorld([ordered]);
    const { ids, record } = commitOf(makeEvents(2));
    expect(await world.handler(batchOf(record(1)))).toEqual(nothingFailed);
    expect(tasksIn(world)).toEqual([ids[1]]);
  });

  it('are left to the next time where what comes before them can not be read', async () => {
    const world = makeWorld([ordered]);
    const { ids, record, storeIn } = commitOf(makeEvents(3));
    storeIn(world.stored);
    const { committed } = world.deps;
    world.deps.committed = { get: async () => Promise.reject(new Error('throttled')) };
    const elsewhere = makeEvent({ id: 'evt_0000000000000001-3_mmykbvk0_b7-50' });
    const batch = batchOf(record(1), insertOf(150, elsewhere), record(2));
    expect(await world.handler(batch)).toEqual({
      batchItemFailures: [{ itemIdentifier: '101' }, { itemIdentifier: '102' }],
    });
    expect(tasksIn(world)).toEqual([elsewhere.id]);
    expect(world.logged).toEqual([]);
    world.deps.committed = committed;
    expect(await world.handler(batch)).toEqual(nothingFailed);
    expect(tasksIn(world)).toEqual([elsewhere.id, ids[0], ids[1], elsewhere.id, ids[2]]);
  });

  it('cost nothing where nobody asks for order', async () => {
    const world = makeWorld([makeEndpoint()]);
    const { ids, record, storeIn } = commitOf(makeEvents(3));
    storeIn(world.stored);
    await world.handler(batchOf(record(2), record(1)));
    expect(tasksIn(world)).toEqual([ids[2], ids[1]]);
    expect(world.read).toEqual([]);
    // The log is in order as far as the batch goes.
    expect(world.logged).toEqual([['acme', [ids[1], ids[2]]]]);
  });
});
