import * as z from 'zod';
import { LockerChangesSchema, LockerResourceSchema, NewLockerSchema } from '../../../schemas/api/tower.ts';
import type { Locker } from '../../../schemas/entity.ts';
import { unitIdOf } from '../../../schemas/network.ts';
import { LockerNumberSchema, TowerIdSchema } from '../../../schemas/primitives.ts';
import { entityKey } from '../../shared/keys.ts';
import { mayKnow } from '../caller.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { readTower, seesTower } from './tower-access.ts';

const tag = 'Towers';
const ofTower = z.strictObject({ towerId: TowerIdSchema });
const ofLocker = z.strictObject({
  towerId: TowerIdSchema,
  locker: z.coerce.number().pipe(LockerNumberSchema),
});

const createLocker = defineOperation({
  operationId: 'createLocker',
  method: 'POST',
  path: '/v1/towers/{towerId}/lockers',
  tag,
  summary: 'Add a locker to a tower',
  access: 'operator',
  params: ofTower,
  query: nothing,
  body: NewLockerSchema,
  response: { status: 201, schema: LockerResourceSchema, description: 'The locker.' },
  creates: true,
  problems: [409],
  examples: { body: { locker: 10, unitId: 'UNIT-10' } },
  handle: async (services, { params: { towerId }, body, caller }) => {
    seesTower(caller, await readTower(services, towerId));
    const locker = newLocker(towerId, body);
    const reply = { body: show(locker, caller), version: 1 };
    const outcome = await services.commit({ changes: [locker], events: [], reply });
    if (outcome.kind === 'committed') return reply;
    const ref = { kind: 'locker', towerId, locker: body.locker } as const;
    if ((await services.entities.getMany([ref])).get(ref) === null) throw contended();
    throw new Problem(409, 'already_exists', `The tower has a locker ${body.locker} already.`);
  },
});

const listLockers = defineOperation({
  operationId: 'listLockers',
  method: 'GET',
  path: '/v1/towers/{towerId}/lockers',
  tag,
  summary: 'List the lockers of a tower',
  access: 'any',
  params: ofTower,
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(LockerResourceSchema), description: 'A page, by number.' },
  handle: async (services, { params: { towerId }, query, caller }) => {
    const tower = seesTower(caller, await readTower(services, towerId));
    const list = `lockers ${towerId}`;
    const { pk } = entityKey(tower);
    const page = await services.entities.listInPartition('locker', pk, toPageRequest(query, list));
    return { body: toPageBody(page, list, (locker) => show(locker, caller)) };
  },
});

const getLocker = defineOperation({
  operationId: 'getLocker',
  method: 'GET',
  path: '/v1/towers/{towerId}/lockers/{locker}',
  tag,
  summary: 'Read a locker',
  access: 'any',
  params: ofLocker,
  query: nothing,
  body: null,
  response: { status: 200, schema: LockerResourceSchema, description: 'The locker.' },
  handle: async (services, { params, caller }) => {
    const locker = await readLocker(services, caller, params);
    return { body: show(locker, caller), version: locker.version };
  },
});

const updateLocker = defineOperation({
  operationId: 'updateLocker',
  method: 'PATCH',
  path: '/v1/towers/{towerId}/lockers/{locker}',
  tag,
  summary: 'Change what a locker is called',
  access: 'operator',
  params: ofLocker,
  query: nothing,
  body: LockerChangesSchema,
  response: { status: 200, schema: LockerResourceSchema, description: 'The locker as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { unitId: 'UNIT-10' } },
  handle: async (services, { params, body, caller, ifMatch }) => {
    const before = await readLocker(services, caller, params);
    assertVersion(ifMatch, before.version);
    const locker: Locker = { ...before, unitId: body.unitId };
    if (!(await services.entities.replace(locker))) throw contended();
    return { body: show(locker, caller), version: locker.version + 1 };
  },
});

export const newLocker = (towerId: string, given: z.output<typeof NewLockerSchema>): Locker => ({
  kind: 'locker',
  towerId,
  locker: given.locker,
  unitId: given.unitId ?? unitIdOf(towerId, given.locker),
  status: 'available',
  statusFrom: null,
  holderId: null,
  holderSince: null,
  previousHolder: null,
  version: 0,
});

async function readLocker(
  services: Services,
  caller: Caller,
  { towerId, locker }: z.output<typeof ofLocker>,
): Promise<Locker> {
  seesTower(caller, await readTower(services, towerId));
  const ref = { kind: 'locker', towerId, locker } as const;
  const found = (await services.entities.getMany([ref])).get(ref);
  if (found === null) throw notFound('The tower has no such locker.');
  return found;
}

/** Who else holds a locker is nobody's business. */
const show = (locker: Locker, caller: Caller) => ({
  ...locker,
  holderId: locker.holderId !== null && mayKnow(caller, locker.holderId) ? locker.holderId : null,
});

export const lockerOperations: readonly Operation[] = [createLocker, listLockers, getLocker, updateLocker];
