import * as z from 'zod';
import {
  EndpointBodySchema,
  EndpointChangesSchema,
  EndpointViewSchema,
  EndpointWithKeySchema,
  type EndpointChanges,
} from '../../../schemas/endpoint-request.ts';
import type { Endpoint, EndpointAuth } from '../../../schemas/endpoint.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { ownerFor } from '../caller.ts';
import {
  assertPartner,
  checkBareUrl,
  checkDetail,
  checkFilter,
  checkOperational,
  checkOrdered,
  checkSchedule,
  readEndpoint,
  removeEndpoint,
  storeEndpoint,
} from '../endpoint-access.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, invalidField, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { newSigningKey } from '../signing-key.ts';
import { endpointHealthOperations } from './endpoint-health.ts';
import { endpointKeyOperations } from './endpoint-keys.ts';
import { endpointTestOperations } from './endpoint-test.ts';

const tag = 'Endpoints';
const params = z.strictObject({ endpointId: NameSchema });
const query = z.strictObject({ partnerId: NameSchema.optional() });

const create = defineOperation({
  operationId: 'createEndpoint',
  method: 'POST',
  path: '/v1/endpoints',
  tag,
  summary: 'Register where webhooks go',
  description:
    'The signing key is made unless you give one. The secret, or the public key of `ed25519`, is in this answer; the ' +
    'secret is never shown again. Integrations of `message-pointer` are made at `/v1/integrations`.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: EndpointBodySchema,
  creates: true,
  response: { status: 201, schema: EndpointWithKeySchema, description: 'The endpoint, and its key.' },
  examples: { body: { url: 'https://partner.example/hooks', filter: { types: ['reservation.*'] } } },
  async handle(services, { body, caller }) {
    const { auth, signing, secret, partnerId: named, ...rest } = body;
    const { scheduleSeconds, limits, operational, ordered, ...config } = rest;
    const partnerId = ownerFor(caller, named);
    const url = checkBareUrl(services, config.url);
    checkFilter(config.filter);
    checkDetail(config);
    checkOperational({ ...config, operational });
    checkOrdered({ ...config, ordered, scheduleSeconds });
    checkSchedule(services, scheduleSeconds);
    if (config.contract === 'message-pointer')
      throw invalidField('/body/contract', 'is for integrations: POST /v1/integrations');
    if (caller.kind === 'operator') await assertPartner(services, partnerId);
    const key = newSigningKey(services, { signing, secret });
    const owner = { partnerId, endpointId: services.newId() };
    const endpoint: Endpoint = {
      kind: 'endpoint',
      ...owner,
      ...config,
      url,
      ...(scheduleSeconds !== undefined && { scheduleSeconds }),
      ...(ordered === true && { ordered }),
      ...(limits !== undefined && { limits }),
      ...(operational !== undefined && { operational }),
      status: 'active',
      secrets: await services.secrets.seal(owner, { signingKeys: [{ key: key.key, notAfter: null }], auth }),
      version: 0,
    };
    const reply = {
      body: { ...endpoint, version: 1, ...key.shown },
      version: 1,
      headers: { location: `/v1/endpoints/${endpoint.endpointId}` },
    };
    const outcome = await services.commit({ changes: [endpoint], events: [], reply });
    if (outcome.kind === 'rejected') throw contended();
    return reply;
  },
});

const list = defineOperation({
  operationId: 'listEndpoints',
  method: 'GET',
  path: '/v1/endpoints',
  tag,
  summary: 'List endpoints',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(EndpointViewSchema), description: 'A page of endpoints.' },
  async handle({ entities }, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `endpoint#${partnerId}`;
    const page = await entities.listByPartner('endpoint', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, (endpoint) => endpoint) };
  },
});

