import * as z from 'zod';
import { EndpointTestBodySchema } from '../../../schemas/endpoint-request.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { sampleEvent } from '../../domain/sample-event.ts';
import { deliveryId } from '../../shared/keys.ts';
import { assertEnabled, readEndpoint } from '../endpoint-access.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { contended, Problem } from '../problem.ts';

const test = defineOperation({
  operationId: 'testEndpoint',
  method: 'POST',
  path: '/v1/endpoints/{endpointId}/test',
  tag: 'Endpoints',
  summary: 'Send a sample of an event',
  description:
    'It takes the way of every event, retries included, to this endpoint only and whatever its filter. The request ' +
    'has the header `towercast-test: true`. 422 when the contract has no way to say an event of this type, 409 when the endpoint is disabled.',
  access: 'any',
  params: z.strictObject({ endpointId: NameSchema }),
  query: z.strictObject({ partnerId: NameSchema.optional() }),
  body: EndpointTestBodySchema,
  creates: true,
  problems: [409, 422],
  response: {
    status: 202,
    schema: z.object({ eventId: z.string(), deliveryId: z.string() }),
    description: 'The sample is on its way. The delivery can be read once its first attempt has ended.',
  },
  examples: { body: { type: 'reservation.stocked' } },
  async handle(services, { params, query, body, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    assertEnabled(endpoint);
    const event = sampleEvent({ endpoint, type: body.type, sampleId: services.newId(), now: services.now() });
    if (event === null)
      throw new Problem(
        422,
        'contract_cannot_say',
        `The contract "${endpoint.contract}" has no way to say ${body.type}. GET /v1/event-types lists what each can say.`,
      );
    const { endpointId } = endpoint;
    const reply = {
      body: { eventId: event.id, deliveryId: deliveryId(endpointId, event.receivedAt, event.id) },
    };
    const outcome = await services.commit({ changes: [], events: [event], reply });
    if (outcome.kind === 'rejected') throw contended();
    return reply;
  },
});

export const endpointTestOperations: Operation[] = [test];
