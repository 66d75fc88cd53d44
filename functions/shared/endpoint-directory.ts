import * as z from 'zod';
import { EndpointHealthSchema, type EndpointHealth } from '../../schemas/endpoint-health.ts';
import { EndpointSchema, type Endpoint } from '../../schemas/endpoint.ts';
import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from './aws/documents.ts';
import { endpointHealthKey } from './endpoint-health.ts';
import { createExpiringCache } from './expiring-cache.ts';
import { entityKey, type ItemKey } from './keys.ts';
import { keyOf, type Item, type Position } from './read-items.ts';

export type EndpointRef = Pick<Endpoint, 'partnerId' | 'endpointId'>;

/** An endpoint and what is known of its health: nothing, while all is well. */
export type KnownEndpoint = Endpoint & { health?: EndpointHealth };

/** With the time of its reading: epoch milliseconds, from before the request. */
export type ReadEndpoint = KnownEndpoint & { readAtMs: number };

const ReadEndpointSchema = EndpointSchema.extend({
  health: EndpointHealthSchema.exactOptional(),
  readAtMs: z.number(),
});
const ReadingSchema = ReadEndpointSchema.pick({ partnerId: true, endpointId: true, readAtMs: true });

/** Whoever can tell an endpoint; null when there is none. */
export interface EndpointReader {
  get(ref: EndpointRef): Promise<KnownEndpoint | null>;
}

export interface EndpointDirectory extends EndpointReader {
  /**
   * The endpoint as it was within the cache's time; null when there is none. A disabled one as it is now: what is held for one
   * that has been enabled meanwhile would be held past its recovery, and nobody would ask for it again.
   */
  get(ref: EndpointRef): Promise<ReadEndpoint | null>;
  /** Every endpoint of a partner, disabled ones included, as they were within the cache's time. */
  ofPartner(partnerId: string): Promise<ReadEndpoint[]>;
  /**
   * Takes over what another function read of an endpoint (a ReadEndpoint, as it came), where it spares a reading and is
   * within the cache's time. Anything else is ignored.
   */
  learn(told: unknown): void;
  /** Something about the endpoint has changed: what was read before is not used again. */
  forget(ref: EndpointRef): void;
}

export interface EndpointDirectoryOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  cacheSeconds: number;
  now: () => number;
  /** Told of an item that is no endpoint that this release knows. A partner's others go on without it. Not told of health. */
  onUnreadable?: (key: ItemKey, error: unknown) => void;
}

const maxCached = 5_000;
const cacheKey = (ref: EndpointRef): string => `${ref.partnerId}/${ref.endpointId}`;

/** An endpoint and its health are neighbours in the table: one query gives both, at the price of one. */
export function createEndpointDirectory(options: EndpointDirectoryOptions): EndpointDirectory {
  const { cacheSeconds, now } = options;
  const cacheOptions = { ttlMs: cacheSeconds * 1_000, maxEntries: maxCached, now };
  const endpoints = createExpiringCache<ReadEndpoint | null>(cacheOptions);
  const partners = createExpiringCache<PartnerReading>(cacheOptions);
  return {
    async get(ref) {
      const askedAtMs = now();
      const read = () => readEndpoint(options, ref);
      const known = await endpoints.get(cacheKey(ref), read);
      return known?.status === 'disabled' ? endpoints.getSince(askedAtMs, cacheKey(ref), read) : known;
    },
    async ofPartner(partnerId) {
      const reading = await partners.get(partnerId, (old) => readPartner(options, partnerId, old));
      return reading.endpoints;
    },
    learn(told) {
      const reading = ReadingSchema.safeParse(told);
      if (!reading.success) return;
      const { readAtMs } = reading.data;
      endpoints.offer(cacheKey(reading.data), readAtMs, () => ReadEndpointSchema.safeParse(told).data);
    },
    forget(ref) {
      endpoints.delete(cacheKey(ref));
      partners.delete(ref.partnerId);
    },
  };
}

