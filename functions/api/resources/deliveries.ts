import * as z from 'zod';
import { DeliveryResourceSchema, RetriedDeliverySchema } from '../../../schemas/api/delivery.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { addMs } from '../../../schemas/instant.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { meaningOf2xx } from '../../../schemas/proof.ts';
import { maxAttemptsBeforeReplay } from '../../domain/redrive.ts';
import { deliveryRecordKey } from '../../shared/delivery-item.ts';
import { retriedRecord } from '../../shared/delivery-retry.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { assertEnabled } from '../endpoint-access.ts';
import { locationOf, openRedrive } from '../open-redrive.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, Problem } from '../problem.ts';
import type { PageRequest, Services } from '../services.ts';
import { visiblePage } from '../visible-page.ts';

const tag = 'Deliveries';
const undeliveredStatuses = ['dead', 'held'] as const;

const listDeliveries = defineOperation({
  operationId: 'listDeliveries',
  method: 'GET',
  path: '/v1/endpoints/{endpointId}/deliveries',
  tag,
  summary: 'List the deliveries of an endpoint',
  description:
    'Of one day, newest first. A delivery shows here when its first attempt has ended. With `status`: what is dead or held, of all days that are kept.',
  access: 'any',
  params: z.strictObject({ endpointId: NameSchema }),
  query: z.strictObject({
    ...pageQuery,
    day: z.iso.date().optional().meta({
      description:
        'In UTC, by when Towercast learned of the event. Default: today, and with `status` every day that is kept.',
    }),
    status: z.enum(undeliveredStatuses).optional().meta({
      description:
        'Only what is `dead` (given up) or `held` (its endpoint was disabled). A page may be short, or empty, before the last one.',
    }),
    /** Operators name the endpoint's partner. */
    partnerId: NameSchema.optional(),
  }),
  body: null,
  response: { status: 200, schema: pageOf(DeliveryResourceSchema), description: 'A page, newest first.' },
  handle: async (services, { params: { endpointId }, query, caller }) => {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const ref = { kind: 'endpoint', partnerId, endpointId } as const;
    visibleTo(caller, (await services.entities.getMany([ref])).get(ref), 'endpoint');
    const { list, ...rows } = listOf(services, { ...query, endpointId });
    const isOwn = (record: DeliveryRecord) => record.partnerId === partnerId;
    const page = await visiblePage(
      {
        read: rows.read,
        // An endpoint's id may have been another partner's before.
        mayBeKnown: isOwn,
        isVisible: (record) => isOwn(record) && rows.isWanted(record),
        keyOf: (record) => deliveryRecordKey(record).sk,
      },
      toPageRequest(query, list),
    );
    return { body: toPageBody(page, list, show) };
  },
});

interface DeliveryQuery {
  endpointId: string;
  day?: string | undefined;
  status?: (typeof undeliveredStatuses)[number] | undefined;
}

/** What is listed, and the name that binds cursors to it. The index of what is dead or held tells the two apart by their records only. */
function listOf({ deliveries, now }: Services, { endpointId, status, day }: DeliveryQuery) {
  if (status === undefined) {
    const oneDay = day ?? now().slice(0, 10);
    return {
      list: `deliveries ${endpointId} ${oneDay}`,
      read: async (page: PageRequest) => deliveries.listByDay(endpointId, oneDay, page),
      isWanted: () => true,
    };
  }
  return {
    list: `deliveries ${endpointId} ${status} ${day ?? 'of all days'}`,
    read: async (page: PageRequest) => deliveries.listUndelivered({ endpointId, day: day ?? null }, page),
    isWanted: (record: DeliveryRecord) => record.status === status,
  };
}

