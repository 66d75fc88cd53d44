import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import type { Instant } from '../../schemas/primitives.ts';
import {
  BatchGetCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  type DynamoDBDocumentClient,
  QueryCommand,
} from './aws/documents.ts';
import { TowercastError } from './errors.ts';
import type { ItemKey } from './keys.ts';

/** An item as it is stored; its reader parses it. */
export type Item = Record<string, unknown>;

/** One that this release can't read, and why. */
export interface UnreadableItem {
  key: ItemKey;
  error: unknown;
}

/** Where a page of a query ended. */
export type Position = Record<string, unknown>;

export interface TableOptions {
  documents: DynamoDBDocumentClient;
  table: string;
}

/** BatchGetItem. */
const maxBatchKeys = 100;
/** Waits before asking again for keys that BatchGetItem left unprocessed (throttling), with full jitter. */
const backoffMs = [20, 80, 320, 1_000];

const ItemKeySchema = z.object({ pk: z.string(), sk: z.string() });

/** The key of an item of any of our tables. */
export const keyOf = (item: Item): ItemKey => ItemKeySchema.parse(item);

/**
 * What exists of these keys, read consistently, in no order. Throws TowercastError `items_not_read` when DynamoDB goes
 * on leaving keys unprocessed.
 */
export async function readItems(options: TableOptions, keys: readonly ItemKey[]): Promise<Item[]> {
  // BatchGetItem refuses a request that names a key twice.
  const unique = [...new Map(keys.map((key) => [`${key.pk}|${key.sk}`, key])).values()];
  const batches = Array.from({ length: Math.ceil(unique.length / maxBatchKeys) }, (_, index) =>
    unique.slice(index * maxBatchKeys, (index + 1) * maxBatchKeys),
  );
  const read = await Promise.all(batches.map((batch) => readBatch(options, batch)));
  return read.flat();
}

async function readBatch({ documents, table }: TableOptions, keys: readonly ItemKey[]): Promise<Item[]> {
  const items: Item[] = [];
  let request: BatchGetCommandInput['RequestItems'] = {
    [table]: { Keys: keys.map(({ pk, sk }) => ({ pk, sk })), ConsistentRead: true },
  };
  for (const delayMs of [...backoffMs, null]) {
    const page: BatchGetCommandOutput = await documents.send(new BatchGetCommand({ RequestItems: request }));
    items.push(...(page.Responses?.[table] ?? []));
    request = page.UnprocessedKeys;
    if (request === undefined || Object.keys(request).length === 0) return items;
    if (delayMs !== null) await wait(Math.random() * delayMs);
  }
  throw new TowercastError('items_not_read', `DynamoDB left keys of ${table} unprocessed`);
}

export interface DueKeysQuery {
  /** A partition of the index: `dueShardName` of keys.ts, or another of those there. */
  partition: string;
  /** From then on; default: the first there is. */
  since?: string;
  /** As the index holds it: an instant with milliseconds. */
  until: string;
  limit: number;
  from: Position | null;
  /** Gives only the items of this partition of the table. The others are read all the same, and count for `limit`. */
  pk?: string;
  newestFirst?: true;
}

/** Which item waits, and until when: all that the index knows. */
export type DueKey = ItemKey & { dueAt: Instant };

/** `next` is null at the index's end. */
export interface DueKeysPage {
  keys: DueKey[];
  next: Position | null;
}

const DueKeySchema = ItemKeySchema.extend({ dueAt: z.string() });

/** `until`: default whenever it is due. `limit`: the count ends there. */
type DueKeysCount = Pick<DueKeysQuery, 'partition'> & Partial<Pick<DueKeysQuery, 'until' | 'limit' | 'from'>>;

/** How many keys a partition of a table's `due` index has, as far as one request reads. The index lags by moments. */
export async function countDueKeys(
  { documents, table }: TableOptions,
  { partition, until, limit, from = null }: DueKeysCount,
): Promise<number> {
  const { Count = 0 } = await documents.send(
    new QueryCommand({
      TableName: table,
      IndexName: 'due',
      KeyConditionExpression: `duePk = :partition${until === undefined ? '' : ' AND dueAt <= :until'}`,
      ExpressionAttributeValues: { ':partition': partition, ...(until !== undefined && { ':until': until }) },
      Select: 'COUNT',
      ...(limit !== undefined && { Limit: limit }),
      ...(from !== null && { ExclusiveStartKey: from }),
    }),
  );
  return Count;
}

/** A page of a table's `due` index, the longest overdue first unless asked for otherwise. */
export async function queryDueKeys(
  { documents, table }: TableOptions,
  { partition, since, until, limit, from, pk, newestFirst }: DueKeysQuery,
): Promise<DueKeysPage> {
  const page = await documents.send(
    new QueryCommand({
      TableName: table,
      IndexName: 'due',
      KeyConditionExpression: `duePk = :partition AND dueAt ${since === undefined ? '<= :until' : 'BETWEEN :since AND :until'}`,
      ...(pk !== undefined && { FilterExpression: 'pk = :pk' }),
      ExpressionAttributeValues: {
        ':partition': partition,
        ':until': until,
        ...(since !== undefined && { ':since': since }),
        ...(pk !== undefined && { ':pk': pk }),
      },
      Limit: limit,
      ScanIndexForward: newestFirst !== true,
      ...(from !== null && { ExclusiveStartKey: from }),
    }),
  );
  return {
    keys: (page.Items ?? []).map((item) => DueKeySchema.parse(item)),
    next: page.LastEvaluatedKey ?? null,
  };
}
