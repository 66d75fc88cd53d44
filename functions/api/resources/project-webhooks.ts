import * as z from 'zod';
import { SigningSecretSchema, type Endpoint } from '../../../schemas/endpoint.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { assertPartner, checkUrl } from '../endpoint-access.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, notFound } from '../problem.ts';
import { lockOf, projectOf } from '../project.ts';
import { newSigningKey } from '../signing-key.ts';

const tag = 'Projects';
const params = z.strictObject({ projectId: NameSchema });
const webhookParams = z.strictObject({ projectId: NameSchema, webhookId: NameSchema });
/** The partner document knows one. */
const trigger = z.literal('accessEvent');

const WebhookViewSchema = z.object({
  id: NameSchema,
  trigger,
  /** Without the credentials that it was registered with. */
  url: z.string(),
  /** Null: every lock of the project. */
  lockId: NameSchema.nullable(),
});

const show = ({ endpointId, url, filter }: Endpoint): z.infer<typeof WebhookViewSchema> => ({
  id: endpointId,
  trigger: 'accessEvent',
  url,
  lockId: filter.lockIds?.[0] ?? null,
});

const register = defineOperation({
  operationId: 'registerWebhook',
  method: 'POST',
  path: '/v2/projects/{projectId}/webhooks',
  tag,
  summary: 'Register a webhook for access events',
  description:
    'Only `url` is required; it must begin with https. A user name and password in it become a Basic Authorization ' +
    'header and are not shown again; they must not have characters that RFC 3986 reserves, encoded or not. The secret ' +
    'that signs the requests is in this answer only.',
  access: 'any',
  params,
  query: z.strictObject({}),
  // Not strict, unlike /v1: clients of this path were there before us.
  body: z.object({
    url: z.string().min(1).meta({
      description: 'Begins with https; a user name and password in it become a Basic Authorization header',
    }),
    trigger: trigger.optional().meta({ description: 'What it is told of' }),
    lockId: NameSchema.optional().meta({ description: 'One lock of the project; default: every lock' }),
  }),
  creates: true,
  response: {
    status: 201,
    schema: WebhookViewSchema.extend({ signingSecret: SigningSecretSchema.nullable() }),
    description: 'The webhook, and the secret that its requests are signed with.',
  },
  examples: {
    body: {
      trigger: 'accessEvent',
      url: 'https://vandaley.ind/accessEvents',
      lockId: 'df50a61f-9e1f-4e1c-9e89-8395c908065a',
    },
  },
  async handle(services, { params, body, caller }) {
    const partnerId = projectOf(caller, params.projectId);
    const { url, auth } = checkUrl(services, body.url);
    if (caller.kind === 'operator') await assertPartner(services, partnerId);
    const filter =
      body.lockId === undefined ? {} : { lockIds: [(await lockOf(services, partnerId, body.lockId)).lockId] };
    const key = newSigningKey(services, {});
    const owner = { partnerId, endpointId: services.newId() };
    const endpoint: Endpoint = {
      kind: 'endpoint',
      ...owner,
      url,
      contract: 'access-event',
      method: 'POST',
      detail: 'full',
      filter,
      status: 'active',
      secrets: await services.secrets.seal(owner, {
        signingKeys: [{ key: key.key, notAfter: null }],
        auth: auth ?? { type: 'none' },
      }),
      version: 0,
    };
    const reply = {
      body: { ...show(endpoint), signingSecret: key.shown.secret },
      headers: { location: `/v2/projects/${partnerId}/webhooks/${endpoint.endpointId}` },
    };
    const outcome = await services.commit({ changes: [endpoint], events: [], reply });
    if (outcome.kind === 'rejected') throw contended();
    return reply;
  },
});

const list = defineOperation({
  operationId: 'listWebhooks',
  method: 'GET',
  path: '/v2/projects/{projectId}/webhooks',
  tag,
  summary: 'List the webhooks for access events',
  description: 'A page may be short, since other endpoints of the partner are left out.',
  access: 'any',
  params,
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(WebhookViewSchema), description: 'A page of webhooks.' },
  async handle({ entities }, { params, query, caller }) {
    const partnerId = projectOf(caller, params.projectId);
    const name = `webhook#${partnerId}`;
    const page = await entities.listByPartner('endpoint', partnerId, toPageRequest(query, name));
    const items = page.items.filter(({ contract }) => contract === 'access-event');
    return { body: toPageBody({ items, next: page.next }, name, show) };
  },
});

const remove = defineOperation({
  operationId: 'removeWebhook',
  method: 'DELETE',
  path: '/v2/projects/{projectId}/webhooks/{webhookId}',
  tag,
  summary: 'Remove a webhook',
  access: 'any',
  params: webhookParams,
  query: z.strictObject({}),
  body: null,
  problems: [409],
  response: { status: 204, schema: null, description: 'It is gone.' },
  async handle({ entities }, { params, caller }) {
    const partnerId = projectOf(caller, params.projectId);
    const ref = { kind: 'endpoint', partnerId, endpointId: params.webhookId } as const;
    const endpoint = (await entities.getMany([ref])).get(ref);
    if (endpoint?.contract !== 'access-event') throw notFound('There is no such webhook.');
    if (!(await entities.remove(endpoint))) throw contended();
    return { body: null };
  },
});

export const projectWebhookOperations: Operation[] = [register, list, remove];
