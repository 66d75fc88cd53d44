import { setTimeout as wait } from 'node:timers/promises';
import DataLoader from 'dataloader';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import {
  BatchWriteCommand,
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactionCanceledException,
  TransactWriteCommand,
} from './aws/documents.ts';
import { forEachAtMost } from './concurrency.ts';
import {
  deliveryItem,
  deliveryRecordKey,
  parseDeliveryItem,
  type DeliveryItemOptions,
  type DeliveryRef,
} from './delivery-item.ts';
import { TowercastError } from './errors.ts';
import { eventItem } from './event-item.ts';

/** `behind` gives the record that stands instead: another chain of attempts is ahead, or it was delivered. */
export type AdvanceOutcome = { kind: 'written' } | { kind: 'behind'; current: DeliveryRecord | null };

export interface DeliveryStore {
  /** Consistent. */
  get(ref: DeliveryRef): Promise<DeliveryRecord | null>;
  /**
   * Writes a record that is final for sure: one that was delivered. Whatever stands there is replaced; writes made at
   * the same time share requests. Throws TowercastError `record_not_written`.
   */
  put(record: DeliveryRecord): Promise<void>;
  /**
   * Writes a record unless what stands there has `attemptsBelow` attempts or more, or was delivered and this is no
   * replay of it. `notice` is an event that becomes known in the same commit. Throws only for the unexpected.
   */
  advance(
    record: DeliveryRecord,
    attemptsBelow: number,
    notice?: DomainEvent | null,
  ): Promise<AdvanceOutcome>;
}

export interface DeliveryStoreOptions extends DeliveryItemOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  /** Where notices go. */
  eventsTable: string;
}

/** BatchWriteItem. */
const maxBatchItems = 25;
const maxConcurrentCalls = 8;
/** Waits after a BatchWriteItem that left items unprocessed (throttling), with full jitter. */
const backoffMs = [20, 80, 320];
/** Of a transaction that others are in the way of. */
const maxTries = 4;
/** Deliveries of one batch end within milliseconds of each other: waiting for the neighbours saves requests. */
const coalesceMs = 4;

export function createDeliveryStore(options: DeliveryStoreOptions): DeliveryStore {
  const { documents, deliveriesTable } = options;
  const loader = new DataLoader<DeliveryRecord, null>((records) => writeBatched(options, records), {
    cache: false,
    batchScheduleFn: (dispatch) => setTimeout(dispatch, coalesceMs),
  });

  const get = async (ref: DeliveryRef): Promise<DeliveryRecord | null> => {
    const { Item } = await documents.send(
      new GetCommand({ TableName: deliveriesTable, Key: deliveryRecordKey(ref), ConsistentRead: true }),
    );
    return Item === undefined ? null : parseDeliveryItem(Item);
  };

  return {
    get,
    async put(record) {
      await loader.load(record);
    },
    async advance(record, attemptsBelow, notice = null) {
      const put = putUnlessFurther(options, record, attemptsBelow);
      for (let tries = 1; ; tries += 1)
        try {
          if (notice === null) await documents.send(new PutCommand(put));
          else await writeWithNotice(options, put, notice);
          return { kind: 'written' };
        } catch (error) {
          if (isBehind(error)) return { kind: 'behind', current: await get(record) };
          if (!isConflict(error) || tries === maxTries) throw error;
          await wait(Math.random() * 50 * tries);
        }
    },
  };
}

/** A repeat finds its replay, or what was delivered meanwhile, further on. */
export function putUnlessFurther(
  options: DeliveryItemOptions & Pick<DeliveryStoreOptions, 'deliveriesTable'>,
  record: DeliveryRecord,
  attemptsBelow: number,
) {
  const further = record.replay === null ? ' AND #status <> :delivered' : '';
  return {
    TableName: options.deliveriesTable,
    Item: deliveryItem(record, options),
    ConditionExpression: `attribute_not_exists(pk) OR (size(attempts) < :below${further})`,
    ExpressionAttributeValues: {
      ':below': attemptsBelow,
      ...(record.replay === null && { ':delivered': 'delivered' }),
    },
    ...(record.replay === null && { ExpressionAttributeNames: { '#status': 'status' } }),
  };
}

