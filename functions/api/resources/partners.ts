import * as z from 'zod';
import {
  NewPartnerSchema,
  PartnerChangesSchema,
  PartnerResourceSchema,
} from '../../../schemas/api/partner.ts';
import type { Client, Partner } from '../../../schemas/entity.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { everyone } from '../../shared/entity-item.ts';
import { visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, Problem } from '../problem.ts';
import type { Services } from '../services.ts';

const tag = 'Partners';
const params = z.strictObject({ partnerId: NameSchema });

const createPartner = defineOperation({
  operationId: 'createPartner',
  method: 'POST',
  path: '/v1/partners',
  tag,
  summary: 'Create a partner',
  description:
    'Its clients may sign in at once: tokens of these client ids with the partner scope act as this partner.',
  access: 'operator',
  params: nothing,
  query: nothing,
  body: NewPartnerSchema,
  response: { status: 201, schema: PartnerResourceSchema, description: 'The partner.' },
  creates: true,
  problems: [409],
  examples: { body: { partnerId: 'acme', name: 'Acme Parcels', clientIds: ['acme-backend'] } },
  handle: async (services, { body }) => {
    const partner: Partner = { kind: 'partner', ...body, version: 0 };
    const clients = await changeClients(services, partner.partnerId, [], body.clientIds);
    const reply = { body: partner, version: 1 };
    const outcome = await services.commit({ changes: [partner, ...clients], events: [], reply });
    if (outcome.kind === 'committed') return reply;
    if ((await readPartner(services, body.partnerId)) === null) throw contended();
    throw new Problem(409, 'already_exists', `There is a partner ${body.partnerId} already.`);
  },
});

const listPartners = defineOperation({
  operationId: 'listPartners',
  method: 'GET',
  path: '/v1/partners',
  tag,
  summary: 'List partners',
  access: 'operator',
  params: nothing,
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(PartnerResourceSchema), description: 'A page, by id.' },
  handle: async ({ entities }, { query }) => {
    const page = await entities.listByPartner('partner', everyone, toPageRequest(query, 'partners'));
    return { body: toPageBody(page, 'partners', (partner) => partner) };
  },
});

const getPartner = defineOperation({
  operationId: 'getPartner',
  method: 'GET',
  path: '/v1/partners/{partnerId}',
  tag,
  summary: 'Read a partner',
  description: 'A partner may read itself.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: PartnerResourceSchema, description: 'The partner.' },
  handle: async (services, { params: { partnerId }, caller }) => {
    const partner = visibleTo(caller, await readPartner(services, partnerId), 'partner');
    return { body: partner, version: partner.version };
  },
});

const updatePartner = defineOperation({
  operationId: 'updatePartner',
  method: 'PATCH',
  path: '/v1/partners/{partnerId}',
  tag,
  summary: 'Change a partner',
  description: '`clientIds` replaces the list: a client that is left out can no longer sign in.',
  access: 'operator',
  params,
  query: nothing,
  body: PartnerChangesSchema,
  response: { status: 200, schema: PartnerResourceSchema, description: 'The partner as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { active: false } },
  handle: async (services, { params: { partnerId }, body, caller, ifMatch }) => {
    const before = visibleTo(caller, await readPartner(services, partnerId), 'partner');
    assertVersion(ifMatch, before.version);
    const { name = before.name, active = before.active, clientIds = before.clientIds } = body;
    const partner: Partner = { ...before, name, active, clientIds };
    const clients = await changeClients(services, partnerId, before.clientIds, clientIds);
    const outcome = await services.commit({ changes: [partner, ...clients], events: [] });
    if (outcome.kind !== 'committed') throw contended();
    return { body: partner, version: partner.version + 1 };
  },
});

async function readPartner({ entities }: Services, partnerId: string): Promise<Partner | null> {
  const ref = { kind: 'partner', partnerId } as const;
  return (await entities.getMany([ref])).get(ref);
}

/** The `client` entities that change when a partner's list does. Throws 409 when a client is another partner's. */
async function changeClients(
  { entities }: Services,
  partnerId: string,
  before: readonly string[],
  after: readonly string[],
): Promise<Client[]> {
  const refs = [...new Set([...before, ...after])].map((clientId) => ({ kind: 'client', clientId }) as const);
  if (refs.length === 0) return [];
  const known = await entities.getMany(refs);
  return refs.flatMap((ref) => {
    const client = known.get(ref) ?? { ...ref, partnerId: null, version: 0 };
    const owner = after.includes(ref.clientId) ? partnerId : null;
    if (client.partnerId !== null && client.partnerId !== partnerId)
      throw new Problem(409, 'client_taken', `The client ${ref.clientId} belongs to another partner.`);
    return client.partnerId === owner ? [] : [{ ...client, partnerId: owner }];
  });
}

export const partnerOperations: readonly Operation[] = [
  createPartner,
  listPartners,
  getPartner,
  updatePartner,
];
