import * as z from 'zod';
import { EndpointHealthViewSchema } from '../../../schemas/endpoint-health.ts';
import { instantToMs } from '../../../schemas/instant.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { healthyEndpoint } from '../../domain/endpoint-health.ts';
import { stateOf } from '../../domain/endpoint-state.ts';
import { readEndpoint } from '../endpoint-access.ts';
import { defineOperation, type Operation } from '../operation.ts';

/** As far as a backlog is counted. */
const maxCounted = 1_000;

const read = defineOperation({
  operationId: 'readEndpointHealth',
  method: 'GET',
  path: '/v1/endpoints/{endpointId}/health',
  tag: 'Endpoints',
  summary: 'Read how an endpoint takes its requests',
  description:
    'After several failures in a row an endpoint gets one request at a time, further and further apart, until one ' +
    'succeeds. What happens meanwhile is parked, and sent then: what is new at once, the rest at a limited rate.',
  access: 'any',
  params: z.strictObject({ endpointId: NameSchema }),
  query: z.strictObject({ partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: EndpointHealthViewSchema, description: 'What is known of its health.' },
  async handle(services, { params, query, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    const nowMs = instantToMs(services.now());
    const [known, parked] = await Promise.all([
      services.health.get(endpoint),
      services.countBacklog(endpoint.endpointId, maxCounted),
    ]);
    const health = known ?? healthyEndpoint(endpoint);
    return {
      body: {
        endpointId: endpoint.endpointId,
        state: stateOf(endpoint, known, nowMs),
        failures: health.failures,
        failingSince: health.failingSince,
        lastFailureAt: health.lastFailureAt,
        lastReason: health.lastReason,
        nextProbeAt: health.openUntil,
        slowUntil: health.slowUntil,
        backlog: { parked, isMore: parked >= maxCounted },
        limits: endpoint.limits ?? {},
      },
    };
  },
});

export const endpointHealthOperations: Operation[] = [read];
