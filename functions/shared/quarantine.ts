import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { timeToBase36 } from '../../schemas/event-id.ts';
import type { QuarantineRecord } from '../../schemas/quarantine.ts';
import { BatchWriteCommand, type DynamoDBDocumentClient } from './aws/documents.ts';
import { expiresAfter } from './expiry.ts';
import { TowercastError } from './errors.ts';
import type { ItemKey } from './keys.ts';

export interface QuarantineStore {
  /**
   * Keeps the records. The same publication makes the same keys each time, so a retry repeats nothing. Throws
   * TowercastError `quarantine_not_written`.
   */
  write(records: readonly QuarantineRecord[]): Promise<void>;
}

export interface QuarantineStoreOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  retentionDays: number;
}

/** Partitions per day. */
const shards = 8;
/** BatchWriteItem. */
const maxBatchItems = 25;
const backoffMs = [20, 80, 320, 1_000];

/** One day's quarantine is 8 queries, each in the order of receipt. */
export function quarantineKey(
  record: Pick<QuarantineRecord, 'receivedAt' | 'traceId' | 'index' | 'reason'>,
): ItemKey {
  const shard = createHash('sha256').update(record.traceId).digest().readUInt32BE(0) % shards;
  const place = record.reason === 'too_many' ? 'rest' : String(record.index);
  return {
    pk: `quarantine#${record.receivedAt.slice(0, 10)}#${shard}`,
    sk: `${timeToBase36(record.receivedAt)}_${record.traceId}_${place}`,
  };
}

export function createQuarantineStore(options: QuarantineStoreOptions): QuarantineStore {
  return {
    async write(records) {
      for (let start = 0; start < records.length; start += maxBatchItems) {
        await writeBatch(options, records.slice(start, start + maxBatchItems));
      }
    },
  };
}

async function writeBatch(
  { documents, entitiesTable, retentionDays }: QuarantineStoreOptions,
  records: readonly QuarantineRecord[],
): Promise<void> {
  let waiting: { PutRequest: { Item: Record<string, unknown> } }[] = records.map((record) => {
    const Item = {
      ...quarantineKey(record),
      ...record,
      expiresAt: expiresAfter(record.receivedAt, retentionDays),
    };
    return { PutRequest: { Item } };
  });
  for (const delayMs of [...backoffMs, null]) {
    const { UnprocessedItems } = await documents.send(
      new BatchWriteCommand({ RequestItems: { [entitiesTable]: waiting } }),
    );
    waiting = (UnprocessedItems?.[entitiesTable] ?? []).flatMap(({ PutRequest }) =>
      PutRequest?.Item === undefined ? [] : [{ PutRequest: { Item: PutRequest.Item } }],
    );
    if (waiting.length === 0) return;
    if (delayMs !== null) await wait(Math.random() * delayMs);
  }
  throw new TowercastError('quarantine_not_written', `${waiting.length} messages were not quarantined`);
}
