import type { DynamoDBRecord } from 'aws-lambda';
import { instantFromMs } from '../../schemas/instant.ts';
import type { QuarantineRecord } from '../../schemas/quarantine.ts';

/** A stream record whose image is no event that this release knows. Its key is the event's: a repeat writes it again. */
export function quarantineRecord({ dynamodb }: DynamoDBRecord, detail: string): QuarantineRecord {
  const seconds = dynamodb?.ApproximateCreationDateTime ?? 0;
  return {
    kind: 'quarantine',
    topic: 'events-stream',
    clientId: '',
    traceId: `${dynamodb?.Keys?.['pk']?.S ?? ''}_${dynamodb?.Keys?.['sk']?.S ?? dynamodb?.SequenceNumber ?? ''}`,
    index: 0,
    reason: 'event_unreadable',
    detail,
    count: 1,
    raw: Buffer.from(JSON.stringify(dynamodb?.NewImage ?? null)).toString('base64'),
    truncated: false,
    receivedAt: instantFromMs(seconds * 1_000),
  };
}
