import * as z from 'zod';
import {
  NewRedriveSchema,
  RedriveAnswerSchema,
  RedriveCountSchema,
  RedriveResourceSchema,
} from '../../../schemas/api/redrive.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import type { Redrive } from '../../../schemas/redrive.ts';
import { ended } from '../../domain/redrive.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { countRedrive } from '../count-redrive.ts';
import { checkFilter, readEndpoint } from '../endpoint-access.ts';
import { whileCounted } from '../long-requests.ts';
import { locationOf, openRedrive, planRedrive } from '../open-redrive.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, Problem } from '../problem.ts';
import type { Services } from '../services.ts';

const tag = 'Redrives';
const params = z.strictObject({ redriveId: NameSchema });
const query = z.strictObject({ partnerId: NameSchema.optional() });

const create = defineOperation({
  operationId: 'createRedrive',
  method: 'POST',
  path: '/v1/redrives',
  tag,
  summary: 'Send again what an endpoint missed',
  description:
    'Every request of it has the header `towercast-replay` with the id of the redrive, and the `webhook-id` of before. It ' +
    'begins within a minute, at a limited rate. While one runs, the same request in the same words gets that one. Only so ' +
    'many of a partner may run at a time: 429 (`too_many_redrives`). With `dryRun` the answer is a count: 200. It takes up to 15 ' +
    'seconds, and only so many of a partner may count at a time: 429 (`too_many_dry_runs`).',
  access: 'any',
  params: nothing,
  query: nothing,
  body: NewRedriveSchema,
  creates: true,
  problems: [409, 429, 503],
  response: {
    status: 202,
    schema: RedriveAnswerSchema,
    description: 'The redrive, or the count of a dry run.',
  },
  examples: {
    body: { endpointId: 'acme-main', source: 'events', since: '2026-03-20T00:00:00Z', perSecond: 5 },
  },
  async handle(services, { body, caller }) {
    const { endpointId, partnerId, dryRun, ...request } = body;
    const owner = ownerFor(caller, partnerId);
    const endpoint = await readEndpoint(services, caller, { endpointId, partnerId: owner });
    checkFilter(request.filter);
    if (!dryRun) return openRedrive(services, endpoint, request, show);
    const planned = planRedrive(services, endpoint, request);
    const counted = await whileCounted(services.dryRuns, caller.kind === 'operator' ? null : owner, {
      refusal: tooManyDryRuns,
      work: () => countRedrive(services, planned, endpoint),
    });
    return { body: RedriveCountSchema.parse({ dryRun: true, ...counted }), status: 200 };
  },
});

/** About as long as one of those that count will take at most. */
const retryAfterSeconds = 15;

const tooManyDryRuns = (): Problem =>
  new Problem(
    429,
    'too_many_dry_runs',
    'As many of your dry runs are under way as may at a time. Wait until one has ended.',
    { headers: { 'retry-after': String(retryAfterSeconds) } },
  );

/** How a redrive is answered with. */
export const show = (redrive: Redrive) => ({
  body: redrive,
  headers: locationOf(redrive.redriveId),
});

const list = defineOperation({
  operationId: 'listRedrives',
  method: 'GET',
  path: '/v1/redrives',
  tag,
  summary: 'List redrives',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(RedriveResourceSchema), description: 'A page, the oldest first.' },
  async handle({ entities }, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `redrives ${partnerId}`;
    const page = await entities.listByPartner('redrive', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, (redrive) => redrive) };
  },
});

const read = defineOperation({
  operationId: 'getRedrive',
  method: 'GET',
  path: '/v1/redrives/{redriveId}',
  tag,
  summary: 'Read how far a redrive has come',
  access: 'any',
  params,
  query,
  body: null,
  response: { status: 200, schema: RedriveResourceSchema, description: 'The redrive.' },
  handle: async (services, { params, query, caller }) => ({
    body: await readRedrive(services, caller, { ...params, ...query }),
  }),
});

const maxTries = 5;

const cancel = defineOperation({
  operationId: 'cancelRedrive',
  method: 'POST',
  path: '/v1/redrives/{redriveId}/cancel',
  tag,
  summary: 'End a redrive early',
  description: 'What it has put on its way goes on. One that has ended stays as it is.',
  access: 'any',
  params,
  query,
  body: null,
  toleratesEmptyObject: true,
  problems: [409],
  response: { status: 200, schema: RedriveResourceSchema, description: 'The redrive as it is now.' },
  async handle(services, { params, query, caller }) {
    // It moves on meanwhile.
    for (let tries = 0; tries < maxTries; tries += 1) {
      const redrive = await readRedrive(services, caller, { ...params, ...query });
      if (redrive.status !== 'running') return { body: redrive };
      const { retentionDays } = services.config;
      const canceled = ended(redrive, 'canceled', { now: services.now(), retentionDays });
      if (await services.entities.replace(canceled)) return { body: canceled };
    }
    throw contended();
  },
});

async function readRedrive(
  services: Services,
  caller: Caller,
  named: { redriveId: string; partnerId?: string | undefined },
): Promise<Redrive> {
  const partnerId = ownerFor(caller, named.partnerId, '/query/partnerId');
  const ref = { kind: 'redrive', partnerId, redriveId: named.redriveId } as const;
  return visibleTo(caller, (await services.entities.getMany([ref])).get(ref), 'redrive');
}

export const redriveOperations: readonly Operation[] = [create, list, read, cancel];
