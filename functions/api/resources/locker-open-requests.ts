import * as z from 'zod';
import type { Locker, LockerOpenRequest } from '../../../schemas/entity.ts';
import {
  LockerOpenRequestBodySchema,
  LockerOpenRequestViewSchema,
  LockerOpenRequestWithLinkSchema,
  type LockerOpenRequestBody,
  type LockerOpenRequestView,
} from '../../../schemas/api/locker-open-request.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { addMs } from '../../../schemas/instant.ts';
import { cancelLockerOpenRequest, wasOpened } from '../../domain/link-use.ts';
import { hashLink, itemFor, linkSecretBytes, linkTo, type LinkedOpening } from '../../domain/link.ts';
import { createLockerOpenRequest } from '../../domain/locker-open-commands.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended, notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { loadOpenings } from './linked-opening.ts';
import { readTower, seesTower } from './tower-access.ts';
import { availableLocker, readLocker } from './tower-lockers.ts';

const tag = 'Locker open requests';
const params = z.strictObject({ requestId: z.coerce.number().int().min(1) });
/** Requests at one tower may want the same locker: whoever loses looks again. */
const maxAttempts = 8;

const create = defineOperation({
  operationId: 'createLockerOpenRequest',
  method: 'POST',
  path: '/v1/locker-open-requests',
  tag,
  summary: 'Assign a locker and make the link that opens it once',
  description:
    'A drop-off gets an available locker of the tower, a pick-up the one that holds your item: that of the drop-off ' +
    '`itemRequestId`, or `locker`. A reservation’s parcel is no such item. The link is shown in this answer only. Refused with 409: `no_locker_available`, ' +
    '`locker_not_available`, `item_not_in_locker`.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: LockerOpenRequestBodySchema,
  creates: true,
  problems: [409],
  response: {
    status: 201,
    schema: LockerOpenRequestWithLinkSchema,
    description: 'The request, and its link. `LOCKER_ASSIGNED` follows by webhook.',
  },
  examples: {
    body: { towerId: '0000000000000001', flow: 'dropoff', payload: { extra: 'data', test: 123 } },
  },
  async handle(services, { body, caller }) {
    const partnerId = ownerFor(caller, body.partnerId);
    seesTower({ kind: 'partner', partnerId }, await readTower(services, body.towerId));
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const locker = await chooseLocker(services, body, partnerId);
      const reply = await commitRequest(services, body, locker, partnerId);
      if (reply !== null) return reply;
    }
    throw contended();
  },
});

/** Null when somebody else was ahead. */
async function commitRequest(
  services: Services,
  body: LockerOpenRequestBody,
  locker: Locker,
  partnerId: string,
) {
  const { config, now } = services;
  const at = now();
  const secret = services.randomBytes(linkSecretBytes).toString('base64url');
  const expiresAt = addMs(at, config.linkHours * 3_600_000);
  const itemFrom = body.flow === 'pickup' ? itemFor(partnerId, locker) : null;
  const fields = {
    requestId: await services.counters.next('request'),
    partnerId,
    towerId: locker.towerId,
    locker: locker.locker,
    flow: body.flow,
    payload: JSON.stringify(body.payload ?? null),
    link: { hash: hashLink(secret), expiresAt },
    dueAt: expiresAt,
    ...(itemFrom !== null && { itemFrom }),
  };
  const decision = createLockerOpenRequest(fields, locker, at);
  const request: LockerOpenRequest = { ...fields, kind: 'request', version: 1 };
  const view = show({ request, locker, token: null, command: null });
  const reply = {
    body: { ...view, link: `${config.publicBaseUrl}/o/${secret}` },
    version: 1,
    headers: { location: `/v1/locker-open-requests/${request.requestId}` },
  };
  const changes = [...decision.changes, linkTo(fields.link.hash, fields.requestId)];
  const outcome = await services.commit({ changes, events: decision.events, reply });
  return outcome.kind === 'committed' ? reply : null;
}

async function chooseLocker(
  services: Services,
  body: LockerOpenRequestBody,
  partnerId: string,
): Promise<Locker> {
  if (body.flow === 'dropoff') return availableLocker(services, body.towerId, body.locker);
  const locker =
    body.itemRequestId === undefined
      ? await readLocker(services, body.towerId, body.locker ?? 0)
      : await lockerOfItem(services, body.itemRequestId, body.towerId, partnerId);
  if (itemFor(partnerId, locker) !== null) return locker;
  throw notInLocker();
}

