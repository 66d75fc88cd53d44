import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeliveryStore, type DeliveryStore } from '../../../functions/shared/delivery-store.ts';
import { createDueDeliveries, type DueDeliveries } from '../../../functions/shared/due-deliveries.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from './deliveries-table.ts';

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

const byText = (a: string, b: string) => a.localeCompare(b);

const waiting = (name: string, dueAt: string | null): DeliveryRecord =>
  makeRecord({ event: makeEvent({ id: `evt_t-9_mmykbvk0_${name}-1` }), dueAt });

async function dueNow(at = now, limit = 100): Promise<DeliveryRecord[]> {
  const found = await Promise.all(shards.map((shard) => deliveries.due(shard, at, limit)));
  return found.flat();
}

describe('due deliveries', () => {
  it('are those whose time has come, in whatever shard', async () => {
    const due = Array.from({ length: 12 }, (_, index) => waiting(`due${index}`, '2026-03-20T09:59:00.000Z'));
    const exactly = waiting('exactly', now);
    const others = [waiting('future', '2026-03-20T10:00:00.001Z'), waiting('queued', null)];
    await Promise.all([...due, exactly, ...others].map((record) => store.put(record)));
    const found = await dueNow();
    expect(found.map(({ id }) => id).sort()).toEqual([...due, exactly].map(({ id }) => id).sort());
    expect(found).toContainEqual(exactly);
    await Promise.all(
      [...due, exactly, ...others].map((r) => store.put({ ...r, status: 'delivered', dueAt: null })),
    );
    expect(await dueNow()).toEqual([]);
  });

  it('come longest overdue first and no more than asked for', async () => {
    const records = Array.from({ length: 8 }, (_, index) =>
      waiting(`order${index}`, `2026-03-20T09:0${index}:00.000Z`),
    );
    await Promise.all(records.map((record) => store.put(record)));
    for (const shard of shards) {
      const all = await deliveries.due(shard, now, 100);
      expect(all.map(({ dueAt }) => dueAt)).toEqual(all.map(({ dueAt }) => dueAt ?? '').toSorted(byText));
      expect(await deliveries.due(shard, now, 1)).toEqual(all.slice(0, 1));
    }
    await Promise.all(records.map((r) => store.put({ ...r, status: 'dead', dueAt: null })));
  });
});

describe('an item that is no delivery this release knows', () => {
  it('is told of, and holds up nobody: not even when it would fill the page', async () => {
    const due = '2026-03-20T09:59:00.000Z';
    const unreadable = Array.from({ length: 6 }, (_, index) => ({
      pk: `broken${index}`,
      sk: 'x',
      duePk: 'due#0',
      dueAt: `2026-03-20T08:0${index}:00.000Z`,
    }));
    const put = (Item: Record<string, unknown>) =>
      tables.documents.send(new PutCommand({ TableName: tables.deliveriesTable, Item }));
    await Promise.all(unreadable.map(put));
    const readable = Array.from({ length: 40 }, (_, index) => waiting(`beside${index}`, due));
    await Promise.all(readable.map((record) => store.put(record)));
    const told: string[] = [];
    const watched = createDueDeliveries({ ...tables, onUnreadable: ({ pk }) => told.push(pk) });
    const inShard = await deliveries.due(0, now, 100);
    expect(inShard.length).toBeGreaterThan(2);
    expect(await watched.due(0, now, 2)).toEqual(inShard.slice(0, 2));
    expect(told.sort()).toEqual(unreadable.map(({ pk }) => pk));
    await Promise.all(readable.map((r) => store.put({ ...r, status: 'delivered', dueAt: null })));
  });
});

describe('a lease', () => {
  it('is given once, hides the delivery until it ends, and lets it come back', async () => {
    const record = waiting('lease', '2026-03-20T09:30:00.000Z');
    await store.put(record);
    const takers = await Promise.all(Array.from({ length: 5 }, () => deliveries.lease(record, later)));
    expect(takers.filter(Boolean)).toHaveLength(1);
    expect(await dueNow()).toEqual([]);
    expect(await dueNow(later)).toEqual([{ ...record, dueAt: later }]);
  });

  it('is refused for a delivery that ended or went on meanwhile', async () => {
    const record = waiting('gone', '2026-03-20T09:30:00.000Z');
    await store.put({ ...record, status: 'delivered', dueAt: null });
    expect(await deliveries.lease(record, later)).toBe(false);
    const unknown = waiting('never-stored', '2026-03-20T09:30:00.000Z');
    expect(await deliveries.lease(unknown, later)).toBe(false);
    expect(await store.get(unknown)).toBeNull();
  });

  it('keeps the delivery in its shard with all it holds', async () => {
    const record = waiting('whole', '2026-03-20T09:30:00.000Z');
    await store.put(record);
    await deliveries.lease(record, later);
    expect(await store.get(record)).toEqual({ ...record, dueAt: later });
  });
});
