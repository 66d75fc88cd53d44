import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Key, Lock } from '../../../schemas/entity.ts';
import { timeToBase36 } from '../../../schemas/event-id.ts';
import { locker, tower, towerId } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { message, ruleEvent } from './publications.ts';

const lock: Lock = {
  kind: 'lock',
  lockId: 'gate',
  partnerId: 'integrator',
  towerId,
  locker: 9,
  name: 'North gate',
  version: 1,
};
const key: Key = {
  kind: 'key',
  keyId: 'K-1',
  lockId: 'gate',
  partnerId: 'integrator',
  towerId,
  locker: 9,
  origin: 'integrator',
  appUserId: '+12125552390',
  userName: '',
  version: 1,
};

let tables: Tables;
let ingest: Ingest;

beforeEach(async () => {
  tables = await startTables();
  ingest = createIngest(tables);
  await ingest.seed([
    tower,
    locker,
    lock,
    key,
    { ...key, keyId: 'K-app', origin: 'app', appUserId: '', userName: 'Ana' },
    { ...lock, lockId: 'far', towerId: 'another', partnerId: 'stranger' },
    { ...key, keyId: 'K-far', lockId: 'far', towerId: 'another', partnerId: 'stranger' },
    { ...key, keyId: 'K-door', lockId: 'door' },
    { ...key, keyId: 'K-gone', revokedAt: '2026-03-20T08:00:00.000Z' },
  ]);
});
afterEach(async () => tables[Symbol.asyncDispose]());

const publish = async (payload: unknown) => ingest.handler(ruleEvent(payload));
const used = (seq: number, fields: Record<string, unknown>, fact = 'unlocked') =>
  message(seq, `access.${fact}`, fields);
const quarantined = async () =>
  (await ingest.quarantined()).map(({ reason, detail }) => ({ reason, detail }));

describe('the use of a key', () => {
  it.each(['locked', 'unlocked', 'denied'])('becomes an event of its lock (%s)', async (fact) => {
    await publish(used(1, { keyId: 'K-1', lockId: 'gate' }, fact));
    expect(await ingest.events()).toMatchObject([
      {
        id: `evt_lock~gate_${timeToBase36('2026-03-20T09:00:01.000Z')}_b7-1`,
        type: `access.${fact}`,
        occurredAt: '2026-03-20T09:00:01.000Z',
        receivedAt: '2026-03-20T09:15:01.000Z',
        cause: 'tower',
        late: false,
        towerId,
        locker: 9,
        partnerIds: ['integrator'],
        data: {
          lockId: 'gate',
          lockName: 'North gate',
          keyId: 'K-1',
          keyOrigin: 'integrator',
          appUserId: '+12125552390',
          userName: '',
        },
      },
    ]);
  });

  it('needs no lock in the message: the key has one', async () => {
    await publish(used(1, { keyId: 'K-1', locker: 9 }));
    expect(await ingest.events()).toMatchObject([{ data: { lockId: 'gate', keyId: 'K-1' } }]);
  });

  it('tells the keys of an app from those of an integrator', async () => {
    await publish(used(1, { keyId: 'K-app' }));
    expect(await ingest.events()).toMatchObject([{ data: { keyOrigin: 'app', userName: 'Ana' } }]);
  });

  it('is told of a revoked key too: an offline tower could not know', async () => {
    await publish(used(1, { keyId: 'K-gone' }));
    expect(await ingest.events()).toMatchObject([{ data: { keyId: 'K-gone', keyOrigin: 'integrator' } }]);
  });

  it('is one event however often it is sent, alone or in an array', async () => {
    const one = used(1, { keyId: 'K-1', lockId: 'gate' });
    await publish(one);
    await publish([one, one, used(1, { keyId: 'K-1' }), used(1, { keyId: 'K-app', lockId: 'gate' })]);
    expect(await ingest.events()).toHaveLength(1);
    await publish([used(2, { keyId: 'K-1' }), used(2, { keyId: 'K-app', lockId: 'gate' })]);
    expect(await ingest.events()).toHaveLength(2);
  });
});

describe('a key that is not the lock’s', () => {
  it('is told to the lock’s partner without whose it is', async () => {
    const unknown = { keyOrigin: null, appUserId: null, userName: null };
    await publish(used(1, { keyId: 'K-none', lockId: 'gate' }, 'denied'));
    await publish(used(2, { keyId: 'K-far', lockId: 'gate' }, 'denied'));
    await publish(used(3, { keyId: 'K-door', lockId: 'gate' }, 'denied'));
    expect(await ingest.events()).toMatchObject([
      { partnerIds: ['integrator'], data: { ...unknown, keyId: 'K-none', refusal: 'key_unknown' } },
      { partnerIds: ['integrator'], data: { ...unknown, keyId: 'K-far', refusal: 'key_elsewhere' } },
      { partnerIds: ['integrator'], data: { ...unknown, keyId: 'K-door', refusal: 'key_elsewhere' } },
    ]);
  });

  it('is quarantined when no lock is named', async () => {
    await publish(used(1, { keyId: 'K-none' }));
    expect(await quarantined()).toEqual([{ reason: 'unknown_key', detail: 'K-none' }]);
    expect(await ingest.events()).toEqual([]);
  });
});

describe('a lock that is not at the tower', () => {
  it.each([
    ['of another tower', { keyId: 'K-far', lockId: 'far' }, 'far'],
    ['of another tower, by its key', { keyId: 'K-far' }, 'far'],
    ['of none', { keyId: 'K-1', lockId: 'none' }, 'none'],
  ])('is quarantined: %s', async (_, fields, detail) => {
    await publish([used(1, fields), used(2, { keyId: 'K-1' })]);
    expect(await quarantined()).toEqual([{ reason: 'unknown_lock', detail }]);
    expect(await ingest.events()).toHaveLength(1);
  });
});
