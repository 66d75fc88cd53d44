import * as z from 'zod';
import { RecoverSchema, RedriveResourceSchema } from '../../../schemas/api/redrive.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { readEndpoint } from '../endpoint-access.ts';
import { openRedrive } from '../open-redrive.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { show } from './redrives.ts';

const recover = defineOperation({
  operationId: 'recoverEndpoint',
  method: 'POST',
  path: '/v1/endpoints/{endpointId}/recover',
  tag: 'Endpoints',
  summary: 'Send again everything that is dead or held',
  description:
    'A redrive of the endpoint’s undelivered: see `POST /v1/redrives`. An endpoint that is disabled must be enabled first. ' +
    'While one runs, the same request in the same words gets that one.',
  access: 'any',
  params: z.strictObject({ endpointId: NameSchema }),
  query: z.strictObject({ partnerId: NameSchema.optional() }),
  body: RecoverSchema,
  creates: true,
  problems: [409, 429],
  response: { status: 202, schema: RedriveResourceSchema, description: 'The redrive, which has begun.' },
  examples: { body: { since: '2026-03-20T00:00:00Z' } },
  async handle(services, { params, query, body, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    return openRedrive(services, endpoint, { source: 'undelivered', filter: {}, ...body }, show);
  },
});

export const endpointRecoverOperations: Operation[] = [recover];
