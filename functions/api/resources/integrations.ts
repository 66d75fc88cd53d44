import * as z from 'zod';
import {
  CreatedIntegrationSchema,
  IntegrationChangesSchema,
  IntegrationResourceSchema,
  NewIntegrationSchema,
} from '../../../schemas/api/booking.ts';
import { latestApiVersion } from '../../../schemas/booking.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { ownerFor } from '../caller.ts';
import { assertPartner, checkUrl, readEndpoint, storeEndpoint } from '../endpoint-access.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { newSigningKey } from '../signing-key.ts';

const tag = 'Integrations';
const params = z.strictObject({ integrationId: NameSchema });
const query = z.strictObject({ partnerId: NameSchema.optional() });
const deactivated = 'deactivated';

const create = defineOperation({
  operationId: 'createIntegration',
  method: 'POST',
  path: '/v1/integrations',
  tag,
  summary: 'Add a webhook integration to a department',
  description:
    'It gets a message pointer for each booking that is added, edited or deleted in its department, once it is active. ' +
    'The secret that signs the requests is in this answer only. An integration is never deleted.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: NewIntegrationSchema,
  response: {
    status: 201,
    schema: CreatedIntegrationSchema,
    description: 'The integration, and its secret.',
  },
  creates: true,
  problems: [409],
  examples: {
    body: {
      departmentId: 'escape-rooms-north',
      name: 'Our calendar',
      url: 'https://partner.example/lockme',
      active: true,
    },
  },
  async handle(services, { body, caller }) {
    const { partnerId: wanted, departmentId, name, apiVersion, active, secret } = body;
    const partnerId = ownerFor(caller, wanted);
    const { url, auth } = checkUrl(services, body.url);
    if (caller.kind === 'operator') await assertPartner(services, partnerId);
    const { key, shown } = newSigningKey(services, { secret });
    const owner = { partnerId, endpointId: services.newId() };
    const secrets = { signingKeys: [{ key, notAfter: null }], auth: auth ?? { type: 'none' as const } };
    const endpoint: Endpoint = {
      kind: 'endpoint',
      ...owner,
      url,
      contract: 'message-pointer',
      method: 'POST',
      detail: 'full',
      filter: {},
      ...statusOf(active),
      integration: { name, departmentId, apiVersion },
      secrets: await services.secrets.seal(owner, secrets),
      version: 0,
    };
    const headers = { location: `/v1/integrations/${owner.endpointId}` };
    const reply = { body: { ...show(endpoint), secret: shown.secret }, version: 1, headers };
    const outcome = await services.commit({ changes: [endpoint], events: [], reply });
    if (outcome.kind !== 'committed') throw contended();
    return reply;
  },
});

const list = defineOperation({
  operationId: 'listIntegrations',
  method: 'GET',
  path: '/v1/integrations',
  tag,
  summary: 'List integrations',
  description: 'A page may be short, since other endpoints of the partner are left out.',
  access: 'any',
  params: nothing,
  query: z.strictObject({
    ...pageQuery,
    partnerId: NameSchema.optional(),
    departmentId: NameSchema.optional(),
  }),
  body: null,
  response: { status: 200, schema: pageOf(IntegrationResourceSchema), description: 'A page, by id.' },
  async handle({ entities }, { query: { departmentId, ...page }, caller }) {
    const partnerId = ownerFor(caller, page.partnerId, '/query/partnerId');
    const name = `integrations ${partnerId}`;
    const { items, next } = await entities.listByPartner('endpoint', partnerId, toPageRequest(page, name));
    const shown = items.filter(
      ({ integration }) =>
        integration !== undefined && (departmentId ?? integration.departmentId) === integration.departmentId,
    );
    return { body: toPageBody({ items: shown, next }, name, show) };
  },
});

