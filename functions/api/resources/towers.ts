import * as z from 'zod';
import {
  NewTowerSchema,
  TowerChangesSchema,
  TowerProgressResourceSchema,
  TowerResourceSchema,
} from '../../../schemas/api/tower.ts';
import type { Tower } from '../../../schemas/entity.ts';
import { TowerIdSchema } from '../../../schemas/primitives.ts';
import { gapsOf } from '../../domain/tower.ts';
import { everyone } from '../../shared/entity-item.ts';
import { entityKey } from '../../shared/keys.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, notFound, Problem } from '../problem.ts';
import type { Page, PageRequest, Services } from '../services.ts';
import { visiblePage } from '../visible-page.ts';
import { newLocker } from './lockers.ts';
import { readTower, seesTower } from './tower-access.ts';

const tag = 'Towers';
const params = z.strictObject({ towerId: TowerIdSchema });

const createTower = defineOperation({
  operationId: 'createTower',
  method: 'POST',
  path: '/v1/towers',
  tag,
  summary: 'Create a tower with its lockers',
  description: 'The tower’s id is the name of its IoT thing.',
  access: 'operator',
  params: nothing,
  query: nothing,
  body: NewTowerSchema,
  response: { status: 201, schema: TowerResourceSchema, description: 'The tower.' },
  creates: true,
  problems: [409],
  examples: { body: { towerId: '0000000000000001', partnerIds: ['acme'], lockers: [{ locker: 9 }] } },
  handle: async (services, { body: { towerId, partnerIds, lockers }, caller }) => {
    const tower: Tower = { kind: 'tower', towerId, partnerIds, version: 0 };
    const changes = [tower, ...lockers.map((locker) => newLocker(towerId, locker))];
    const reply = { body: show(tower, caller), version: 1 };
    const outcome = await services.commit({ changes, events: [], reply });
    if (outcome.kind === 'committed') return reply;
    if ((await readTower(services, towerId)) === null) throw contended();
    throw new Problem(409, 'already_exists', `There is a tower ${towerId} already.`);
  },
});

const listTowers = defineOperation({
  operationId: 'listTowers',
  method: 'GET',
  path: '/v1/towers',
  tag,
  summary: 'List towers',
  description: 'A partner sees the towers that it may use. A page may then have fewer rows than asked for.',
  access: 'any',
  params: nothing,
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(TowerResourceSchema), description: 'A page, by id.' },
  handle: async (services, { query, caller }) => {
    const page = await visibleTowers(services, caller, toPageRequest(query, 'towers'));
    return { body: toPageBody(page, 'towers', (tower) => show(tower, caller)) };
  },
});

const getTower = defineOperation({
  operationId: 'getTower',
  method: 'GET',
  path: '/v1/towers/{towerId}',
  tag,
  summary: 'Read a tower',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: TowerResourceSchema, description: 'The tower.' },
  handle: async (services, { params: { towerId }, caller }) => {
    const tower = seesTower(caller, await readTower(services, towerId));
    return { body: show(tower, caller), version: tower.version };
  },
});

const updateTower = defineOperation({
  operationId: 'updateTower',
  method: 'PATCH',
  path: '/v1/towers/{towerId}',
  tag,
  summary: 'Change who may use a tower',
  access: 'operator',
  params,
  query: nothing,
  body: TowerChangesSchema,
  response: { status: 200, schema: TowerResourceSchema, description: 'The tower as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { partnerIds: ['acme', 'other'] } },
  handle: async (services, { params: { towerId }, body, caller, ifMatch }) => {
    const before = seesTower(caller, await readTower(services, towerId));
    assertVersion(ifMatch, before.version);
    const tower: Tower = { ...before, partnerIds: body.partnerIds };
    if (!(await services.entities.replace(tower))) throw contended();
    return { body: show(tower, caller), version: tower.version + 1 };
  },
});

const getTowerProgress = defineOperation({
  operationId: 'getTowerProgress',
  method: 'GET',
  path: '/v1/towers/{towerId}/progress',
  tag,
  summary: 'See what is missing of a tower’s messages',
  description: 'One row for each boot of the tower.',
  access: 'operator',
  params,
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(TowerProgressResourceSchema), description: 'A page, by boot.' },
  handle: async (services, { params: { towerId }, query }) => {
    const tower = await readTower(services, towerId);
    if (tower === null) throw notFound('There is no such tower.');
    const list = `progress ${towerId}`;
    const { pk } = entityKey(tower);
    const page = await services.entities.listInPartition('progress', pk, toPageRequest(query, list));
    return { body: toPageBody(page, list, (progress) => ({ ...progress, missing: gapsOf(progress) })) };
  },
});

const show = ({ towerId, partnerIds }: Tower, caller: Caller) => ({
  towerId,
  partnerIds: caller.kind === 'partner' ? partnerIds.filter((id) => id === caller.partnerId) : partnerIds,
});

const visibleTowers = async (
  { entities }: Services,
  caller: Caller,
  page: PageRequest,
): Promise<Page<Tower>> => {
  const read = async (request: PageRequest) => entities.listByPartner('tower', everyone, request);
  if (caller.kind !== 'partner') return read(page);
  const isVisible = ({ partnerIds }: Tower) => partnerIds.includes(caller.partnerId);
  return visiblePage({ read, isVisible, keyOf: ({ towerId }) => towerId }, page);
};

export const towerOperations: readonly Operation[] = [
  createTower,
  listTowers,
  getTower,
  updateTower,
  getTowerProgress,
];
