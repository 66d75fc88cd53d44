import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DynamoDBDocumentClient, PutCommand } from '../../../functions/shared/aws/documents.ts';
import { createDeliveryStore, type DeliveryStore } from '../../../functions/shared/delivery-store.ts';
import {
  createDueDeliveries,
  type DueDeliveries,
  type LeaseOutcome,
} from '../../../functions/shared/due-deliveries.ts';
import { deliveryRecordKey } from '../../../functions/shared/delivery-item.ts';
import { backlogShard, dueShardName, undeliveredPartition } from '../../../functions/shared/keys.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from './deliveries-table.ts';
import { inPart } from './partial-answers.ts';

const shards = [0, 1, 2, 3];
const now = '2026-03-20T10:00:00.000Z';
const later = '2026-03-20T10:05:00.000Z';
let tables: Awaited<ReturnType<typeof startDeliveriesTable>>;
let store: DeliveryStore;
let deliveries: DueDeliveries;

beforeAll(async () => {
  tables = await startDeliveriesTable();
  store = createDeliveryStore(tables);
  deliveries = createDueDeliveries(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());

const waiting = (
  name: string,
  dueAt: string | null,
  changes: Pick<Partial<DeliveryRecord>, 'waitsFor'> = {},
): DeliveryRecord =>
  makeRecord({ event: makeEvent({ id: `evt_t-9_mmykbvk0_${name}-1` }), dueAt, ...changes });

const listed = async (partition: string, until = now, limit = 100) =>
  deliveries.list({ partition, until, limit, from: null });

/** Everything that is due, in whatever shard. */
async function dueNow(until = now): Promise<DeliveryRecord[]> {
  const pages = await Promise.all(shards.map((shard) => listed(dueShardName(shard), until)));
  const records = await deliveries.read(pages.flatMap((page) => page.waiting));
  return records.filter((record) => record !== null);
}

const end = async (records: readonly DeliveryRecord[]): Promise<void> => {
  for (const record of records) await store.put({ ...record, status: 'delivered', dueAt: null });
};

const lease = async (record: DeliveryRecord, until = later): Promise<LeaseOutcome | undefined> =>
  (await deliveries.lease([{ record, until }]))[0];

describe('what is dead or held', () => {
  it('is listed under its endpoint by time of receipt, is never due, and shows no due time', async () => {
    const partition = undeliveredPartition('dead-end');
    const keysOf = async () =>
      (await listed(partition, later)).waiting.map(({ sk, dueAt }) => ({ sk, dueAt }));
    const one = makeRecord({
      endpointId: 'dead-end',
      event: makeEvent({ id: 'evt_t-9_mmykbvk0_dead-end-1' }),
    });
    for (const status of ['dead', 'held'] as const) {
      const over = { ...one, status };
      await store.put(over);
      expect(await keysOf()).toEqual([{ sk: deliveryRecordKey(one).sk, dueAt: one.event.receivedAt }]);
      expect(await store.get(one)).toEqual(over);
    }
    expect((await dueNow(later)).filter(({ endpointId }) => endpointId === 'dead-end')).toEqual([]);
    // Nobody takes it, also not by a name that was due before.
    expect(await lease({ ...one, dueAt: one.event.receivedAt })).toBe('taken');
    expect(await listed(backlogShard('dead-end'), later)).toMatchObject({ waiting: [] });
    await store.put({ ...one, status: 'delivered' });
    expect(await keysOf()).toEqual([]);
  });
});

describe('due deliveries', () => {
  it('are those whose time has come, in whatever shard', async () => {
    const due = Array.from({ length: 12 }, (_, index) => waiting(`due${index}`, '2026-03-20T09:59:00.000Z'));
    const exactly = waiting('exactly', now);
    const others = [waiting('future', '2026-03-20T10:00:00.001Z'), waiting('queued', null)];
    await Promise.all([...due, exactly, ...others].map((record) => store.put(record)));
    const found = await dueNow();
    expect(found.map(({ id }) => id).sort()).toEqual([...due, exactly].map(({ id }) => id).sort());
    expect(found).toContainEqual(exactly);
    await end([...due, exactly, ...others]);
    expect(await dueNow()).toEqual([]);
  });

  it('come longest overdue first, page by page, with their endpoint and their time', async () => {
    const records = Array.from({ length: 8 }, (_, index) =>
      waiting(`order${index}`, `2026-03-20T09:0${index}:00.000Z`),
    );
    await Promise.all(records.map((record) => store.put(record)));
    for (const shard of shards) {
      const partition = dueShardName(shard);
      const all = (await listed(partition)).waiting;
      expect(all.map(({ dueAt }) => dueAt)).toEqual(all.map(({ dueAt }) => dueAt).toSorted());
      expect(new Set(all.map(({ endpointId }) => endpointId))).toEqual(
        new Set(all.length > 0 ? ['main'] : []),
      );
      const first = await listed(partition, now, 1);
      expect(first.waiting).toEqual(all.slice(0, 1));
      const rest =
        first.next === null
          ? []
          : (await deliveries.list({ partition, until: now, limit: 100, from: first.next })).waiting;
      expect(rest).toEqual(all.slice(1));
    }
    await end(records);
  });

  it('that went on meanwhile are not read', async () => {
    const record = waiting('went-on', '2026-03-20T09:59:00.000Z');
    await store.put(record);
    const found = (await Promise.all(shards.map((shard) => listed(dueShardName(shard))))).flatMap(
      (page) => page.waiting,
    );
    expect(await deliveries.read(found)).toEqual([record]);
    await store.put({ ...record, dueAt: later });
    expect(await deliveries.read(found)).toEqual([null]);
    await end([record]);
    expect(await deliveries.read(found)).toEqual([null]);
  });
});

describe('an item that is no delivery this release knows', () => {
  it('is told of, and holds up nobody', async () => {
    const put = (Item: Record<string, unknown>) =>
      tables.documents.send(new PutCommand({ TableName: tables.deliveriesTable, Item }));
    await put({ pk: 'broken#1', sk: 'x', duePk: 'due#0', dueAt: '2026-03-20T08:00:00.000Z' });
    const beside = waiting('beside', '2026-03-20T09:59:00.000Z');
    await store.put(beside);
    const told: string[] = [];
    const watched = createDueDeliveries({ ...tables, onUnreadable: ({ pk }) => told.push(pk) });
    const pages = await Promise.all(shards.map((shard) => listed(dueShardName(shard))));
    const read = await watched.read(pages.flatMap((page) => page.waiting));
    expect(read.filter((record) => record !== null)).toEqual([beside]);
    expect(told).toEqual(['broken#1']);
    await end([beside]);
  });
});

describe('a lease', () => {
  it('is given once, hides the delivery until it ends, and lets it come back', async () => {
    const record = waiting('lease', '2026-03-20T09:30:00.000Z');
    await store.put(record);
    const takers = await Promise.all(Array.from({ length: 5 }, () => lease(record)));
    expect(takers.filter((taken) => taken === 'leased')).toHaveLength(1);
    expect(takers.filter((taken) => taken === 'taken')).toHaveLength(4);
    expect(await dueNow()).toEqual([]);
    expect(await dueNow(later)).toEqual([{ ...record, dueAt: later }]);
    await end([record]);
  });

  it('is refused for a delivery that ended or went on meanwhile', async () => {
    const record = waiting('gone', '2026-03-20T09:30:00.000Z');
    await store.put({ ...record, status: 'delivered', dueAt: null });
    expect(await lease(record)).toBe('taken');
    const unknown = waiting('never-stored', '2026-03-20T09:30:00.000Z');
    expect(await lease(unknown)).toBe('taken');
    expect(await store.get(unknown)).toBeNull();
  });

  it('keeps the delivery in its shard with all it holds', async () => {
    const record = waiting('whole', '2026-03-20T09:30:00.000Z');
    await store.put(record);
    await lease(record);
    expect(await store.get(record)).toEqual({ ...record, dueAt: later });
    await end([record]);
  });

  it('of many takes one request for 25, and one that is taken leaves the others theirs', async () => {
    const records = Array.from({ length: 60 }, (_, index) => waiting(`many${index}`, now));
    await Promise.all(records.map((record) => store.put(record)));
    const [first] = records;
    if (first !== undefined) await lease(first);
    tables.takeRequests();
    const outcomes = await deliveries.lease(records.map((record) => ({ record, until: later })));
    expect(tables.takeRequests()).toHaveLength(3);
    expect(outcomes).toEqual(['taken', ...Array.from({ length: 59 }, () => 'leased')]);
    await end(records);
  });

  it('that DynamoDB does not take is an error of that delivery, and none is thought leased', async () => {
    const documents: DynamoDBDocumentClient = {
      ...tables.documents,
      async send() {
        throw new Error('throttled');
      },
    };
    const failing = createDueDeliveries({ ...tables, documents });
    const outcomes = await failing.lease([
      { record: waiting('a', now), until: later },
      { record: waiting('b', now, { waitsFor: 'endpoint' }), until: later },
    ]);
    expect(outcomes).toMatchObject([{ code: 'not_leased' }, { code: 'not_leased' }]);
  });
});

describe('a lease of which DynamoDB says that it was throttled', () => {
  it('is an error of that delivery, which stays due, and harms no other', async () => {
    const [given, throttled] = [waiting('given', now), waiting('throttled', now)];
    await Promise.all([given, throttled].map((record) => store.put(record)));
    const documents = tables.connect(
      inPart('BatchExecuteStatement', { times: 1, isChosen: (one) => one.includes('throttled') }),
    );
    const some = createDueDeliveries({ ...tables, documents });
    const outcomes = await some.lease([given, throttled].map((record) => ({ record, until: later })));
    expect(outcomes).toMatchObject(['leased', { code: 'not_leased' }]);
    expect(await dueNow()).toEqual([throttled]);
    await end([given, throttled]);
  });
});

describe('a backlog', () => {
  it('lists what is parked for its endpoint by receipt, and what is leased leaves it for the due index', async () => {
    const parked = ['2', '1', '3'].map((name) =>
      waiting(`parked${name}`, `2026-03-20T09:0${name}:00.000Z`, { waitsFor: 'endpoint' }),
    );
    await Promise.all(parked.map((record) => store.put(record)));
    const backlog = backlogShard('main');
    const { waiting: found } = await listed(backlog);
    expect(found.map(({ dueAt }) => dueAt.slice(14, 16))).toEqual(['01', '02', '03']);
    const [oldest] = await deliveries.read(found);
    if (oldest == null) throw new Error('nothing is parked');
    const takers = await Promise.all([lease(oldest), lease(oldest)]);
    expect(new Set(takers)).toEqual(new Set(['leased', 'taken']));
    expect((await listed(backlog)).waiting).toHaveLength(2);
    // A crash after the lease strands nothing: it is due like any other.
    expect(await dueNow(later)).toEqual([{ ...oldest, waitsFor: 'time', dueAt: later }]);
    await end(parked);
  });
});
