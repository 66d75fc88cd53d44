import type { Instant } from '../../schemas/primitives.ts';
import type { QuarantineReason, QuarantineRecord } from '../../schemas/quarantine.ts';
import type { Rejected } from './parse.ts';

export interface RejectedPublication {
  topic: string;
  clientId: string;
  traceId: string;
  receivedAt: Instant;
  /** The publication's bytes. */
  payload: Buffer;
  rejected: readonly Rejected[];
}

/** An array of 128 KB may hold 65,000 numbers: past this many, one record stands for the rest. */
const maxSingleRecords = 50;
/** In base64 this stays well under DynamoDB's 400 KB. */
const maxRawBytes = 128 * 1024;

/** One record per message, each with its bytes. The last may stand for many, with the whole publication. */
export function quarantineRecords(publication: RejectedPublication): QuarantineRecord[] {
  const { rejected, payload } = publication;
  const records = rejected
    .slice(0, maxSingleRecords)
    .map((one) => record(publication, one.raw, one.index, one.reason, one.detail));
  const rest = rejected.slice(maxSingleRecords);
  const [first] = rest;
  if (first === undefined) return records;
  const detail = [...countReasons(rest)].map(([reason, count]) => `${count} ${reason}`).join(', ');
  return [
    ...records,
    { ...record(publication, payload, first.index, 'too_many', detail), count: rest.length },
  ];
}

export function countReasons(rejected: readonly Rejected[]): Map<QuarantineReason, number> {
  const counts = new Map<QuarantineReason, number>();
  for (const { reason } of rejected) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

const record = (
  { topic, clientId, traceId, receivedAt }: RejectedPublication,
  raw: Buffer,
  index: number,
  reason: QuarantineReason,
  detail: string,
): QuarantineRecord => ({
  kind: 'quarantine',
  topic,
  clientId,
  traceId,
  index,
  reason,
  detail,
  count: 1,
  raw: raw.subarray(0, maxRawBytes).toString('base64'),
  truncated: raw.length > maxRawBytes,
  receivedAt,
});
