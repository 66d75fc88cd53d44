import * as z from 'zod';
import {
  NewPositionSchema,
  PositionResourceSchema,
  type NewPositionBody,
} from '../../../schemas/api/position.ts';
import { compareInstants } from '../../../schemas/instant.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { createPosition } from '../../domain/position.ts';
import { listingPart } from '../../shared/entity-item.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, invalidField } from '../problem.ts';
import { readTimestamp } from '../timestamp.ts';
import { positionActionOperations, readPosition } from './position-actions.ts';
import { readQueue } from './queues.ts';

const tag = 'Positions';

const create = defineOperation({
  operationId: 'createPosition',
  method: 'POST',
  path: '/v1/positions',
  tag,
  summary: 'Take somebody into a queue, now or at a time slot',
  description:
    'A walk-in or manual ticket waits from now on: `positionCreated`. A booking is confirmed (`bookingConfirmation`) and ' +
    'waits for its time slot, when it is activated by itself (`bookingActivated`).',
  access: 'any',
  params: nothing,
  query: nothing,
  body: NewPositionSchema,
  response: { status: 201, schema: PositionResourceSchema, description: 'The position.' },
  creates: true,
  problems: [409],
  examples: { body: { queue: 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d', type: 'walkIn', label: 'A2' } },
  async handle(services, { body, caller }) {
    const queue = await readQueue(services, caller, body.queue);
    const fields = { ...newPosition(body), positionId: services.newId() };
    const created = createPosition(fields, queue, { by: 'api', now: services.now() });
    if (created.kind !== 'decided') throw new TypeError('a creation is not refused');
    const headers = { location: `/v1/positions/${fields.positionId}` };
    const reply = { body: created.position, version: 1, headers };
    const outcome = await services.commit({ ...created, reply });
    if (outcome.kind !== 'committed') throw contended();
    return reply;
  },
});

function newPosition(body: NewPositionBody) {
  const { queue: _, booking, bookingReminderAt, ...fields } = body;
  if (body.type !== 'booking') {
    if (booking !== undefined) throw invalidField('/body/booking', 'is for the type "booking" only');
    if (bookingReminderAt !== undefined)
      throw invalidField('/body/bookingReminderAt', 'is for the type "booking" only');
    return fields;
  }
  if (booking === undefined) throw invalidField('/body/booking', 'is required by the type "booking"');
  const start = readTimestamp(booking.start, '/body/booking/start');
  const end = readTimestamp(booking.end, '/body/booking/end');
  if (compareInstants(end, start) <= 0) throw invalidField('/body/booking/end', 'must be after the start');
  return {
    ...fields,
    booking: { start, end },
    ...(bookingReminderAt !== undefined && {
      bookingReminderAt: readTimestamp(bookingReminderAt, '/body/bookingReminderAt'),
    }),
  };
}

const list = defineOperation({
  operationId: 'listPositions',
  method: 'GET',
  path: '/v1/positions',
  tag,
  summary: 'List the positions of a queue',
  description: 'Those that are over, too.',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, queue: NameSchema }),
  body: null,
  response: { status: 200, schema: pageOf(PositionResourceSchema), description: 'A page, by id.' },
  async handle(services, { query, caller }) {
    const { partnerId, queueId } = await readQueue(services, caller, query.queue);
    const under = listingPart(partnerId, queueId);
    const name = `positions ${under}`;
    const page = await services.entities.listByPartner('position', under, toPageRequest(query, name));
    return { body: toPageBody(page, name, (position) => position) };
  },
});

const read = defineOperation({
  operationId: 'getPosition',
  method: 'GET',
  path: '/v1/positions/{positionId}',
  tag,
  summary: 'Read a position',
  access: 'any',
  params: z.strictObject({ positionId: NameSchema }),
  query: nothing,
  body: null,
  response: { status: 200, schema: PositionResourceSchema, description: 'The position.' },
  async handle(services, { params: { positionId }, caller }) {
    const position = await readPosition(services, caller, positionId);
    return { body: position, version: position.version };
  },
});

export const positionOperations: readonly Operation[] = [create, list, read, ...positionActionOperations];