const read = defineOperation({
  operationId: 'readEndpoint',
  method: 'GET',
  path: '/v1/endpoints/{endpointId}',
  tag,
  summary: 'Read an endpoint',
  access: 'any',
  params,
  query,
  body: null,
  response: { status: 200, schema: EndpointViewSchema, description: 'The endpoint, without its secrets.' },
  async handle(services, { params, query, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    return { body: endpoint, version: endpoint.version };
  },
});

const change = defineOperation({
  operationId: 'changeEndpoint',
  method: 'PATCH',
  path: '/v1/endpoints/{endpointId}',
  tag,
  summary: 'Change an endpoint',
  description: 'It takes effect within seconds. Deliveries that wait go to where the endpoint is by then.',
  access: 'any',
  params,
  query,
  body: EndpointChangesSchema,
  problems: [409, 412, 428],
  response: { status: 200, schema: EndpointViewSchema, description: 'The endpoint as it is now.' },
  examples: { body: { status: 'disabled' } },
  async handle(services, { params, query, body, caller, ifMatch }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    assertVersion(ifMatch, endpoint.version);
    const changed = await storeEndpoint(services, endpoint, await changeEndpoint(services, endpoint, body));
    return { body: changed, version: changed.version };
  },
});

async function changeEndpoint(
  services: Services,
  endpoint: Endpoint,
  { url, auth, scheduleSeconds, status, ...changes }: EndpointChanges,
): Promise<Endpoint> {
  const { scheduleSeconds: before, limits: limitsBefore, disabledReason, ...rest } = endpoint;
  const schedule = scheduleSeconds === undefined ? before : (scheduleSeconds ?? undefined);
  const limits = changes.limits === undefined ? limitsBefore : (changes.limits ?? undefined);
  const next: Endpoint = {
    ...rest,
    method: changes.method ?? rest.method,
    detail: changes.detail ?? rest.detail,
    filter: changes.filter ?? rest.filter,
    ...(changes.operational !== undefined && { operational: changes.operational }),
    ...(changes.ordered !== undefined && { ordered: changes.ordered }),
    url: url === undefined ? rest.url : checkBareUrl(services, url),
    ...(schedule !== undefined && { scheduleSeconds: schedule }),
    ...(limits !== undefined && { limits }),
    status: status ?? rest.status,
    ...disabled(status, disabledReason),
    secrets: auth === undefined ? rest.secrets : await sealWith(services, endpoint, auth),
  };
  checkFilter(next.filter);
  checkDetail(next);
  checkOperational(next);
  checkOrdered(next);
  // One that it has by now must not keep it from being disabled.
  checkSchedule(services, scheduleSeconds);
  return next;
}

/** Who disables what its failures have disabled already knows of it: nothing that is held there need wake anybody. */
function disabled(status: Endpoint['status'] | undefined, before: string | undefined) {
  if (status === 'active') return {};
  const disabledReason = status === 'disabled' ? 'by_request' : before;
  return disabledReason === undefined ? {} : { disabledReason };
}

async function sealWith({ secrets }: Services, endpoint: Endpoint, auth: EndpointAuth): Promise<string> {
  return secrets.seal(endpoint, { ...(await secrets.open(endpoint)), auth });
}

const remove = defineOperation({
  operationId: 'deleteEndpoint',
  method: 'DELETE',
  path: '/v1/endpoints/{endpointId}',
  tag,
  summary: 'Delete an endpoint',
  description:
    'Deliveries that wait for it end as dead, and nobody is told of each. An integration can be disabled only: 409.',
  access: 'any',
  params,
  query,
  body: null,
  problems: [409, 412],
  response: { status: 204, schema: null, description: 'It is gone.' },
  async handle(services, { params, query, caller, ifMatch }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    assertVersion(ifMatch, endpoint.version);
    if (endpoint.contract === 'message-pointer')
      throw new Problem(409, 'integration_stays', 'An integration can be disabled, never deleted.');
    await removeEndpoint(services, endpoint);
    return { body: null };
  },
});

export const endpointOperations: Operation[] = [
  create,
  list,
  read,
  change,
  remove,
  ...endpointKeyOperations,
  ...endpointHealthOperations,
  ...endpointTestOperations,
];
