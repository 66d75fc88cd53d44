import { EndpointHealthSchema, type EndpointHealth } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { healthyEndpoint, type HealthStep } from '../domain/endpoint-health.ts';
import { lookAt } from '../domain/endpoint-state.ts';
import { endpointEvent } from '../domain/operational-event.ts';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
} from './aws/documents.ts';
import { dueText } from './delivery-item.ts';
import { TowercastError } from './errors.ts';
import { eventItem } from './event-item.ts';
import { expiresAfter } from './expiry.ts';
import { entityKey, healthShard, healthShardName, type ItemKey } from './keys.ts';
import {
  keyOf,
  queryDueKeys,
  readItems,
  type DueKeysPage,
  type Position,
  type UnreadableItem,
} from './read-items.ts';
import { isOvertaken, whileVersion } from './optimistic-locking.ts';
import { createStepwiseItem } from './stepwise-item.ts';

export type EndpointName = Pick<Endpoint, 'partnerId' | 'endpointId'>;

export interface DueHealth {
  health: EndpointHealth[];
  /** Items that are no health that this release knows. */
  unreadable: UnreadableItem[];
}

export interface EndpointHealthStore {
  /**
   * As it is now; null for an endpoint that never failed. Throws TowercastError `health_unreadable` for an item that this
   * release can't read.
   */
  get(endpoint: EndpointName): Promise<EndpointHealth | null>;
  /**
   * Takes a step from whatever health is stored, with what it announces in the same transaction, and returns what stands
   * then. `step` is pure: it is asked again when somebody else was ahead. Nothing is written when it gives undefined.
   * `seen` is what the caller has read, if it has: null for nothing. Throws TowercastError `health_unreadable` as `get` does, and
   * leaves the item as it is: another release goes on with it.
   */
  change(
    endpoint: EndpointName,
    step: (health: EndpointHealth) => HealthStep | undefined,
    seen?: EndpointHealth | null,
  ): Promise<EndpointHealth>;
  /**
   * Endpoints that `timers` must look at by now (see `lookAt`), the longest overdue first. The index lags by moments;
   * what no longer is due is left out.
   */
  listDue(now: Instant): Promise<DueHealth>;
}

export interface EndpointHealthOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  eventsTable: string;
  /** Of the announcements. */
  retentionDays: number;
  /** Who hears of every partner's endpoints. */
  operatorPartnerId: string | null;
  /** Partitions of the due index. */
  dueShards: number;
  now: () => number;
}

/** Right behind the endpoint's own key, so that one query gives both. See `createEndpointDirectory`. */
export function endpointHealthKey(endpoint: EndpointName): ItemKey {
  const { partnerId, endpointId } = endpoint;
  const { pk, sk } = entityKey({ kind: 'endpoint', partnerId, endpointId });
  return { pk, sk: `${sk}#health` };
}

/** Health that is being changed, and what is to be announced with it. */
interface Announcing {
  health: EndpointHealth;
  announces: readonly DomainEvent[];
}

const pageSize = 100;
/** What `timers` has no need to look at, and was told to no end, is cleaned up so long after its last change. */
const keptDays = 30;

export function createEndpointHealthStore(options: EndpointHealthOptions): EndpointHealthStore {
  const { documents, entitiesTable } = options;
  const get = async (endpoint: EndpointName): Promise<EndpointHealth | null> => {
    const { Item } = await documents.send(
      new GetCommand({ TableName: entitiesTable, Key: endpointHealthKey(endpoint), ConsistentRead: true }),
    );
    return Item === undefined ? null : parseHealth(Item);
  };
  const items = createStepwiseItem<EndpointName, Announcing>({
    nameOf: ({ partnerId, endpointId }) => `${partnerId}/${endpointId}`,
    load: async (endpoint) => ({
      health: (await get(endpoint)) ?? healthyEndpoint(endpoint),
      announces: [],
    }),
    replace: async (_, before, after) => replace(options, before.health.version, after),
  });
  return {
    get,
    change: async (endpoint, step, seen) =>
      items.take(
        endpoint,
        (state) => {
          const next = stepped(options, state, step(state.health));
          return { state: next, result: next.health };
        },
        seen === undefined ? undefined : { health: seen ?? healthyEndpoint(endpoint), announces: [] },
      ),
    listDue: async (now) => listDue(options, dueText(now)),
  };
}

