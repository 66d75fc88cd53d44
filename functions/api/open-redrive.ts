import { createHash } from 'node:crypto';
import type { Endpoint, EndpointFilter } from '../../schemas/endpoint.ts';
import { addMs, inMilliseconds } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive, RedriveSource } from '../../schemas/redrive.ts';
import { entityKey } from '../shared/keys.ts';
import type { Reply } from './operation.ts';
import { assertEnabled } from './endpoint-access.ts';
import { contended, invalidField, Problem } from './problem.ts';
import type { Services } from './services.ts';
import { readTimestamp } from './timestamp.ts';

/** What was asked for, as it was asked. */
export interface RedriveRequest {
  source: RedriveSource;
  since?: string | undefined;
  until?: string | undefined;
  perSecond?: number | undefined;
  filter: EndpointFilter;
  /** Nothing but this event. */
  eventId?: string;
}

/** What planning needs of the services. */
interface RedrivePlanner extends Pick<Services, 'now'> {
  config: Pick<
    Services['config'],
    'redrivePerSecond' | 'redriveMaxPerSecond' | 'retentionDays' | 'endpointCacheSeconds'
  >;
}

/** Everything of a redrive that is known before it begins. Throws 400. */
export function planRedrive(
  { config, now }: RedrivePlanner,
  endpoint: Endpoint,
  request: RedriveRequest,
): Redrive {
  const at = now();
  const { source, filter, eventId, perSecond = config.redrivePerSecond } = request;
  const oldest = addMs(at, -config.retentionDays * 86_400_000);
  const since = request.since === undefined ? oldest : toMs(request.since, '/body/since');
  const asked = request.until === undefined ? null : toMs(request.until, '/body/until');
  const until = asked !== null && asked < at ? asked : settledAfter(at, config);
  if (since >= until || since >= at)
    throw invalidField('/body/since', 'must be before "until", and in the past');
  if (perSecond > config.redriveMaxPerSecond)
    throw invalidField('/body/perSecond', `must be at most ${config.redriveMaxPerSecond}`);
  return {
    kind: 'redrive',
    redriveId: 'planned',
    partnerId: endpoint.partnerId,
    endpointId: endpoint.endpointId,
    source,
    since: since > oldest ? since : oldest,
    until,
    filter,
    ...(eventId !== undefined && { eventId }),
    perSecond,
    status: 'running',
    reason: null,
    cursor: null,
    looked: 0,
    sent: 0,
    nextSlotAt: at,
    createdAt: at,
    endedAt: null,
    dueAt: at,
    version: 0,
  };
}

/**
 * When everybody knows the endpoint as it is now: what happens until then may still be delivered, or not, as it was before, to
 * an endpoint that was made or enabled just now.
 */
const settledAfter = (at: Instant, { endpointCacheSeconds }: RedrivePlanner['config']): Instant =>
  addMs(at, 2 * endpointCacheSeconds * 1_000);

/** With milliseconds, as the keys have them. */
const toMs = (timestamp: string, pointer: string): Instant =>
  inMilliseconds(readTimestamp(timestamp, pointer));

const maxTries = 5;
/** Of a redrive's number: as texts they must sort as the numbers do. */
const numberDigits = 8;

/**
 * Begins a redrive, or gives the one that runs and was asked for in the same words. Redrives of the same words are
 * numbered, so that of two requests at the same time one finds the number taken. Throws 409, and 429 when as many of the
 * partner's run as may.
 */
export async function openRedrive<R>(
  services: Services,
  endpoint: Endpoint,
  request: RedriveRequest,
  show: (redrive: Redrive) => Reply<R>,
): Promise<Reply<R>> {
  const planned = planRedrive(services, endpoint, request);
  assertEnabled(endpoint);
  const name = nameOf(endpoint, request);
  for (let tries = 0; tries < maxTries; tries += 1) {
    const last = await lastOf(services, endpoint.partnerId, name);
    if (last?.status === 'running') return show(last);
    await assertRoom(services, endpoint.partnerId);
    const number = last === null ? 1 : Number(last.redriveId.slice(name.length + 1)) + 1;
    const redrive = { ...planned, redriveId: `${name}-${String(number).padStart(numberDigits, '0')}` };
    const reply = show({ ...redrive, version: 1 });
    const outcome = await services.commit({ changes: [redrive], events: [], reply });
    if (outcome.kind !== 'rejected') return reply;
  }
  throw contended();
}

/**
 * All that run are moved on each minute, a hundred of them at most: nobody's may take the turns of others'. It is a 429,
 * since the same request under the same Idempotency-Key may be sent again. Two at the same time may both find the last place.
 */
async function assertRoom(
  { redrives, config }: Pick<Services, 'redrives' | 'config'>,
  partnerId: string,
): Promise<void> {
  const { redrivesPerPartner } = config;
  if ((await redrives.countRunning(partnerId)) < redrivesPerPartner) return;
  throw new Problem(
    429,
    'too_many_redrives',
    `${redrivesPerPartner} redrives are running, as many as may. Wait until one has ended, or cancel one.`,
    { headers: { 'retry-after': '60' } },
  );
}

/** `rdr-3f9a1c2b7d4e`: what two requests in the same words have in common. */
function nameOf({ endpointId }: Endpoint, request: RedriveRequest): string {
  const { source, since, until, perSecond, eventId, filter } = request;
  const { types, towerIds, lockers, lockIds } = filter;
  const words = [endpointId, source, since, until, perSecond, eventId, types, towerIds, lockers, lockIds];
  const text = JSON.stringify(words.map((word) => word ?? null));
  return `rdr-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** The header that names a redrive. */
export const locationOf = (redriveId: string) => ({ location: `/v1/redrives/${redriveId}` });

/** The newest redrive of this name, read consistently. */
const lastOf = async (
  { entities }: Pick<Services, 'entities'>,
  partnerId: string,
  name: string,
): Promise<Redrive | null> =>
  entities.lastInPartition('redrive', entityKey({ kind: 'redrive', partnerId, redriveId: `${name}-` }));
