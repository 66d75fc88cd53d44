import { acknowledgementOf } from '../../schemas/contract.ts';
import type { Endpoint, EndpointFilter } from '../../schemas/endpoint.ts';
import { begunAnew, forgotten, triedAnew } from '../domain/endpoint-health.ts';
import { instantToMs } from '../../schemas/instant.ts';
import { coversType } from '../../schemas/event-type-pattern.ts';
import { eventTypes, isOperational } from '../../schemas/event.ts';
import { outlasts } from '../shared/retry-schedule.ts';
import { ownerFor } from './caller.ts';
import { readEndpointUrl, type BasicAuth } from './endpoint-url.ts';
import type { Caller } from './operation.ts';
import { contended, invalidField, notFound, Problem } from './problem.ts';
import type { Services } from './services.ts';

/** The endpoint of a partner: an operator names the partner, since endpoints are stored with theirs. Throws 404. */
export async function readEndpoint(
  services: Pick<Services, 'entities'>,
  caller: Caller,
  named: { endpointId: string; partnerId?: string | undefined },
): Promise<Endpoint> {
  const partnerId = ownerFor(caller, named.partnerId, '/query/partnerId');
  const ref = { kind: 'endpoint', partnerId, endpointId: named.endpointId } as const;
  const endpoint = (await services.entities.getMany([ref])).get(ref);
  if (endpoint === null) throw notFound('There is no such endpoint.');
  return endpoint;
}

/** Throws 409 for what a disabled endpoint can't be asked for. */
export function assertEnabled({ status }: Pick<Endpoint, 'status'>): void {
  if (status === 'disabled')
    throw new Problem(409, 'endpoint_disabled', 'The endpoint is disabled: enable it first.');
}

/**
 * Stores what an endpoint becomes, and returns it as stored. One that is enabled again starts anew: what it failed
 * before would disable it at once. So does one with another URL or other credentials: those may be what it lacked. Throws
 * 409 when somebody else was ahead.
 */
export async function storeEndpoint(
  services: Pick<Services, 'entities' | 'health' | 'now'>,
  before: Pick<Endpoint, 'status' | 'disabledReason' | 'url' | 'secrets'>,
  next: Endpoint,
): Promise<Endpoint> {
  const isOther = next.url !== before.url || next.secrets !== before.secrets;
  const nowMs = instantToMs(services.now());
  // Who leaves off by request what its failures have switched off was told of that, and is to be told of its end.
  const isOtherwiseOff = next.status === 'active' || next.disabledReason !== before.disabledReason;
  if (before.status === 'disabled' && isOtherwiseOff)
    await services.health.change(next, (health) => begunAnew(health, before, nowMs));
  else if (isOther) await services.health.change(next, (health) => triedAnew(health, nowMs));
  if (!(await services.entities.replace(next))) throw contended();
  return { ...next, version: next.version + 1 };
}

/**
 * Deletes an endpoint, and what was told of it: nothing else would. Throws 409 when somebody else was ahead. It is gone also
 * when its health can't be written: that is left behind then, and only takes room.
 */
export async function removeEndpoint(
  { entities, health, warn }: Pick<Services, 'entities' | 'health' | 'warn'>,
  endpoint: Endpoint,
): Promise<void> {
  if (!(await entities.remove(endpoint))) throw contended();
  try {
    await health.change(endpoint, forgotten);
  } catch (error) {
    warn('health left behind', { endpointId: endpoint.endpointId, error });
  }
}

/** An operator may name a partner that does not exist. Throws 404. */
export async function assertPartner(
  { entities }: Pick<Services, 'entities'>,
  partnerId: string,
): Promise<void> {
  const ref = { kind: 'partner', partnerId } as const;
  if ((await entities.getMany([ref])).get(ref) === null) throw notFound('There is no such partner.');
}

/** What a URL comes to, with the credentials that stood in it. Throws 400 with a reason that doesn't quote it. */
export function checkUrl(
  { config }: Pick<Services, 'config'>,
  text: string,
): { url: string; auth: BasicAuth | null } {
  const read = readEndpointUrl(text, config);
  if (read.kind === 'invalid') throw invalidField('/body/url', read.detail);
  return read;
}

/** As `checkUrl`, where credentials have a field of their own. */
export function checkBareUrl(services: Pick<Services, 'config'>, text: string): string {
  const { url, auth } = checkUrl(services, text);
  if (auth !== null) throw invalidField('/body/url', 'must not contain credentials: put them into "auth"');
  return url;
}

/** Throws 400 for a filter entry that no event will ever match. */
export function checkFilter({ types = [] }: EndpointFilter): void {
  const unknown = types.findIndex((pattern) => !eventTypes.some((type) => coversType(pattern, type)));
  if (unknown !== -1) throw invalidField(`/body/filter/types/${unknown}`, 'matches no event type');
}

/** Throws 400 for a thin body in a contract whose bodies are what they are. */
export function checkDetail({ contract, detail }: Pick<Endpoint, 'contract' | 'detail'>): void {
  if (detail === 'thin' && contract !== 'standard' && contract !== 'cloudevents')
    throw invalidField('/body/detail', 'is for the contracts "standard" and "cloudevents" only');
}

/** Throws 400 for a schedule whose last attempt may come when the delivery is cleaned up. */
export function checkSchedule(
  { config }: Pick<Services, 'config'>,
  scheduleSeconds: readonly number[] | null | undefined,
): void {
  if (outlasts(scheduleSeconds ?? [], config.retentionDays))
    throw invalidField(
      '/body/scheduleSeconds',
      `must end within ${config.retentionDays} days, for which deliveries are kept, though each step may take a fifth more`,
    );
}

/** Throws 400 for an order that can't be kept. */
export function checkOrdered({ contract, ordered, scheduleSeconds }: Ordering): void {
  if (ordered !== true) return;
  if (acknowledgementOf(contract) !== 'response')
    throw invalidField(
      '/body/ordered',
      'is not for "message-pointer": its messages are read in whatever order the partner likes',
    );
  if ((scheduleSeconds?.[0] ?? 0) > 0)
    throw invalidField(
      '/body/scheduleSeconds/0',
      'must be 0 at an ordered endpoint: a queue that keeps order holds nothing back',
    );
}

type Ordering = Pick<Endpoint, 'contract'> & {
  ordered?: boolean | undefined;
  scheduleSeconds?: readonly number[] | undefined;
};

/** Throws 400 for an endpoint that would hear of nothing, since it is of the kind that its filter or contract isn't. */
export function checkOperational({ contract, operational = false, filter }: Hearing): void {
  const saysAll = contract === 'standard' || contract === 'cloudevents';
  if (operational && !saysAll)
    throw invalidField('/body/operational', 'is for the contracts "standard" and "cloudevents" only');
  const place = (['towerIds', 'lockers', 'lockIds'] as const).find((name) => filter[name] !== undefined);
  if (operational && place !== undefined)
    throw invalidField(
      `/body/filter/${place}`,
      'lets nothing through: operational events happen at no tower',
    );
  const heard = eventTypes.filter((type) => isOperational(type) === operational);
  if (filter.types?.some((pattern) => heard.some((type) => coversType(pattern, type))) === false)
    throw invalidField(
      '/body/filter/types',
      operational
        ? 'lets nothing through: an operational endpoint hears of operational events only'
        : 'lets nothing through: operational events go to endpoints with "operational": true only',
    );
}

type Hearing = Pick<Endpoint, 'contract' | 'filter'> & { operational?: boolean | undefined };
