import * as z from 'zod';
import { readDocument } from '../../cli/document.ts';
import { nothing, type Operation } from '../../functions/api/operation.ts';
import { buildOpenApi } from '../../schemas/documents/openapi.ts';

const EndpointSchema = z.object({ endpointId: z.string(), url: z.string(), active: z.boolean() });

const define = (spec: Partial<Operation> & { operationId: string }): Operation => ({
  method: 'GET',
  path: '/v1/endpoints',
  tag: 'Endpoints',
  summary: `What ${spec.operationId} does`,
  access: 'any',
  params: nothing,
  query: nothing,
  body: null,
  response: { status: 200, schema: EndpointSchema, description: 'Done.' },
  prepare: () => () => Promise.reject(new Error('is never called')),
  ...spec,
});

const item = { path: '/v1/endpoints/{endpointId}', params: z.strictObject({ endpointId: z.string() }) };

/** A small API as the generator documents it: whatever the real one grows into, these tests stay. */
export const sampleDocument = readDocument(
  JSON.stringify(
    buildOpenApi(
      [
        define({
          operationId: 'listEndpoints',
          query: z.strictObject({
            limit: z.coerce.number().int().optional(),
            partnerId: z.string().optional(),
          }),
          response: {
            status: 200,
            schema: z.object({ items: z.array(EndpointSchema), nextCursor: z.string().nullable() }),
            description: 'A page.',
          },
        }),
        define({
          operationId: 'createEndpoint',
          method: 'POST',
          creates: true,
          body: z.strictObject({
            url: z.url({ protocol: /^https$/ }).describe('Where to'),
            contract: z.enum(['standard', 'locker-open']).optional(),
            locker: z.int().min(1).optional(),
            active: z.boolean().optional(),
            towerIds: z.array(z.string()).optional(),
            filter: z.strictObject({ types: z.array(z.string().max(9)) }).optional(),
          }),
          examples: {
            body: { url: 'https://partner.example/it’s', towerIds: ['t1', 't2'], filter: { types: ['a'] } },
          },
        }),
        define({ operationId: 'getEndpoint', ...item }),
        define({ operationId: 'getEndpointHealth', ...item, path: `${item.path}/health` }),
        define({
          operationId: 'updateEndpoint',
          method: 'PATCH',
          ...item,
          body: z.strictObject({ url: z.string().optional(), note: z.string().nullable().optional() }),
        }),
        define({
          operationId: 'rotateEndpointSecret',
          method: 'POST',
          ...item,
          path: `${item.path}/rotate`,
        }),
        define({
          operationId: 'deleteEndpoint',
          method: 'DELETE',
          ...item,
          response: { status: 204, schema: null, description: 'Gone.' },
        }),
        define({
          operationId: 'getPage',
          path: '/o/{link}',
          params: z.strictObject({ link: z.string() }),
          tag: 'Locker page',
          access: 'public',
          response: { status: 200, schema: z.string(), description: 'A page.', contentType: 'text/html' },
        }),
        define({
          operationId: 'listDeliveries',
          path: '/v1/endpoints/{endpointId}/deliveries',
          params: item.params,
          tag: 'Deliveries',
        }),
        define({
          operationId: 'getDelivery',
          path: '/v1/deliveries/{deliveryId}',
          params: z.strictObject({ deliveryId: z.string() }),
          tag: 'Deliveries',
        }),
      ],
      '1.2.3',
    ),
  ),
);
