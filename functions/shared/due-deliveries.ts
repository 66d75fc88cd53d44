import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import {
  BatchExecuteStatementCommand,
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  UpdateCommand,
} from './aws/documents.ts';
import { forEachAtMost } from './concurrency.ts';
import { deliveryRecordKey, dueText, parseDeliveryItem } from './delivery-item.ts';
import { TowercastError } from './errors.ts';
import { dueShard, type ItemKey } from './keys.ts';
import {
  keyOf,
  queryDueKeys,
  readItems,
  type DueKey,
  type DueKeysQuery,
  type Position,
  type TableOptions,
} from './read-items.ts';

/** A delivery that waits, as the index has it: its key names the endpoint, so that none is read in vain. */
export interface WaitingDelivery extends DueKey {
  endpointId: string;
}

export interface WaitingPage {
  waiting: WaitingDelivery[];
  /** Null at the partition's end. */
  next: Position | null;
}

export interface Lease {
  record: DeliveryRecord;
  /** When it is due again, if nothing comes of it until then. */
  until: Instant;
}

/** `taken`: somebody else took it, sent it, or it ended. */
export type LeaseOutcome = 'leased' | 'taken' | Error;

export interface DueDeliveries {
  /**
   * What waits in a partition of the due index until a time, the longest overdue first unless asked for otherwise. The index
   * lags by moments.
   */
  list(query: DueKeysQuery): Promise<WaitingPage>;
  /** The record of each, in order; null for one that no longer waits as the index had it. */
  read(waiting: readonly WaitingDelivery[]): Promise<(DeliveryRecord | null)[]>;
  /**
   * Takes deliveries: each is in the due index with its lease's end, so that it comes back if whoever took it dies; one
   * of a backlog leaves that. One outcome per lease, in order.
   */
  lease(leases: readonly Lease[]): Promise<LeaseOutcome[]>;
}

export interface DueDeliveriesOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  /** Partitions of the due index. */
  dueShards: number;
  /** Told of an item that is no delivery that this release knows; the others go on. */
  onUnreadable?: (key: ItemKey, error: unknown) => void;
}

/** BatchExecuteStatement. */
const maxStatements = 25;
const maxConcurrentCalls = 4;

export function createDueDeliveries(options: DueDeliveriesOptions): DueDeliveries {
  const table: TableOptions = { documents: options.documents, table: options.deliveriesTable };
  return {
    async list(query) {
      const { keys, next } = await queryDueKeys(table, { ...query, until: dueText(query.until) });
      return { waiting: keys.map(waitingAt), next };
    },
    async read(waiting) {
      const records = await readRecords(options, table, waiting);
      return waiting.map((one) => {
        const record = records.get(nameOf(one));
        return record?.status === 'pending' && record.dueAt === one.dueAt ? record : null;
      });
    },
    async lease(leases) {
      const outcomes = new Map<Lease, LeaseOutcome>();
      const [due, parked] = partition(leases);
      const batches = Array.from({ length: Math.ceil(due.length / maxStatements) }, (_, index) =>
        due.slice(index * maxStatements, (index + 1) * maxStatements),
      );
      await forEachAtMost(maxConcurrentCalls, batches, async (batch) => {
        const made = await leaseDue(options, batch).catch((error: unknown) =>
          batch.map(() => notLeased(error)),
        );
        for (const [index, lease] of batch.entries())
          outcomes.set(lease, made[index] ?? notLeased('no answer'));
      });
      await forEachAtMost(maxConcurrentCalls, parked, async (lease) => {
        outcomes.set(lease, await leaseParked(options, lease).catch(notLeased));
      });
      return leases.map((lease) => outcomes.get(lease) ?? 'taken');
    },
  };
}

const partition = (leases: readonly Lease[]): [due: Lease[], parked: Lease[]] => [
  leases.filter(({ record }) => record.waitsFor === 'time'),
  leases.filter(({ record }) => record.waitsFor === 'endpoint'),
];

/** `pk` is `{endpoint}#{day}`, as deliveryKey of keys.ts makes it. */
const waitingAt = ({ pk, sk, dueAt }: DueKey): WaitingDelivery => ({
  pk,
  sk,
  dueAt,
  endpointId: pk.slice(0, Math.max(pk.lastIndexOf('#'), 0)),
});

const nameOf = ({ pk, sk }: ItemKey): string => `${pk}|${sk}`;

async function readRecords(
  { onUnreadable }: DueDeliveriesOptions,
  table: TableOptions,
  keys: readonly ItemKey[],
): Promise<Map<string, DeliveryRecord>> {
  const records = new Map<string, DeliveryRecord>();
  for (const item of await readItems(table, keys)) {
    try {
      records.set(nameOf(keyOf(item)), parseDeliveryItem(item));
    } catch (error) {
      onUnreadable?.(keyOf(item), error);
    }
  }
  return records;
}

/**
 * PartiQL, since it is the only way to give many updates, each with a condition of its own, in one request that is no
 * transaction: half the price of one, and a lost race fails alone.
 */
async function leaseDue(
  { documents, deliveriesTable }: DueDeliveriesOptions,
  leases: readonly Lease[],
): Promise<(LeaseOutcome | undefined)[]> {
  const { Responses = [] } = await documents.send(
    new BatchExecuteStatementCommand({
      Statements: leases.map(({ record, until }) => {
        const { pk, sk } = deliveryRecordKey(record);
        return {
          Statement: `UPDATE "${deliveriesTable}" SET dueAt = ? WHERE pk = ? AND sk = ? AND "status" = ? AND dueAt = ?`,
          Parameters: [dueText(until), pk, sk, 'pending', record.dueAt],
        };
      }),
    }),
  );
  return Responses.map(({ Error: error }): LeaseOutcome => {
    if (error === undefined) return 'leased';
    return error.Code === 'ConditionalCheckFailed' ? 'taken' : notLeased(error);
  });
}

/** Into the partition of what is due by time. */
async function leaseParked(
  { documents, deliveriesTable, dueShards }: DueDeliveriesOptions,
  { record, until }: Lease,
): Promise<LeaseOutcome> {
  const key = deliveryRecordKey(record);
  try {
    await documents.send(
      new UpdateCommand({
        TableName: deliveriesTable,
        Key: key,
        UpdateExpression: 'SET duePk = :shard, dueAt = :until, waitsFor = :time',
        ConditionExpression: '#status = :pending AND dueAt = :seen AND waitsFor = :endpoint',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: {
          ':shard': dueShard(key, dueShards),
          ':until': dueText(until),
          ':time': 'time',
          ':pending': 'pending',
          ':seen': record.dueAt,
          ':endpoint': 'endpoint',
        },
      }),
    );
    return 'leased';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'taken';
    throw error;
  }
}

const notLeased = (cause: unknown): TowercastError =>
  new TowercastError('not_leased', 'DynamoDB did not take the lease of a delivery', { cause });
