import * as z from 'zod';
import { NewQueueSchema, QueueChangesSchema, QueueResourceSchema } from '../../../schemas/api/position.ts';
import type { Queue } from '../../../schemas/position.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { assertPartner } from '../endpoint-access.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, invalidField, Problem } from '../problem.ts';
import type { Services } from '../services.ts';

const tag = 'Queues';
const params = z.strictObject({ queueId: NameSchema });

const create = defineOperation({
  operationId: 'createQueue',
  method: 'POST',
  path: '/v1/queues',
  tag,
  summary: 'Create a queue',
  description: 'Kiosks of the towers that it names may take people into it and check them in.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: NewQueueSchema,
  response: { status: 201, schema: QueueResourceSchema, description: 'The queue.' },
  creates: true,
  problems: [409],
  examples: {
    body: { organization: 'acme-stores', location: 'Main Street', towerIds: ['0000000000000001'] },
  },
  async handle(services, { body, caller }) {
    const { partnerId: wanted, queueId = services.newId(), ...fields } = body;
    const partnerId = ownerFor(caller, wanted);
    if (caller.kind === 'operator') await assertPartner(services, partnerId);
    await assertTowers(services, fields.towerIds, partnerId);
    const queue: Queue = { kind: 'queue', queueId, partnerId, ...fields, version: 0 };
    const reply = { body: queue, version: 1, headers: { location: `/v1/queues/${queueId}` } };
    const outcome = await services.commit({ changes: [queue], events: [], reply });
    if (outcome.kind === 'committed') return reply;
    const ref = { kind: 'queue', queueId } as const;
    if ((await services.entities.getMany([ref])).get(ref) === null) throw contended();
    // Whose it is nobody learns: ids are of one namespace, as towers know them.
    throw new Problem(409, 'already_exists', `The id ${queueId} is taken. Leave it out to get one.`);
  },
});

const list = defineOperation({
  operationId: 'listQueues',
  method: 'GET',
  path: '/v1/queues',
  tag,
  summary: 'List queues',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(QueueResourceSchema), description: 'A page, by id.' },
  async handle({ entities }, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `queues ${partnerId}`;
    const page = await entities.listByPartner('queue', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, (queue) => queue) };
  },
});

const read = defineOperation({
  operationId: 'getQueue',
  method: 'GET',
  path: '/v1/queues/{queueId}',
  tag,
  summary: 'Read a queue',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: QueueResourceSchema, description: 'The queue.' },
  async handle(services, { params: { queueId }, caller }) {
    const queue = await readQueue(services, caller, queueId);
    return { body: queue, version: queue.version };
  },
});

const update = defineOperation({
  operationId: 'updateQueue',
  method: 'PATCH',
  path: '/v1/queues/{queueId}',
  tag,
  summary: 'Change a queue',
  description:
    '`towerIds` replaces the list. Positions keep the organization and location that they were created with.',
  access: 'any',
  params,
  query: nothing,
  body: QueueChangesSchema,
  response: { status: 200, schema: QueueResourceSchema, description: 'The queue as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { towerIds: ['0000000000000001', '0000000000000002'] } },
  async handle(services, { params: { queueId }, body, caller, ifMatch }) {
    const before = await readQueue(services, caller, queueId);
    assertVersion(ifMatch, before.version);
    const { organization = before.organization, location = before.location } = body;
    const { towerIds = before.towerIds } = body;
    await assertTowers(services, towerIds, before.partnerId);
    const queue: Queue = { ...before, organization, location, towerIds };
    if (!(await services.entities.replace(queue))) throw contended();
    return { body: queue, version: queue.version + 1 };
  },
});

export async function readQueue({ entities }: Services, caller: Caller, queueId: string): Promise<Queue> {
  const ref = { kind: 'queue', queueId } as const;
  return visibleTo(caller, (await entities.getMany([ref])).get(ref), 'queue');
}

/** A kiosk writes into the queue: it must be of a tower that serves the partner. */
async function assertTowers(
  { entities }: Services,
  towerIds: readonly string[],
  partnerId: string,
): Promise<void> {
  const refs = towerIds.map((towerId) => ({ kind: 'tower', towerId }) as const);
  const known = await entities.getMany(refs);
  const wrong = refs.findIndex((ref) => !known.get(ref)?.partnerIds.includes(partnerId));
  if (wrong !== -1) throw invalidField(`/body/towerIds/${wrong}`, 'is no tower that serves this partner');
}

export const queueOperations: readonly Operation[] = [create, list, read, update];