const getDelivery = defineOperation({
  operationId: 'getDelivery',
  method: 'GET',
  path: '/v1/deliveries/{deliveryId}',
  tag,
  summary: 'Read a delivery',
  description:
    'With its attempts, the oldest first: what was sent and answered, by whom, and how long each phase took. ' +
    meaningOf2xx,
  access: 'any',
  params: z.strictObject({ deliveryId: z.string().min(1).max(400) }),
  query: nothing,
  body: null,
  response: { status: 200, schema: DeliveryResourceSchema, description: 'The delivery with its attempts.' },
  handle: async ({ deliveries }, { params: { deliveryId }, caller }) => ({
    body: show(visibleTo(caller, await deliveries.get(deliveryId), 'delivery')),
  }),
});

const retryDelivery = defineOperation({
  operationId: 'retryDelivery',
  method: 'POST',
  path: '/v1/deliveries/{deliveryId}/retry',
  tag,
  summary: 'Send a delivery again',
  description:
    'One that is dead, held, or delivered already. It goes out within a minute, with the header `towercast-replay: true` and ' +
    'a schedule of its own; at an endpoint that asks for order as a redrive of its own. A message pointer is sent also when its message was read. Asking twice sends it once. 409 while another attempt is coming anyway, while the endpoint ' +
    'is disabled, and, at an endpoint that asks for order, of a `sequence.skipped`.',
  access: 'any',
  params: z.strictObject({ deliveryId: z.string().min(1).max(400) }),
  query: nothing,
  body: null,
  toleratesEmptyObject: true,
  creates: true,
  problems: [409, 429],
  response: {
    status: 202,
    schema: RetriedDeliverySchema,
    description: 'The delivery, which will be sent; `location` is that of the redrive, if it takes one.',
  },
  handle: async (services, { params: { deliveryId }, caller }) => {
    const record = visibleTo(caller, await services.deliveries.get(deliveryId), 'delivery');
    const { partnerId, endpointId } = record;
    const ref = { kind: 'endpoint', partnerId, endpointId } as const;
    const endpoint = (await services.entities.getMany([ref])).get(ref);
    if (endpoint === null) throw new Problem(409, 'endpoint_gone', 'Its endpoint no longer exists.');
    assertEnabled(endpoint);
    if (record.status === 'pending' && record.replay !== null) return { body: show(record) };
    if (record.status === 'pending')
      throw new Problem(409, 'delivery_pending', 'Another attempt at it is coming anyway.');
    if (record.attempts.length >= maxAttemptsBeforeReplay)
      throw new Problem(409, 'too_many_attempts', 'It was attempted too often. Read the event instead.');
    if (endpoint.ordered === true) return retryInOrder(services, endpoint, record);
    const now = services.now();
    const reply = { body: show(retriedRecord(record, now)) };
    if (!(await services.deliveryRetry.retry({ seen: record, now, reply }))) throw contended();
    return reply;
  },
});

/**
 * A delivery in a lane has had its turn: it gets another one as a redrive of this event alone. Throws 409 for what a lane
 * says by itself, of a number that it has passed.
 */
async function retryInOrder(services: Services, endpoint: Endpoint, record: DeliveryRecord) {
  if (record.event.type === 'sequence.skipped')
    throw new Problem(
      409,
      'not_repeatable',
      'It told of a number that its lane has passed. Retry what was skipped.',
    );
  return openRedrive(
    services,
    endpoint,
    {
      source: record.status === 'delivered' ? 'events' : 'undelivered',
      since: record.event.receivedAt,
      until: addMs(record.event.receivedAt, 1),
      filter: {},
      eventId: record.event.id,
    },
    ({ redriveId }) => ({ body: { ...show(record), redriveId }, headers: locationOf(redriveId) }),
  );
}

const show = ({ event, dueAt, ...record }: DeliveryRecord) => ({
  ...record,
  eventId: event.id,
  eventType: event.type,
  receivedAt: event.receivedAt,
  nextAttemptAt: dueAt,
});

export const deliveryOperations: readonly Operation[] = [listDeliveries, getDelivery, retryDelivery];
