import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { loadNetwork } from '../../../local/network/load.ts';
import { parseNetwork } from '../../../local/network/read.ts';
import { openNetworkStore, type NetworkStore } from '../../../local/network/store.ts';
import type { EntityRef } from '../../../functions/shared/keys.ts';
import type { NetworkFileSchema } from '../../../schemas/network.ts';
import { startTarget, type Target } from './target.ts';

type NetworkInput = z.input<typeof NetworkFileSchema>;

const towerId = '0000000000000001';
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const otherSecret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

const lockers = Array.from({ length: 20 }, (_, index) => ({ locker: index + 1 }));
const base = {
  towers: [{ towerId, partnerIds: ['one'], lockers }],
  partners: [{ partnerId: 'one' }],
} satisfies NetworkInput;

const endpoint = {
  endpointId: 'one-status',
  partnerId: 'one',
  url: 'http://127.0.0.1:9/status',
  contract: 'reservation-status',
  secret,
  auth: { type: 'bearer', token: 'a-static-token' },
} as const;

const reservation = (reservationId: string, locker: number) => ({
  reservationId,
  partnerId: 'one',
  towerId,
  locker,
  flowType: 'OUTLET',
  barcode: '1234567890123',
});

function found<T>(entity: T | null): T {
  if (entity === null) throw new Error('not stored');
  return entity;
}

const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type);

