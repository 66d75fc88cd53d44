import * as z from 'zod';
import type { Key, Lock } from '../../../schemas/entity.ts';
import { KeyBodySchema, KeyViewSchema, type KeyBody } from '../../../schemas/key-request.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, invalidField, notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { readTower, seesTower } from './tower-access.ts';
import { readLocker } from './tower-lockers.ts';

const tag = 'Keys';
const params = z.strictObject({ keyId: NameSchema });

const create = defineOperation({
  operationId: 'createKey',
  method: 'POST',
  path: '/v1/keys',
  tag,
  summary: 'Give somebody a key to a lock',
  description:
    'A key of yours is an integrator’s: its use triggers access event webhooks. The first key of a lock says at which ' +
    'locker the lock is. 409 `lock_elsewhere` when a later one says otherwise.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: KeyBodySchema,
  creates: true,
  problems: [409],
  response: { status: 201, schema: KeyViewSchema, description: 'The key.' },
  examples: {
    body: {
      lockId: 'c0f3aed0-2a7e-4de5-a0ff-3bfc22bfb6ef',
      lockName: 'North gate',
      towerId: '0000000000000001',
      locker: 9,
      appUserId: '+12125552390',
    },
  },
  async handle(services, { body, caller }) {
    const partnerId = ownerFor(caller, body.partnerId);
    const origin = originOf(body, caller);
    const { lock, isChanged } = await lockFor(services, body, partnerId);
    const { lockId, towerId, locker } = lock;
    const { appUserId, userName } = body;
    const key: Key = {
      kind: 'key',
      keyId: services.newId(),
      lockId,
      partnerId,
      towerId,
      locker,
      origin,
      appUserId,
      userName,
      version: 0,
    };
    const reply = {
      body: { ...key, version: 1 },
      version: 1,
      headers: { location: `/v1/keys/${key.keyId}` },
    };
    const outcome = await services.commit({ changes: isChanged ? [key, lock] : [key], events: [], reply });
    if (outcome.kind === 'rejected') throw contended();
    return reply;
  },
});

function originOf({ origin = 'integrator' }: KeyBody, caller: Caller): Key['origin'] {
  if (origin === 'app' && caller.kind === 'partner') throw invalidField('/body/origin', 'is for operators');
  return origin;
}

/** The lock that the key opens, at the version stored. Throws 404 for another partner's. */
async function lockFor(
  services: Services,
  { lockId, lockName, towerId, locker }: KeyBody,
  partnerId: string,
): Promise<{ lock: Lock; isChanged: boolean }> {
  const ref = { kind: 'lock', lockId } as const;
  const stored = (await services.entities.getMany([ref])).get(ref);
  if (stored === null) {
    if (towerId === undefined || locker === undefined)
      throw invalidField(
        towerId === undefined ? '/body/towerId' : '/body/locker',
        'is required for a lock that has no key yet',
      );
    seesTower({ kind: 'partner', partnerId }, await readTower(services, towerId));
    await readLocker(services, towerId, locker);
    const lock = { ...ref, partnerId, towerId, locker, name: lockName ?? lockId, version: 0 };
    return { lock, isChanged: true };
  }
  if (stored.partnerId !== partnerId) throw notFound('There is no such lock.');
  if ((towerId ?? stored.towerId) !== stored.towerId || (locker ?? stored.locker) !== stored.locker)
    throw new Problem(409, 'lock_elsewhere', 'The lock is at another locker.');
  const name = lockName ?? stored.name;
  return { lock: { ...stored, name }, isChanged: name !== stored.name };
}

const list = defineOperation({
  operationId: 'listKeys',
  method: 'GET',
  path: '/v1/keys',
  tag,
  summary: 'List keys, revoked ones included',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(KeyViewSchema), description: 'A page of keys.' },
  async handle({ entities }, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `key#${partnerId}`;
    const page = await entities.listByPartner('key', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, (key) => key) };
  },
});

const read = defineOperation({
  operationId: 'readKey',
  method: 'GET',
  path: '/v1/keys/{keyId}',
  tag,
  summary: 'Read a key',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: KeyViewSchema, description: 'The key.' },
  async handle(services, { params, caller }) {
    const key = await readKey(services, params.keyId, caller);
    return { body: key, version: key.version };
  },
});

async function readKey({ entities }: Services, keyId: string, caller: Caller): Promise<Key> {
  const ref = { kind: 'key', keyId } as const;
  return visibleTo(caller, (await entities.getMany([ref])).get(ref), 'key');
}

const revoke = defineOperation({
  operationId: 'revokeKey',
  method: 'DELETE',
  path: '/v1/keys/{keyId}',
  tag,
  summary: 'Revoke a key',
  description:
    'It stays listed, with the time. What it still opened at a tower that was offline is told as it happened.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  problems: [409],
  response: { status: 204, schema: null, description: 'It is revoked, or was before.' },
  async handle(services, { params, caller }) {
    const key = await readKey(services, params.keyId, caller);
    if (key.revokedAt !== undefined) return { body: null };
    if (!(await services.entities.replace({ ...key, revokedAt: services.now() }))) throw contended();
    return { body: null };
  },
});

export const keyOperations: Operation[] = [create, list, read, revoke];
