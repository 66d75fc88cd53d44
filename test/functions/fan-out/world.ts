import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { createHandler, type FanOutDeps } from '../../../functions/fan-out/create-handler.ts';
import { eventItem, type CommittedEvent } from '../../../functions/shared/event-item.ts';
import type { ItemKey } from '../../../functions/shared/keys.ts';
import { keyOf } from '../../../functions/shared/read-items.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import type { QuarantineRecord } from '../../../schemas/quarantine.ts';
import { makeObserver } from '../../helpers/batches.ts';

/** A record as the stream hands it over. */
export function insertOf(sequence: number, event: DomainEvent, after: string | null = null): DynamoDBRecord {
  const item = eventItem(event, 90, after);
  const image: unknown = JSON.parse(JSON.stringify(marshall(item)));
  return recordOf(sequence, 'INSERT', { image, key: keyOf(item) });
}

export function recordOf(
  sequence: number,
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE',
  { image, key = { pk: 'subject', sk: String(sequence) } }: { image: unknown; key?: ItemKey },
): DynamoDBRecord {
  const streamRecord: DynamoDBRecord = {
    eventName,
    dynamodb: { SequenceNumber: String(sequence), Keys: { pk: { S: key.pk }, sk: { S: key.sk } } },
  };
  Object.assign(streamRecord.dynamodb ?? {}, { NewImage: image });
  return streamRecord;
}

export const batchOf = (...records: DynamoDBRecord[]): DynamoDBStreamEvent => ({ Records: records });

export const readAtMs = Date.parse('2026-03-20T09:15:01Z');
export const asRead = (endpoint: Endpoint) => ({ ...endpoint, readAtMs });

/** What fan-out needs, in memory; `refuses` picks the tasks that the queue does not take. */
export function makeWorld(endpoints: Endpoint[], refuses: (task: OutgoingTask) => boolean = () => false) {
  const sent: OutgoingTask[] = [];
  const logged: [string, string[]][] = [];
  const quarantined: QuarantineRecord[] = [];
  /** What the events table holds, beside what the stream brings. */
  const stored = new Map<string, CommittedEvent>();
  const read: string[] = [];
  const observer = makeObserver();
  let taskNumber = 0;
  const deps: FanOutDeps = {
    endpoints: {
      get: async (ref) =>
        endpoints
          .map(asRead)
          .find(
            ({ partnerId, endpointId }) => partnerId === ref.partnerId && endpointId === ref.endpointId,
          ) ?? null,
      ofPartner: async (partnerId) =>
        endpoints.filter((endpoint) => endpoint.partnerId === partnerId).map(asRead),
    },
    tasks: {
      async send(tasks) {
        sent.push(...tasks.filter((task) => !refuses(task)));
        if (tasks.some(refuses)) throw new Error('not sent');
      },
    },
    log: {
      async append(partnerId, entries) {
        logged.push([partnerId, entries.map(({ eventId }) => eventId)]);
      },
    },
    committed: {
      async get(eventId) {
        read.push(eventId);
        return stored.get(eventId) ?? null;
      },
    },
    quarantine: {
      async write(records) {
        quarantined.push(...records);
      },
    },
    logger: observer.logger,
    metrics: observer.recorder,
    newTaskId: () => `task-${(taskNumber += 1)}`,
  };
  return { handler: createHandler(deps), sent, logged, quarantined, stored, read, observer, deps };
}
