import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entityItem, parseEntity } from '../../../functions/shared/entity-item.ts';
import { createEntityStore, type EntityStore } from '../../../functions/shared/entity-store.ts';
import { dueShard, entityKey, type EntityRef } from '../../../functions/shared/keys.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { Entity } from '../../../schemas/entity.ts';
import { locker, request, reservationWith, statuses, token, tower, towerId } from '../domain/samples.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
let store: EntityStore;

beforeAll(async () => {
  tables = await startTables();
  store = createEntityStore(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());

const endpoint: Endpoint = {
  kind: 'endpoint',
  endpointId: 'EP-1',
  partnerId: 'carrier',
  url: 'https://partner.example/hook',
  contract: 'standard',
  method: 'POST',
  detail: 'full',
  filter: {},
  status: 'active',
  secrets: 'AAAA',
  version: 1,
};

const everyKind: Entity[] = [
  tower,
  {
    kind: 'progress',
    towerId,
    boot: 'b7',
    contiguous: 4,
    ranges: [[6, 9]],
    lastSeenAt: '2026-03-20T09:15:00.000Z',
    version: 1,
  },
  locker,
  reservationWith(),
  reservationWith({ status: 'PICKED_UP' }),
  request,
  token,
  {
    kind: 'key',
    keyId: 'K-1',
    lockId: 'L-1',
    partnerId: 'carrier',
    towerId,
    locker: 9,
    origin: 'integrator',
    appUserId: '+12125552390',
    userName: '',
    version: 1,
  },
  {
    kind: 'partner',
    partnerId: 'carrier',
    name: 'Carrier',
    active: true,
    clientIds: ['carrier-backend'],
    version: 1,
  },
  { kind: 'client', clientId: 'carrier-backend', partnerId: 'carrier', version: 1 },
  endpoint,
];

describe('an entity’s item', () => {
  it.each(everyKind)('reads back as it was: $kind', (entity) => {
    expect(parseEntity(entityItem(entity, 4))).toEqual(entity);
  });

  it('is in the due index exactly when something is due', () => {
    fc.assert(
      fc.property(statuses, (status) => {
        const reservation = reservationWith({ status });
        const item = entityItem(reservation, 4);
        const isDue = reservation.dueAt !== null;
        expect('duePk' in item).toBe(isDue);
        expect('dueAt' in item).toBe(isDue);
        expect(item['duePk']).toBe(isDue ? dueShard(entityKey(reservation), 4) : undefined);
      }),
    );
  });

  it('is listed under its partner when it has one, towers and partners under all', () => {
    const listed = everyKind.filter((entity) => 'listPk' in entityItem(entity, 4)).map(({ kind }) => kind);
    expect(new Set(listed)).toEqual(
      new Set(['tower', 'partner', 'reservation', 'request', 'token', 'key', 'endpoint']),
    );
    expect(entityItem(request, 4)).toMatchObject({ listPk: 'request#opener', listSk: '56' });
  });

  it('that is no entity is refused', () => {
    expect(() => parseEntity({ ...entityItem(locker, 4), status: 'open' })).toThrow(/status/);
  });
});

describe('the entity store', () => {
  it('reads many at once, each once, and knows what is not there', async () => {
    for (const entity of [tower, locker, token]) await store.putNew(entity);
    tables.takeRequests();
    const found = await store.getMany([tower, locker, locker, { kind: 'token', tokenId: 99 }]);
    expect(tables.takeRequests()).toEqual(['BatchGetItem']);
    expect(found.get({ kind: 'locker', towerId, locker: 9 })).toEqual(locker);
    expect(found.get({ kind: 'tower', towerId })).toEqual(tower);
    expect(found.get({ kind: 'token', tokenId: 99 })).toBeNull();
    expect(found.get({ kind: 'token', tokenId: 52 })).toBeNull();
  });

  it('reads more than one request takes', async () => {
    const lockers = Array.from({ length: 130 }, (_, index) => ({ ...locker, locker: 1_000 + index }));
    await Promise.all(lockers.map(async (one) => store.putNew(one)));
    const found = await store.getMany(lockers);
    expect([...found]).toHaveLength(130);
  });

  it('asks again for keys that DynamoDB left unprocessed', async () => {
    let asked = 0;
    const documents = tables.connect((network) => ({
      ...network,
      async send(request) {
        asked += 1;
        if (asked > 1) return network.send(request);
        const Keys = [tower, locker].map(entityKey).map(({ pk, sk }) => ({ pk: { S: pk }, sk: { S: sk } }));
        const UnprocessedKeys = { entities: { Keys, ConsistentRead: true } };
        const body = JSON.stringify({ Responses: { entities: [] }, UnprocessedKeys });
        return { status: 200, headers: {}, body };
      },
    }));
    const found = await createEntityStore({ ...tables, documents }).getMany([tower, locker]);
    expect(asked).toBe(2);
    expect([...found]).toHaveLength(2);
  });

  it('fails on an item that is no entity rather than pass it on', async () => {
    await tables.put('entities', { ...entityKey({ kind: 'token', tokenId: 666 }), kind: 'token' });
    await expect(store.getMany([{ kind: 'token', tokenId: 666 }])).rejects.toThrow(/tokenId/);
  });

  it('puts what is new only once, and replaces only the version that was loaded', async () => {
    const fresh = { ...locker, locker: 2_000, version: 0 };
    const ref: EntityRef & { kind: 'locker' } = { kind: 'locker', towerId, locker: 2_000 };
    expect(await store.putNew(fresh)).toBe(true);
    expect(await store.putNew(fresh)).toBe(false);
    expect(await store.replace({ ...fresh, version: 1, status: 'rented' })).toBe(true);
    expect(await store.replace({ ...fresh, version: 1, status: 'occupied' })).toBe(false);
    expect((await store.getMany([ref])).get(ref)).toMatchObject({ status: 'rented', version: 2 });
  });

  it('removes only the version that was loaded', async () => {
    const ref = { kind: 'tower', towerId: 'removed' } as const;
    const tower = { ...ref, partnerIds: [], version: 0 };
    expect(await store.putNew(tower)).toBe(true);
    expect(await store.remove({ ...tower, version: 2 })).toBe(false);
    expect((await store.getMany([ref])).get(ref)).not.toBeNull();
    expect(await store.remove({ ...tower, version: 1 })).toBe(true);
    expect((await store.getMany([ref])).get(ref)).toBeNull();
    expect(await store.remove({ ...tower, version: 1 })).toBe(false);
  });

  it('pages through what is due in a shard, and no further', async () => {
    const due = Array.from({ length: 9 }, (_, index) => reservationWith({ reservationId: `DUE-${index}` }));
    const later = reservationWith({ reservationId: 'LATER', expirationDate: '2026-03-23T00:00:00.000Z' });
    for (const one of [...due, later]) await store.putNew(one);
    const names: string[] = [];
    for (let shard = 0; shard < 4; shard += 1) {
      let after: Record<string, unknown> | null = null;
      do {
        const page = await store.listDue({ shard, now: '2026-03-22T09:15:00.000Z', limit: 2, after });
        expect(page.entities.length).toBeLessThanOrEqual(2);
        names.push(...page.entities.map((one) => ('reservationId' in one ? one.reservationId : '')));
        after = page.next;
      } while (after !== null);
    }
    expect(names.sort()).toEqual(due.map(({ reservationId }) => reservationId));
  });

  it('counts what is due in a shard from a page on, and what is due later does not count', async () => {
    const now = '2026-04-01T00:00:00.000Z';
    const counted = Array.from({ length: 12 }, (_, index) => `2026-03-30T00:00:${10 + index}.000Z`);
    for (const [index, expirationDate] of [...counted, '2026-04-01T00:00:00.001Z'].entries())
      await store.putNew(reservationWith({ reservationId: `COUNTED-${index}`, expirationDate }));
    for (let shard = 0; shard < 4; shard += 1) {
      const all = await store.countDue({ shard, now, after: null });
      const page = await store.listDue({ shard, now, limit: all - 1, after: null });
      expect(all).toBeGreaterThan(1);
      expect(await store.countDue({ shard, now, after: page.next })).toBe(1);
    }
  });
});
