import type { Entity } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import {
  ConditionalCheckFailedException,
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
} from './aws/documents.ts';
import { entityItem, parseEntity } from './entity-item.ts';
import { EntitySet } from './entity-set.ts';
import { dueShardName, entityKey, type EntityRef, type ItemKey } from './keys.ts';
import { whileVersion } from './optimistic-locking.ts';
import {
  keyOf,
  countDueKeys,
  queryDueKeys,
  readItems,
  type Position,
  type UnreadableItem,
} from './read-items.ts';

/** A page of the due index; `next` is null at its end. */
export interface DuePage {
  entities: Entity[];
  /** Items that are no entity that this release knows. */
  unreadable: UnreadableItem[];
  next: Position | null;
}

export interface DueQuery {
  shard: number;
  now: Instant;
  limit: number;
  /** `next` of the page before; null for the first. */
  after: Position | null;
}

export type DueCountQuery = Omit<DueQuery, 'limit'>;

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
  /** How many were due in a shard, as the index knew it and as far as one request reads: some thousands. */
  countDue(query: DueCountQuery): Promise<number>;
}

export interface EntityStoreOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  /** Partitions of the due index. */
  dueShards: number;
}

const tableOf = ({ documents, entitiesTable }: EntityStoreOptions) => ({ documents, table: entitiesTable });

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
      const page = await queryDueKeys(tableOf(options), {
        partition: dueShardName(shard),
        until: now,
        limit,
        from: after,
      });
      const due: DuePage = { entities: [], unreadable: [], next: page.next };
      for (const item of await readItems(tableOf(options), page.keys)) {
        try {
          due.entities.push(parseEntity(item));
        } catch (error) {
          due.unreadable.push({ key: keyOf(item), error });
        }
      }
      return due;
    },
    countDue: async ({ shard, now, after }) =>
      countDueKeys(tableOf(options), { partition: dueShardName(shard), until: now, from: after }),
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
  return { TableName: entitiesTable, Item, ...whileVersion(entity.version) };
}

/** What exists of these keys, in no order. */
export async function readKeys(options: EntityStoreOptions, keys: readonly ItemKey[]): Promise<Entity[]> {
  return (await readItems(tableOf(options), keys)).map(parseEntity);
}
