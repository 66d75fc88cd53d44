import type { Endpoint, EndpointFilter } from '../../schemas/endpoint.ts';
import { coversType } from '../../schemas/event-type-pattern.ts';
import { eventTypes } from '../../schemas/event.ts';
import { ownerFor } from './caller.ts';
import { readEndpointUrl, type BasicAuth } from './endpoint-url.ts';
import type { Caller } from './operation.ts';
import { contended, invalidField, notFound } from './problem.ts';
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

/** Stores what an endpoint becomes, and returns it as stored. Throws 409 when somebody else was ahead. */
export async function storeEndpoint(services: Pick<Services, 'entities'>, next: Endpoint): Promise<Endpoint> {
  if (!(await services.entities.replace(next))) throw contended();
  return { ...next, version: next.version + 1 };
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