describe('loading a network', () => {
  let target: Target;
  let store: NetworkStore;
  beforeAll(async () => {
    target = await startTarget();
    store = openNetworkStore(target);
  });
  afterAll(async () => {
    store.close();
    await target.stop();
  });

  const load = (network: NetworkInput) =>
    loadNetwork(target, parseNetwork(JSON.stringify({ ...base, ...network }), 'network.json'));
  const read = (ref: EntityRef) => store.entities.getMany([ref]);
  const getTower = async () => (await read({ kind: 'tower', towerId })).get({ kind: 'tower', towerId });
  const getLocker = async (locker: number) => {
    const ref = { kind: 'locker', towerId, locker } as const;
    return found((await read(ref)).get(ref));
  };
  const getEndpoint = async (endpointId: string) => {
    const ref = { kind: 'endpoint', partnerId: 'one', endpointId } as const;
    return found((await read(ref)).get(ref));
  };
  const getReservation = async (reservationId: string) => {
    const ref = { kind: 'reservation', reservationId } as const;
    return found((await read(ref)).get(ref));
  };
  const first = async (ref: EntityRef) => [...(await read(ref))][0];
  const snapshot = async () => ({
    entities: await target.items('entities-test'),
    events: await target.items('events-test'),
  });

  it('stores towers, lockers, partners, endpoints and keys', async () => {
    const key = { keyId: 'K-1', lockId: 'L-1', partnerId: 'one', towerId, locker: 1 };
    const report = await load({
      endpoints: [endpoint],
      keys: [{ ...key, origin: 'integrator', appUserId: 'user-7', userName: 'Ana' }],
    });
    expect(report).toEqual({ stored: 1 + lockers.length + 1 + 1 + 2, events: [] });
    expect(await getTower()).toMatchObject({ partnerIds: ['one'], version: 1 });
    expect(await getLocker(1)).toEqual({
      kind: 'locker',
      towerId,
      locker: 1,
      unitId: `${towerId}-1`,
      status: 'available',
      statusFrom: null,
      holderId: null,
      holderSince: null,
      previousHolder: null,
      version: 1,
    });
    expect(await first({ kind: 'partner', partnerId: 'one' })).toMatchObject({ name: 'one', active: true });
    expect(await first({ kind: 'key', keyId: 'K-1' })).toMatchObject({ ...key, userName: 'Ana' });
    expect(await first({ kind: 'lock', lockId: 'L-1' })).toMatchObject({
      partnerId: 'one',
      locker: 1,
      name: 'L-1',
    });
  });

  it('stores nothing when deliveries would be gone before the end of a schedule', async () => {
    const before = await snapshot();
    const scheduleSeconds = [0, ...Array.from({ length: 15 }, () => 5 * 86_400)];
    const partners = [{ partnerId: 'one', name: 'Another name' }];
    await expect(
      load({ partners, endpoints: [endpoint, { ...endpoint, endpointId: 'late', scheduleSeconds }] }),
    ).rejects.toThrow(/endpoints\[1\]\.scheduleSeconds: must end within 90 days/);
    expect(await snapshot()).toEqual(before);
  });

  it('stores a lock once, by the name that one of its keys gives it, and leaves a revoked key revoked', async () => {
    const key = {
      lockId: 'L-2',
      partnerId: 'one',
      towerId,
      locker: 1,
      origin: 'app' as const,
      appUserId: '',
      userName: '',
    };
    const keys = [
      { ...key, keyId: 'K-2' },
      { ...key, keyId: 'K-3', lockName: 'Gate' },
    ];
    await load({ keys });
    const ref = { kind: 'key', keyId: 'K-2' } as const;
    const stored = found((await read(ref)).get(ref));
    await store.entities.replace({ ...stored, revokedAt: '2026-03-20T09:15:00.000Z' });
    expect(await load({ keys })).toEqual({ stored: 0, events: [] });
    expect(await first(ref)).toMatchObject({ revokedAt: '2026-03-20T09:15:00.000Z', version: 2 });
    expect(await first({ kind: 'lock', lockId: 'L-2' })).toMatchObject({ name: 'Gate', version: 1 });
  });

  it('leaves a secret rotated that was rotated meanwhile', async () => {
    const rotating = { ...endpoint, endpointId: 'one-rotated' };
    await load({ endpoints: [rotating] });
    const stored = await getEndpoint('one-rotated');
    const opened = await store.opener.open(stored);
    const signingKeys = [
      { key: otherSecret, notAfter: null },
      { key: secret, notAfter: '2036-03-20T09:15:00.000Z' },
    ];
    await store.entities.replace({
      ...stored,
      secrets: await store.seal(stored, { ...opened, signingKeys }),
    });
    expect((await load({ endpoints: [rotating] })).stored).toBe(0);
    await load({ endpoints: [{ ...rotating, auth: { type: 'none' } }] });
    expect(await store.opener.open(await getEndpoint('one-rotated'))).toEqual({
      signingKeys,
      auth: { type: 'none' },
    });
  });

  it('keeps secrets readable by their endpoint only, and never in the clear', async () => {
    await load({ endpoints: [endpoint] });
    const stored = await getEndpoint('one-status');
    expect(await store.opener.open(stored)).toEqual({
      signingKeys: [{ key: secret, notAfter: null }],
      auth: { type: 'bearer', token: 'a-static-token' },
    });
    await expect(store.opener.open({ ...stored, endpointId: 'another' })).rejects.toThrow(
      'secrets of endpoint',
    );
    const items = JSON.stringify(await target.items('entities-test'));
    expect(items).not.toContain(secret.slice('whsec_'.length));
    expect(items).not.toContain('a-static-token');
  });

  it('changes nothing when the same file is loaded again', async () => {
    const network: NetworkInput = {
      endpoints: [{ ...endpoint, filter: { types: ['reservation.*'] }, scheduleSeconds: [0, 5] }],
      reservations: [
        { ...reservation('RES-again', 1), docNumber: 'D', expirationDate: '2036-03-22T09:15:00+01:00' },
        { ...reservation('RES-again-stocked', 2), status: 'STOCKED' },
        { ...reservation('RES-again-canceled', 3), status: 'CANCELED' },
      ],
      lockerOpenRequests: [
        { requestId: 1, partnerId: 'one', towerId, locker: 4, flow: 'dropoff', tokens: [{ tokenId: 1 }] },
      ],
    };
    await load(network);
    const before = await snapshot();
    expect(await load(network)).toEqual({ stored: 0, events: [] });
    expect(await snapshot()).toEqual(before);
  });

  it('updates an endpoint by a new version when the file says something else', async () => {
    const changing = { ...endpoint, endpointId: 'one-changing' };
    await load({ endpoints: [changing] });
    const original = await getEndpoint('one-changing');
    await load({ endpoints: [{ ...changing, url: 'http://127.0.0.1:10/status' }] });
    const moved = await getEndpoint('one-changing');
    expect(moved).toMatchObject({ url: 'http://127.0.0.1:10/status', version: 2 });
    expect(moved.secrets).toBe(original.secrets);
    await load({ endpoints: [{ ...changing, url: 'http://127.0.0.1:10/status', secret: otherSecret }] });
    const rotated = await getEndpoint('one-changing');
    expect(rotated.version).toBe(3);
    expect((await store.opener.open(rotated)).signingKeys).toEqual([{ key: otherSecret, notAfter: null }]);
  });

  it('leaves an endpoint disabled that was disabled meanwhile', async () => {
    await load({ endpoints: [{ ...endpoint, endpointId: 'one-disabled' }] });
    const active = await getEndpoint('one-disabled');
    await store.entities.replace({ ...active, status: 'disabled', disabledReason: 'gone' });
    await load({ endpoints: [{ ...endpoint, endpointId: 'one-disabled', method: 'PUT' }] });
    expect(await getEndpoint('one-disabled')).toMatchObject({
      method: 'PUT',
      status: 'disabled',
      disabledReason: 'gone',
      version: 3,
    });
  });

  it.each([
    ['NEW', ['created'], 'available'],
    ['RESERVED', ['created', 'reserved'], 'rented'],
    ['INCOMPLETE', ['created', 'reserved', 'incomplete'], 'rented'],
    ['STOCKED', ['created', 'reserved', 'stocked'], 'occupied'],
    ['RETURNING', ['created', 'reserved', 'stocked', 'returning'], 'occupied'],
    ['RETURNED', ['created', 'reserved', 'stocked', 'returned'], 'available'],
    ['PICKED_UP', ['created', 'reserved', 'stocked', 'picked_up'], 'available'],
    ['CANCELED', ['created', 'reserved', 'canceled'], 'available'],
  ] as const)('takes a reservation to %s as its partner would', async (status, types, lockerStatus) => {
    const reservationId = `RES-${status.replace('_', '-')}`;
    const locker = 12;
    const { events } = await load({ reservations: [{ ...reservation(reservationId, locker), status }] });
    expect(typesOf(events)).toEqual(types.map((type) => `reservation.${type}`));
    expect(new Set(events.map(({ cause }) => cause))).toEqual(new Set(['api']));
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    const stored = await target.items('events-test');
    for (const { id } of events) expect(stored.find((item) => item['id'] === id)).toBeDefined();
    expect(await getReservation(reservationId)).toMatchObject({ status, version: types.length });
    const after = await getLocker(locker);
    expect(after.status).toBe(lockerStatus);
    await store.entities.replace({ ...after, status: 'available', holderId: null });
  });

  it('moves a reservation whose status the file changes', async () => {
    const wanted = reservation('RES-canceled-later', 5);
    await load({ reservations: [wanted] });
    const { events } = await load({ reservations: [{ ...wanted, status: 'CANCELED' }] });
    expect(typesOf(events)).toEqual(['reservation.canceled']);
    expect(await getLocker(5)).toMatchObject({
      status: 'available',
      holderId: null,
    });
  });

  it('lets what a tower reported stand, unless the file ends the reservation', async () => {
    const wanted = { ...reservation('RES-tower', 6), status: 'INCOMPLETE' } as const;
    await load({ reservations: [wanted] });
    const before = await getReservation('RES-tower');
    const at = new Date().toISOString();
    await store.entities.replace({ ...before, status: 'STOCKED', statusFrom: { at, boot: 'b1', seq: 7 } });
    expect((await load({ reservations: [wanted] })).events).toEqual([]);
    expect(await getReservation('RES-tower')).toMatchObject({ status: 'STOCKED' });

    const { events } = await load({ reservations: [{ ...wanted, status: 'PICKED_UP' }] });
    expect(typesOf(events)).toEqual(['reservation.picked_up']);
  });

  it('makes a request with its tokens, and adds a token that the file gained', async () => {
    const request = { requestId: 56, partnerId: 'one', towerId, locker: 9, flow: 'dropoff' } as const;
    const firstLoad = await load({
      lockerOpenRequests: [
        { ...request, payload: { extra: 1 }, tokens: [{ tokenId: 52, clientInfo: 'Luis' }] },
      ],
    });
    expect(typesOf(firstLoad.events)).toEqual(['locker.assigned', 'locker.token_created']);
    expect(await first({ kind: 'request', requestId: 56 })).toMatchObject({
      payload: '{"extra":1}',
      version: 1,
    });
    expect(await first({ kind: 'token', tokenId: 52 })).toMatchObject({ clientInfo: 'Luis', usedAt: null });
    expect(await getLocker(9)).toMatchObject({
      status: 'rented',
      holderId: 'one',
    });

    const second = await load({
      lockerOpenRequests: [{ ...request, payload: { extra: 1 }, tokens: [{ tokenId: 52 }, { tokenId: 53 }] }],
    });
    expect(second.events.map(({ type, data }) => [type, 'tokenId' in data ? data.tokenId : null])).toEqual([
      ['locker.token_created', 53],
    ]);
  });

  it('makes each thing once when two load the same file at the same time', async () => {
    const network: NetworkInput = {
      reservations: Array.from({ length: 8 }, (_, i) => reservation(`RES-twice-${i}`, 17 + (i % 2))),
    };
    const reports = await Promise.all([load(network), load(network)]);
    expect(reports.flatMap(({ events }) => events)).toHaveLength(16);
    for (let i = 0; i < 8; i += 1)
      expect(await getReservation(`RES-twice-${i}`)).toMatchObject({ status: 'RESERVED', version: 2 });
  });
});
