import { setTimeout as wait } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  PutCommand,
  QueryCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { Entity } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { entityItem, parseEntity } from './entity-item.ts';
import { EntitySet } from './entity-set.ts';
import { TowercastError } from './errors.ts';
import { entityKey, type EntityRef, type ItemKey } from './keys.ts';

/** A page of the due index; `next` is null at its end. */
export interface DuePage {
  entities: Entity[];
  /** Items that are no entity that this release knows. */
  unreadable: { key: ItemKey; error: unknown }[];
  next: Record<string, unknown> | null;
}

export interface DueQuery {
  shard: number;
  now: Instant;
  limit: number;
  /** `next` of the page before; null for the first. */
  after: Record<string, unknown> | null;
}

export interface EntityStore {
  /** What exists of these, read consistently. Throws a ZodError for an item that is no entity. */
  getMany(refs: readonly EntityRef[]): Promise<EntitySet>;
  /** Stores an entity that must not exist yet. False when it does. */
  putNew(entity: Entity): Promise<boolean>;
  /** Stores an entity over the version it was loaded at, as the next one. False when that is not the one stored. */
  replace(entity: Entity): Promise<boolean>;
  /** Removes an entity of the version it was loaded at. False when that is not the one stored. */
  remove(entity: Entity): Promise<boolean>;
  /** What was due in a shard, as the index knew it: it lags, so look at each entity's own `dueAt`. */
  listDue(query: DueQuery): Promise<DuePage>;
}

export interface EntityStoreOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  /** Partitions of the due index. */
  dueShards: number;
}

/** BatchGetItem. */
const maxBatchKeys = 100;
/** Waits before asking again for keys that BatchGetItem left unprocessed (throttling), with full jitter. */
const backoffMs = [20, 80, 320, 1_000];

const IndexItemSchema = z.object({ pk: z.string(), sk: z.string() });

export function createEntityStore(options: EntityStoreOptions): EntityStore {
  const { documents, entitiesTable } = options;
  const replace = async (entity: Entity): Promise<boolean> =>
    isConditionMet(documents.send(new PutCommand(versionedPut(options, entity))));
  return {
    getMany: async (refs) => new EntitySet(await readKeys(options, refs.map(entityKey))),
    putNew: (entity) => replace({ ...entity, version: 0 }),
    replace,
    remove: async (entity) =>
      isConditionMet(
        documents.send(
          new DeleteCommand({
            TableName: entitiesTable,
            Key: entityKey(entity),
            ConditionExpression: '#version = :loaded',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':loaded': entity.version },
          }),
        ),
      ),
    async listDue({ shard, now, limit, after }) {
      const page = await documents.send(
        new QueryCommand({
          TableName: entitiesTable,
          IndexName: 'due',
          KeyConditionExpression: 'duePk = :shard AND dueAt <= :now',
          ExpressionAttributeValues: { ':shard': `due#${shard}`, ':now': now },
          Limit: limit,
          ...(after !== null && { ExclusiveStartKey: after }),
        }),
      );
      const keys = (page.Items ?? []).map((item) => IndexItemSchema.parse(item));
      const due: DuePage = { entities: [], unreadable: [], next: page.LastEvaluatedKey ?? null };
      for (const item of await readItems(options, keys)) {
        try {
          due.entities.push(parseEntity(item));
        } catch (error) {
          due.unreadable.push({ key: IndexItemSchema.parse(item), error });
        }
      }
      return due;
    },
  };
}

async function isConditionMet(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** A put of the entity's next version over the one it was loaded at; version 0 is not stored yet. */
export function versionedPut(
  { entitiesTable, dueShards }: Pick<EntityStoreOptions, 'entitiesTable' | 'dueShards'>,
  entity: Entity,
) {
  const Item = entityItem({ ...entity, version: entity.version + 1 }, dueShards);
  return entity.version === 0
    ? { TableName: entitiesTable, Item, ConditionExpression: 'attribute_not_exists(pk)' }
    : {
        TableName: entitiesTable,
        Item,
        ConditionExpression: '#version = :loaded',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':loaded': entity.version },
      };
}

/** What exists of these keys, in no order. */
export async function readKeys(options: EntityStoreOptions, keys: readonly ItemKey[]): Promise<Entity[]> {
  return (await readItems(options, keys)).map(parseEntity);
}

type Item = Record<string, unknown>;

async function readItems(options: EntityStoreOptions, keys: readonly ItemKey[]): Promise<Item[]> {
  // BatchGetItem refuses a request that names a key twice.
  const unique = [...new Map(keys.map((key) => [`${key.pk}|${key.sk}`, key])).values()];
  const batches = Array.from({ length: Math.ceil(unique.length / maxBatchKeys) }, (_, index) =>
    unique.slice(index * maxBatchKeys, (index + 1) * maxBatchKeys),
  );
  const read = await Promise.all(batches.map((batch) => readBatch(options, batch)));
  return read.flat();
}

/** Throws TowercastError `entities_not_read` when DynamoDB goes on leaving keys unprocessed. */
async function readBatch(
  { documents, entitiesTable }: EntityStoreOptions,
  keys: readonly ItemKey[],
): Promise<Item[]> {
  const items: Item[] = [];
  let request: BatchGetCommandInput['RequestItems'] = {
    [entitiesTable]: { Keys: keys.map(({ pk, sk }) => ({ pk, sk })), ConsistentRead: true },
  };
  for (const delayMs of [...backoffMs, null]) {
    const page: BatchGetCommandOutput = await documents.send(new BatchGetCommand({ RequestItems: request }));
    items.push(...(page.Responses?.[entitiesTable] ?? []));
    request = page.UnprocessedKeys;
    if (request === undefined || Object.keys(request).length === 0) return items;
    if (delayMs !== null) await wait(Math.random() * delayMs);
  }
  throw new TowercastError('entities_not_read', `DynamoDB left keys of ${entitiesTable} unprocessed`);
}
