import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliveryDead } from '../../../functions/domain/operational-event.ts';
import { toWireItem } from '../../../functions/shared/aws/attribute-values.ts';
import { TransactionCanceledException } from '../../../functions/shared/aws/documents.ts';
import { createDeliveryStore, type DeliveryStore } from '../../../functions/shared/delivery-store.ts';
import { deliveryId, deliveryKey, dueShard } from '../../../functions/shared/keys.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import {
  makeAttempt,
  makeAttempts,
  makeEvent,
  makeEvents,
  makeRecord,
  makeTask,
} from '../../helpers/deliveries.ts';
import { itemBytes } from '../../../bench/measure/item-bytes.ts';
import { startDeliveriesTable } from './deliveries-table.ts';
import { inPart } from './partial-answers.ts';

let tables: Awaited<ReturnType<typeof startDeliveriesTable>>;
let store: DeliveryStore;
let serial = 0;

beforeAll(async () => {
  tables = await startDeliveriesTable();
  store = createDeliveryStore(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());
beforeEach(() => tables.takeRequests());

/** A record of a delivery of its own. */
function newRecord(overrides: Parameters<typeof makeRecord>[0] = {}): DeliveryRecord {
  serial += 1;
  return makeRecord({ event: makeEvent({ id: `evt_t-9_mmykbvk0_s-${serial}` }), ...overrides });
}

const storedItem = async (record: DeliveryRecord) => {
  const key = deliveryKey(record.endpointId, record.event.receivedAt, record.event.id);
  return (await tables.scan('deliveries')).find(({ pk, sk }) => pk === key.pk && sk === key.sk);
};

const provenAttempt = makeAttempt({
  outcome: 'delivered',
  status: 200,
  reason: null,
  host: 'partner.example',
  peerAddress: '2001:db8:85a3::8a2e:370:7334',
  connection: { port: 443, reused: true, tls: { protocol: 'TLSv1.3', certificateSha256: 'c3'.repeat(32) } },
  times: { dns: null, connect: null, tls: null, firstByte: 123.4 },
  requestSha256: 'a1'.repeat(32),
  responseSha256: 'b2'.repeat(32),
  responseExcerpt: '{"received":true}',
});

/** One whose batches are written in part only, so many times. */
const storeWith = (times: number): DeliveryStore =>
  createDeliveryStore({ ...tables, documents: tables.connect(inPart('BatchWriteItem', { times })) });

const eventIds = async () => (await tables.scan('events')).map(({ id }) => id);

describe('a stored record', () => {
  it('comes back as it was', async () => {
    const record = newRecord({ status: 'held', reason: 'endpoint_disabled', attempts: makeAttempts(3) });
    await store.put(record);
    expect(await store.get(record)).toEqual(record);
  });

  it('comes back with all that its attempts prove', async () => {
    const record = newRecord({ attempts: [provenAttempt, makeAttempt({ number: 2 })] });
    await store.put(record);
    expect(await store.get(record)).toEqual(record);
  });

  it('of before attempts had a host is read as it is', async () => {
    const { host: _, ...older } = provenAttempt;
    const record = newRecord({ attempts: [older] });
    await store.put(record);
    expect((await store.get(record))?.attempts).toEqual([older]);
  });

  it('takes one write unit when a partner with a certificate answered with a few words', async () => {
    const record = newRecord({
      partnerId: 'partner-with-a-name-of-thirty',
      endpointId: '0194f3a2-7c41-7d3e-9a55-3c1f0a6b9e77',
      status: 'delivered',
      attempts: [{ ...provenAttempt, responseExcerpt: 'x'.repeat(256) }],
    });
    await store.put(record);
    expect(itemBytes(toWireItem((await storedItem(record)) ?? {}))).toBeLessThan(1_024);
  });

  it('is null where there is none', async () => {
    expect(await store.get({ ...makeTask(), endpointId: 'nobody' })).toBeNull();
  });

  it('expires the retention time after its event was received', async () => {
    const record = newRecord({ event: makeEvent({ id: 'evt_t-9_mmykbvk0_ttl-1' }) });
    await store.put(record);
    expect((await storedItem(record))?.['expiresAt']).toBe(
      Math.floor(Date.parse(record.event.receivedAt) / 1_000) + 90 * 86_400,
    );
  });

  it('is in the due index only while it waits', async () => {
    const waiting = newRecord({ dueAt: '2026-03-20T10:00:00.123456Z' });
    const { id, ...key } = {
      id: deliveryId('main', waiting.event.receivedAt, waiting.event.id),
      ...deliveryKey('main', waiting.event.receivedAt, waiting.event.id),
    };
    expect(waiting.id).toBe(id);
    await store.advance(waiting, 1);
    expect(await storedItem(waiting)).toMatchObject({
      dueAt: '2026-03-20T10:00:00.123Z',
      duePk: dueShard(key, tables.dueShards),
    });
    await store.put({ ...waiting, status: 'delivered', dueAt: null });
    const item = await storedItem(waiting);
    expect(item).not.toHaveProperty('dueAt');
    expect(item).not.toHaveProperty('duePk');
  });
});

describe('advance', () => {
  it('writes the first record of a delivery', async () => {
    const record = newRecord();
    expect(await store.advance(record, 1)).toEqual({ kind: 'written' });
    expect(await store.get(record)).toEqual(record);
  });

  it('replaces a record with fewer attempts', async () => {
    const first = newRecord();
    await store.advance(first, 1);
    const second = { ...first, taskId: 'task-2', attempts: makeAttempts(2) };
    expect(await store.advance(second, 2)).toEqual({ kind: 'written' });
    expect(await store.get(first)).toEqual(second);
  });

  it.each([2, 3])(
    'gives the record that stands when it has %i attempts and not fewer than two',
    async (count) => {
      const standing = newRecord({ taskId: 'standing', attempts: makeAttempts(count) });
      await store.put(standing);
      const outcome = await store.advance({ ...standing, taskId: 'late', attempts: makeAttempts(2) }, 2);
      expect(outcome).toEqual({ kind: 'behind', current: standing });
      expect(await store.get(standing)).toEqual(standing);
    },
  );

  it('never touches a delivered record, however many attempts come after it', async () => {
    const delivered = newRecord({ status: 'delivered' });
    await store.put(delivered);
    expect(await store.advance({ ...delivered, status: 'dead', attempts: makeAttempts(5) }, 5)).toEqual({
      kind: 'behind',
      current: delivered,
    });
    expect(await store.get(delivered)).toEqual(delivered);
  });

  it('lets a replay go on from a delivered record, unless it is behind', async () => {
    const delivered = newRecord({ status: 'delivered' });
    await store.put(delivered);
    const replay = { redriveId: null, attemptsBefore: 1 };
    const replayed = { ...delivered, status: 'pending' as const, attempts: makeAttempts(2), replay };
    expect(await store.advance(replayed, 1)).toEqual({ kind: 'behind', current: delivered });
    expect(await store.advance(replayed, 2)).toEqual({ kind: 'written' });
    expect(await store.get(delivered)).toEqual(replayed);
  });

  it('makes a notice known together with its record, or neither', async () => {
    const dead = newRecord({ status: 'dead', reason: 'http_500', attempts: makeAttempts(3) });
    const notice = deliveryDead(dead, { operatorPartnerId: 'operator', now: dead.event.receivedAt });
    await store.put({ ...dead, attempts: makeAttempts(4) });
    expect(await store.advance(dead, 3, notice)).toMatchObject({ kind: 'behind' });
    expect(await eventIds()).not.toContain(notice?.id);

    const other = newRecord({ status: 'dead', reason: 'http_500', attempts: makeAttempts(3) });
    const told = deliveryDead(other, { operatorPartnerId: 'operator', now: other.event.receivedAt });
    expect(await store.advance(other, 3, told)).toEqual({ kind: 'written' });
    expect(await store.get(other)).toEqual(other);
    expect(await eventIds()).toContain(told?.id);
  });

  it('tries again when somebody else was just writing the item', async () => {
    let conflicts = 0;
    const { documents } = tables;
    const contended = createDeliveryStore({
      ...tables,
      documents: {
        ...documents,
        async send(command) {
          if (command.operation !== 'TransactWriteItems' || conflicts === 2) return documents.send(command);
          conflicts += 1;
          const CancellationReasons = [{ Code: 'TransactionConflict' }, { Code: 'None' }];
          throw new TransactionCanceledException({ message: 'in the way', CancellationReasons });
        },
      },
    });
    const dead = newRecord({ status: 'dead', reason: 'http_500', attempts: makeAttempts(3) });
    const notice = deliveryDead(dead, { operatorPartnerId: 'operator', now: dead.event.receivedAt });
    expect(await contended.advance(dead, 3, notice)).toEqual({ kind: 'written' });
    expect(conflicts).toBe(2);
    expect(await store.get(dead)).toEqual(dead);
  });

  it('lets exactly one of many at the same time win', async () => {
    const record = newRecord();
    const contenders = Array.from({ length: 10 }, (_, index) => ({ ...record, taskId: `task-${index}` }));
    const outcomes = await Promise.all(contenders.map((contender) => store.advance(contender, 1)));
    expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    const winner = contenders[outcomes.findIndex(({ kind }) => kind === 'written')];
    expect((await store.get(record))?.taskId).toBe(winner?.taskId);
  });
});

describe('put', () => {
  it('shares requests between writes made at the same time', async () => {
    const records = makeEvents(60).map((event) => makeRecord({ event, endpointId: 'busy' }));
    await Promise.all(records.map((record) => store.put(record)));
    expect(tables.takeRequests()).toEqual(['BatchWriteItem', 'BatchWriteItem', 'BatchWriteItem']);
    for (const record of records) expect(await store.get(record)).toEqual(record);
  });

  it('writes one delivery twice at the same time without failing either', async () => {
    const record = newRecord({ status: 'delivered' });
    await Promise.all([store.put(record), store.put({ ...record, taskId: 'task-2' })]);
    expect((await store.get(record))?.taskId).toBe('task-2');
  });

  it('fails only the record that the table refuses', async () => {
    const huge = newRecord();
    huge.attempts = [makeAttempt({ responseExcerpt: 'x'.repeat(500_000) })];
    const fine = [newRecord(), newRecord()];
    const results = await Promise.allSettled([huge, ...fine].map((record) => store.put(record)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(results[0]).toMatchObject({ reason: { code: 'record_not_written' } });
    for (const record of fine) expect(await store.get(record)).toEqual(record);
  });

  it('writes what DynamoDB left undone, and fails what it goes on leaving', async () => {
    const records = makeEvents(6).map((event) => makeRecord({ event, endpointId: 'throttled' }));
    const patient = storeWith(3);
    await Promise.all(records.map((record) => patient.put(record)));
    for (const record of records) expect(await store.get(record)).toEqual(record);

    const others = makeEvents(2).map((event) => makeRecord({ event, endpointId: 'refused' }));
    const refused = storeWith(Infinity);
    const results = await Promise.allSettled(others.map((record) => refused.put(record)));
    expect(results).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'record_not_written' } },
    ]);
    expect(await Promise.all(others.map((record) => store.get(record)))).toEqual([others[0], null]);
  });
});
