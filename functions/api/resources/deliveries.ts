import * as z from 'zod';
import { DeliveryResourceSchema } from '../../../schemas/api/delivery.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { deliveryRecordKey } from '../../shared/delivery-item.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { visiblePage } from '../visible-page.ts';

const tag = 'Deliveries';

const listDeliveries = defineOperation({
  operationId: 'listDeliveries',
  method: 'GET',
  path: '/v1/endpoints/{endpointId}/deliveries',
  tag,
  summary: 'List the deliveries of an endpoint',
  description: 'Of one day, newest first. A delivery shows here when its first attempt has ended.',
  access: 'any',
  params: z.strictObject({ endpointId: NameSchema }),
  query: z.strictObject({
    ...pageQuery,
    /** In UTC, by when Towercast learned of the event. Default: today. */
    day: z.iso.date().optional(),
    /** Operators name the endpoint's partner. */
    partnerId: NameSchema.optional(),
  }),
  body: null,
  response: { status: 200, schema: pageOf(DeliveryResourceSchema), description: 'A page, newest first.' },
  handle: async (services, { params: { endpointId }, query, caller }) => {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const ref = { kind: 'endpoint', partnerId, endpointId } as const;
    visibleTo(caller, (await services.entities.getMany([ref])).get(ref), 'endpoint');
    const day = query.day ?? services.now().slice(0, 10);
    const list = `deliveries ${endpointId} ${day}`;
    const page = await visiblePage(
      {
        read: async (request) => services.deliveries.listByDay(endpointId, day, request),
        // An endpoint's id may have been another partner's before.
        isVisible: (record) => record.partnerId === partnerId,
        keyOf: (record) => deliveryRecordKey(record).sk,
      },
      toPageRequest(query, list),
    );
    return { body: toPageBody(page, list, show) };
  },
});

const getDelivery = defineOperation({
  operationId: 'getDelivery',
  method: 'GET',
  path: '/v1/deliveries/{deliveryId}',
  tag,
  summary: 'Read a delivery',
  access: 'any',
  params: z.strictObject({ deliveryId: z.string().min(1).max(400) }),
  query: nothing,
  body: null,
  response: { status: 200, schema: DeliveryResourceSchema, description: 'The delivery with its attempts.' },
  handle: async ({ deliveries }, { params: { deliveryId }, caller }) => ({
    body: show(visibleTo(caller, await deliveries.get(deliveryId), 'delivery')),
  }),
});

const show = ({ event, dueAt, ...record }: DeliveryRecord) => ({
  ...record,
  eventId: event.id,
  eventType: event.type,
  receivedAt: event.receivedAt,
  nextAttemptAt: dueAt,
});

export const deliveryOperations: readonly Operation[] = [listDeliveries, getDelivery];
