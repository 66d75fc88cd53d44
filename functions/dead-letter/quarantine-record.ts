import type { SQSRecord } from 'aws-lambda';
import { instantFromMs } from '../../schemas/instant.ts';
import type { QuarantineRecord } from '../../schemas/quarantine.ts';

/** DynamoDB takes items of 400 kB, and base64 makes four bytes of three. */
const maxRawBytes = 256 * 1_024;

/** A message on the DLQ that is no task, as it came. Its key is the message's: a repeat writes the same item. */
export function quarantineRecord(record: SQSRecord, detail: string): QuarantineRecord {
  const raw = Buffer.from(record.body);
  return {
    kind: 'quarantine',
    topic: 'delivery-dlq',
    clientId: record.attributes.SenderId,
    traceId: record.messageId,
    index: 0,
    reason: 'task_unreadable',
    detail,
    count: 1,
    raw: raw.subarray(0, maxRawBytes).toString('base64'),
    truncated: raw.byteLength > maxRawBytes,
    receivedAt: instantFromMs(Number(record.attributes.SentTimestamp)),
  };
}