function parseHealth(item: Record<string, unknown>): EndpointHealth {
  const parsed = EndpointHealthSchema.safeParse(item);
  if (parsed.success) return parsed.data;
  const { pk, sk } = keyOf(item);
  throw new TowercastError('health_unreadable', `${pk} ${sk} is of another release`, { cause: parsed.error });
}

function stepped(
  { operatorPartnerId, now }: EndpointHealthOptions,
  state: Announcing,
  step: HealthStep | undefined,
): Announcing {
  if (step === undefined) return state;
  const health = { ...step.health, version: state.health.version + 1, dueAt: lookAt(step.health, now()) };
  const type = step.announces;
  if (type === null) return { ...state, health };
  const isRecovery = type === 'endpoint.recovered';
  // A recovery tells since when it had failed: what is known before it.
  const failingSince = isRecovery
    ? (state.health.toldSince ?? state.health.failingSince)
    : health.failingSince;
  const reason = isRecovery ? null : health.lastReason;
  const event = endpointEvent(
    type,
    health,
    { failingSince, reason, cause: (isRecovery ? failingSince : health.openedAt) ?? '' },
    { operatorPartnerId, now: instantFromMs(now()) },
  );
  return { health, announces: [...state.announces, event] };
}

async function replace(
  options: EndpointHealthOptions,
  version: number,
  { health, announces }: Announcing,
): Promise<Announcing | null> {
  const { documents, entitiesTable, eventsTable, retentionDays } = options;
  const put = {
    TableName: entitiesTable,
    Item: healthItem(health, options.now(), options.dueShards),
    ...whileVersion(version),
  };
  const events = announces.map((event) => ({
    Put: { TableName: eventsTable, Item: eventItem(event, retentionDays) },
  }));
  try {
    if (events.length === 0) await documents.send(new PutCommand(put));
    else await documents.send(new TransactWriteCommand({ TransactItems: [{ Put: put }, ...events] }));
    return { health, announces: [] };
  } catch (error) {
    if (isConflict(error)) return null;
    throw error;
  }
}

/**
 * Health as the entities table holds it: in the due index only if `timers` must look at it. What was told stays until its
 * end is told, however quiet the endpoint is meanwhile, or until the endpoint is gone.
 */
export function healthItem(
  { dueAt, ...health }: EndpointHealth,
  nowMs: number,
  dueShards: number,
): Record<string, unknown> {
  const key = endpointHealthKey(health);
  const isIdle = dueAt === null && health.toldSince === null;
  return {
    ...key,
    ...health,
    ...(dueAt !== null && { duePk: healthShard(key, dueShards), dueAt: dueText(dueAt) }),
    ...(isIdle && { expiresAt: expiresAfter(instantFromMs(nowMs), keptDays) }),
  };
}

/** Somebody else changed it first, or is about to. */
const isConflict = (error: unknown): boolean =>
  isOvertaken(error) || (error instanceof Error && error.name === 'TransactionConflictException');

async function listDue(options: EndpointHealthOptions, until: Instant): Promise<DueHealth> {
  const shards = Array.from({ length: options.dueShards }, (_, shard) => healthShardName(shard));
  const found = await Promise.all(shards.map(async (partition) => listPartition(options, partition, until)));
  return {
    health: found
      .flatMap(({ health }) => health)
      .filter(({ dueAt }) => dueAt !== null && dueAt <= until)
      .sort((a, b) => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1)),
    unreadable: found.flatMap(({ unreadable }) => unreadable),
  };
}

async function listPartition(
  { documents, entitiesTable: table }: EndpointHealthOptions,
  partition: string,
  until: Instant,
): Promise<DueHealth> {
  const found: DueHealth = { health: [], unreadable: [] };
  let from: Position | null = null;
  do {
    const page: DueKeysPage = await queryDueKeys(
      { documents, table },
      { partition, until, limit: pageSize, from },
    );
    for (const item of await readItems({ documents, table }, page.keys)) {
      const parsed = EndpointHealthSchema.safeParse(item);
      if (parsed.success) found.health.push(parsed.data);
      else found.unreadable.push({ key: keyOf(item), error: parsed.error });
    }
    from = page.next;
  } while (from !== null);
  return found;
}
