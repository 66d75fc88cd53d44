import { createHash } from 'node:crypto';
import type { StreamRecord } from './stream-record.ts';

/**
 * Records as Lambda shares them out among so many batches of a shard at a time: those of one item (partition and sort key)
 * stay together and in order, and nothing else does. Source: Lambda, "Using Lambda with DynamoDB", on `ParallelizationFactor`.
 */
export function partitionByItem(records: readonly StreamRecord[], factor: number): StreamRecord[][] {
  const parts: StreamRecord[][] = Array.from({ length: factor }, () => []);
  for (const record of records) parts[partOf(record, factor)]?.push(record);
  return parts.filter((part) => part.length > 0);
}

function partOf({ dynamodb }: StreamRecord, factor: number): number {
  const item = Object.entries(dynamodb.Keys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(item)).digest().readUInt32BE(0) % factor;
}