/** The locker that a drop-off left its item in, if it is still that item which is inside. */
async function lockerOfItem(
  services: Services,
  requestId: number,
  towerId: string,
  partnerId: string,
): Promise<Locker> {
  const opening = await readOpening(services, { kind: 'partner', partnerId }, requestId);
  const { request, locker } = opening;
  if (request.towerId === towerId && locker.itemRequestId === requestId) return locker;
  throw notInLocker();
}

const notInLocker = (): Problem =>
  new Problem(409, 'item_not_in_locker', 'The locker does not hold an item of yours.');

const list = defineOperation({
  operationId: 'listLockerOpenRequests',
  method: 'GET',
  path: '/v1/locker-open-requests',
  tag,
  summary: 'List locker open requests',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(LockerOpenRequestViewSchema), description: 'A page of requests.' },
  async handle(services, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `request#${partnerId}`;
    const page = await services.entities.listByPartner('request', partnerId, toPageRequest(query, name));
    const openings = await loadOpenings(services, page.items);
    return { body: toPageBody({ items: openings, next: page.next }, name, show) };
  },
});

const read = defineOperation({
  operationId: 'getLockerOpenRequest',
  method: 'GET',
  path: '/v1/locker-open-requests/{requestId}',
  tag,
  summary: 'Read a locker open request',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: {
    status: 200,
    schema: LockerOpenRequestViewSchema,
    description: 'The request, without its link.',
  },
  async handle(services, { params: { requestId }, caller }) {
    const opening = await readOpening(services, caller, requestId);
    return { body: show(opening), version: opening.request.version };
  },
});

const cancel = defineOperation({
  operationId: 'cancelLockerOpenRequest',
  method: 'POST',
  path: '/v1/locker-open-requests/{requestId}/cancel',
  tag,
  summary: 'Withdraw the link, and give the locker back if nothing was put into it',
  description:
    'To cancel again changes nothing. Refused with 409: `link_used`, and `opening_in_progress` while the tower has not ' +
    'answered.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  problems: [409],
  response: { status: 200, schema: LockerOpenRequestViewSchema, description: 'The canceled request.' },
  async handle(services, { params: { requestId }, caller }) {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const opening = await readOpening(services, caller, requestId);
      const ending = cancelLockerOpenRequest(opening, services.now());
      if (ending.kind === 'opening')
        throw new Problem(
          409,
          'opening_in_progress',
          'The tower is opening the locker. Try again in a minute.',
        );
      if (ending.kind === 'over' && wasOpened(opening))
        throw new Problem(409, 'link_used', 'The locker was opened with this link.');
      if (ending.kind === 'over') return { body: show(opening), version: opening.request.version };
      const outcome = await services.commit(ending);
      if (outcome.kind === 'committed') {
        const after = await readOpening(services, caller, requestId);
        return { body: show(after), version: after.request.version };
      }
    }
    throw contended();
  },
});

async function readOpening(services: Services, caller: Caller, requestId: number): Promise<LinkedOpening> {
  const ref = { kind: 'request', requestId } as const;
  const stored = (await services.entities.getMany([ref])).get(ref);
  const request = visibleTo(caller, stored, 'locker open request');
  const [opening] = await loadOpenings(services, [request]);
  if (opening === undefined) throw notFound();
  return opening;
}

function show({ request, token, command }: LinkedOpening): LockerOpenRequestView {
  const payload: unknown = JSON.parse(request.payload);
  return {
    requestId: request.requestId,
    partnerId: request.partnerId,
    towerId: request.towerId,
    locker: request.locker,
    flow: request.flow,
    payload,
    status: statusOf({ request, token, command }),
    linkExpiresAt: request.link?.expiresAt ?? null,
    tokenId: token?.tokenId ?? null,
    clientInfo: token?.clientInfo ?? null,
    usedAt: token?.usedAt ?? null,
    commandId: command?.commandId ?? null,
  };
}

function statusOf({
  request,
  token,
  command,
}: Omit<LinkedOpening, 'locker'>): LockerOpenRequestView['status'] {
  if (token?.usedAt != null) return 'used';
  if (request.end !== undefined) return request.end.how;
  if (token === null) return 'waiting';
  if (command === null || command.outcome === null) return 'opening';
  return command.outcome === 'opened' ? 'opened' : 'failed';
}

export const lockerOpenRequestOperations: Operation[] = [create, list, read, cancel];