async function readEndpoint(
  options: EndpointDirectoryOptions,
  ref: EndpointRef,
): Promise<ReadEndpoint | null> {
  const { partnerId, endpointId } = ref;
  const readAtMs = options.now();
  const { pk, sk } = entityKey({ kind: 'endpoint', partnerId, endpointId });
  const items = await queryAll(options, {
    KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
    // No other endpoint's name sorts between the two: `#` comes before all that a name may hold.
    ExpressionAttributeValues: { ':pk': pk, ':first': sk, ':last': endpointHealthKey(ref).sk },
  });
  const item = items.find((one) => one['kind'] === 'endpoint');
  if (item === undefined) return null;
  return { ...EndpointSchema.parse(item), ...healthIn(items, ref), readAtMs };
}

/** What was read of a partner's endpoints, and what tells whether it is still so. */
interface PartnerReading {
  endpoints: ReadEndpoint[];
  /** Names and versions of all items: every write of one makes it another version. */
  versions: string;
  /** Epoch milliseconds: when more than names and versions were read. */
  wholeAtMs: number;
}

/** What was written past the versions, by hand say, is seen after so long. */
const wholeForMs = 60_000;

/** A partner's endpoints. As long as none of them has changed, only their versions are read: a tenth of the bytes. */
async function readPartner(
  options: EndpointDirectoryOptions,
  partnerId: string,
  old: PartnerReading | undefined,
): Promise<PartnerReading> {
  const readAtMs = options.now();
  if (old !== undefined && readAtMs - old.wholeAtMs < wholeForMs) {
    const versions = versionsOf(await queryEndpoints(options, partnerId, versionsOnly));
    if (versions === old.versions)
      return { ...old, endpoints: old.endpoints.map((endpoint) => ({ ...endpoint, readAtMs })) };
  }
  const items = await queryEndpoints(options, partnerId);
  const endpoints = endpointsIn(options, items, readAtMs);
  return { endpoints, versions: versionsOf(items), wholeAtMs: readAtMs };
}

const versionsOnly = {
  ProjectionExpression: 'sk, #version',
  ExpressionAttributeNames: { '#version': 'version' },
};
const versionsOf = (items: readonly Item[]): string =>
  JSON.stringify(items.map(({ sk, version }) => [sk, version]));

const queryEndpoints = (options: EndpointDirectoryOptions, partnerId: string, what?: typeof versionsOnly) =>
  queryAll(options, {
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :endpoint)',
    ExpressionAttributeValues: {
      ':pk': entityKey({ kind: 'partner', partnerId }).pk,
      ':endpoint': 'endpoint#',
    },
    ...what,
  });

function endpointsIn(
  options: EndpointDirectoryOptions,
  items: readonly Item[],
  readAtMs: number,
): ReadEndpoint[] {
  const unhealthy = items.filter((item) => item['kind'] === 'endpoint-health');
  return items.flatMap((item) => {
    if (item['kind'] === 'endpoint-health') return [];
    const parsed = EndpointSchema.safeParse(item);
    if (parsed.success) return [{ ...parsed.data, ...healthIn(unhealthy, parsed.data), readAtMs }];
    options.onUnreadable?.(keyOf(item), parsed.error);
    return [];
  });
}

/**
 * The health of an endpoint among items. One that can't be read must not stop its deliveries: it is as if nothing were known,
 * and they go over the queue of the slow. See `tryOut` of deliver's breaker.
 */
function healthIn(items: readonly Item[], ref: EndpointRef): { health?: EndpointHealth } {
  const { sk } = endpointHealthKey(ref);
  const item = items.find((one) => one['sk'] === sk);
  const parsed = EndpointHealthSchema.safeParse(item);
  return parsed.success ? { health: parsed.data } : {};
}

async function queryAll(
  { documents, entitiesTable }: EndpointDirectoryOptions,
  query: Omit<QueryCommandInput, 'TableName'>,
): Promise<Item[]> {
  const items: Item[] = [];
  let from: Position | undefined;
  do {
    const page = await documents.send(
      new QueryCommand({
        TableName: entitiesTable,
        // An older replica would make the first delivery to a new endpoint dead.
        ConsistentRead: true,
        ...query,
        ...(from !== undefined && { ExclusiveStartKey: from }),
      }),
    );
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}