const read = defineOperation({
  operationId: 'getIntegration',
  method: 'GET',
  path: '/v1/integrations/{integrationId}',
  tag,
  summary: 'Read an integration',
  access: 'any',
  params,
  query,
  body: null,
  response: { status: 200, schema: IntegrationResourceSchema, description: 'The integration.' },
  async handle(services, { params: { integrationId }, query: { partnerId }, caller }) {
    const endpoint = await readIntegration(services, caller, integrationId, partnerId);
    return { body: show(endpoint), version: endpoint.version };
  },
});

const update = defineOperation({
  operationId: 'updateIntegration',
  method: 'PATCH',
  path: '/v1/integrations/{integrationId}',
  tag,
  summary: 'Change, activate or deactivate an integration',
  description:
    'It takes effect within seconds. What an inactive integration misses is recorded as held, and not sent by itself ' +
    'when it is activated.',
  access: 'any',
  params,
  query,
  body: IntegrationChangesSchema,
  response: { status: 200, schema: IntegrationResourceSchema, description: 'The integration as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { active: false } },
  async handle(services, { params: { integrationId }, query: { partnerId }, body, caller, ifMatch }) {
    const before = await readIntegration(services, caller, integrationId, partnerId);
    assertVersion(ifMatch, before.version);
    const { disabledReason, ...rest } = before;
    const { active, name, apiVersion } = body;
    const status =
      active === undefined
        ? { status: before.status, ...(disabledReason !== undefined && { disabledReason }) }
        : statusOf(active);
    const { integration } = before;
    const changed = await storeEndpoint(services, before, {
      ...rest,
      ...(await targetOf(services, before, body.url)),
      ...status,
      integration: {
        departmentId: integration.departmentId,
        name: name ?? integration.name,
        apiVersion: apiVersion ?? integration.apiVersion,
      },
    });
    return { body: show(changed), version: changed.version };
  },
});

const remove = defineOperation({
  operationId: 'deleteIntegration',
  method: 'DELETE',
  path: '/v1/integrations/{integrationId}',
  tag,
  summary: 'Refused: an integration is deactivated instead',
  access: 'any',
  params,
  query,
  body: null,
  response: { status: 204, schema: null, description: 'Never.' },
  alwaysRefuses: true,
  problems: [405],
  async handle(services, { params: { integrationId }, query: { partnerId }, caller }) {
    await readIntegration(services, caller, integrationId, partnerId);
    throw new Problem(
      405,
      'integration_stays',
      'An integration is never deleted. Deactivate it: PATCH with {"active":false}.',
      { headers: { allow: 'GET, PATCH' } },
    );
  },
});

type Integration = Endpoint & { integration: NonNullable<Endpoint['integration']> };

async function readIntegration(
  services: Services,
  caller: Caller,
  endpointId: string,
  partnerId: string | undefined,
): Promise<Integration> {
  const endpoint = await readEndpoint(services, caller, { endpointId, partnerId });
  if (!isIntegration(endpoint)) throw notFound('There is no such integration.');
  return endpoint;
}

const isIntegration = (endpoint: Endpoint): endpoint is Integration => endpoint.integration !== undefined;

const statusOf = (active: boolean): Pick<Endpoint, 'status' | 'disabledReason'> =>
  active ? { status: 'active' } : { status: 'disabled', disabledReason: deactivated };

/** A new URL brings its own credentials, or none. */
async function targetOf(
  services: Services,
  before: Endpoint,
  text: string | undefined,
): Promise<Pick<Endpoint, 'url' | 'secrets'>> {
  if (text === undefined) return { url: before.url, secrets: before.secrets };
  const { url, auth } = checkUrl(services, text);
  const secrets = { ...(await services.secrets.open(before)), auth: auth ?? { type: 'none' as const } };
  return { url, secrets: await services.secrets.seal(before, secrets) };
}

const show = ({ endpointId, partnerId, url, status, integration }: Endpoint) => ({
  integrationId: endpointId,
  partnerId,
  departmentId: integration?.departmentId ?? '',
  name: integration?.name ?? '',
  url,
  active: status === 'active',
  apiVersion: integration?.apiVersion ?? latestApiVersion,
});

export const integrationOperations: readonly Operation[] = [create, list, read, update, remove];