const writeWithNotice = async (
  { documents, eventsTable, retentionDays }: DeliveryStoreOptions,
  put: ReturnType<typeof putUnlessFurther>,
  notice: DomainEvent,
): Promise<void> => {
  await documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: put },
        // Its id names what it tells of: the same one again is the same event.
        { Put: { TableName: eventsTable, Item: eventItem(notice, retentionDays) } },
      ],
    }),
  );
};

const isBehind = (error: unknown): boolean =>
  error instanceof ConditionalCheckFailedException ||
  (error instanceof TransactionCanceledException &&
    error.CancellationReasons?.[0]?.Code === 'ConditionalCheckFailed');

/** Somebody else was writing the item just then: not to be told of it would repeat the POST that it records. */
const isConflict = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(({ Code }) => Code === 'TransactionConflict');

/** One outcome per record, in order. */
async function writeBatched(
  options: DeliveryStoreOptions,
  records: readonly DeliveryRecord[],
): Promise<(null | Error)[]> {
  // BatchWriteItem refuses a request that names a key twice, and two tasks for one delivery may end together.
  const items = new Map(
    records.map((record) => [recordName(record), deliveryItem(record, options)] as const),
  );
  const names = [...items.keys()];
  const batches = Array.from({ length: Math.ceil(names.length / maxBatchItems) }, (_, index) =>
    names.slice(index * maxBatchItems, (index + 1) * maxBatchItems),
  );
  const failed = new Map<string, string>();
  await forEachAtMost(maxConcurrentCalls, batches, async (batch) => {
    const left = await writeBatch(
      options,
      batch.map((name) => items.get(name) ?? {}),
    );
    for (const [name, reason] of left) failed.set(name, reason);
  });
  return records.map((record) => {
    const reason = failed.get(recordName(record));
    if (reason === undefined) return null;
    return new TowercastError('record_not_written', `delivery ${record.id} was not recorded: ${reason}`);
  });
}

type Item = Record<string, unknown>;
const itemName = (item: Item): string => `${String(item['pk'])}|${String(item['sk'])}`;
const recordName = (record: DeliveryRef): string => itemName({ ...deliveryRecordKey(record) });

/** Names of the items that were not written, and why. */
async function writeBatch(options: DeliveryStoreOptions, items: Item[]): Promise<Map<string, string>> {
  let waiting = items;
  for (const delayMs of [...backoffMs, null]) {
    const outcome = await writeOnce(options, waiting);
    if (outcome.kind === 'refused') return writeSingly(options, waiting, outcome.reason);
    waiting = outcome.unprocessed;
    if (waiting.length === 0) break;
    if (delayMs !== null) await wait(Math.random() * delayMs);
  }
  return new Map(waiting.map((item) => [itemName(item), 'throttled']));
}

/** An item that DynamoDB refuses takes its whole request with it: alone, it harms no other delivery. */
async function writeSingly(
  options: DeliveryStoreOptions,
  items: Item[],
  reason: string,
): Promise<Map<string, string>> {
  if (items.length === 1) return new Map(items.map((item) => [itemName(item), reason]));
  const failed = new Map<string, string>();
  await forEachAtMost(maxConcurrentCalls, items, async (item) => {
    for (const [name, why] of await writeBatch(options, [item])) failed.set(name, why);
  });
  return failed;
}

async function writeOnce(
  { documents, deliveriesTable }: DeliveryStoreOptions,
  items: Item[],
): Promise<{ kind: 'written'; unprocessed: Item[] } | { kind: 'refused'; reason: string }> {
  const requests = items.map((Item) => ({ PutRequest: { Item } }));
  try {
    const { UnprocessedItems } = await documents.send(
      new BatchWriteCommand({ RequestItems: { [deliveriesTable]: requests } }),
    );
    const left = new Set(
      (UnprocessedItems?.[deliveriesTable] ?? []).map(({ PutRequest }) => itemName(PutRequest?.Item ?? {})),
    );
    return { kind: 'written', unprocessed: items.filter((item) => left.has(itemName(item))) };
  } catch (error) {
    // The client has retried.
    return { kind: 'refused', reason: error instanceof Error ? error.name : 'unknown' };
  }
}
