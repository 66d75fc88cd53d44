import type { DynamoDBRecord } from 'aws-lambda';
import { eventIdOf } from '../../schemas/event-id.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { CommittedEventReader } from '../shared/committed-event-reader.ts';
import { afterOf } from '../shared/event-item.ts';
import type { QuarantineStore } from '../shared/quarantine.ts';
import { readStreamImage } from '../shared/stream-image.ts';
import type { Queued } from './line-up.ts';
import { quarantineRecord } from './quarantine-record.ts';
import { noTasks, tasksFor, type EventTasks, type TasksDeps } from './tasks.ts';

export interface PrepareDeps extends TasksDeps {
  committed: CommittedEventReader;
  quarantine: QuarantineStore;
  logger: { error(message: string, fields: Record<string, unknown>): void };
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
}

/** What is to be sent of an event. */
export interface Prepared extends Queued {
  /** Null when it is no news or could not be read. */
  event: DomainEvent | null;
  tasks: EventTasks;
}

/** Of a record of the stream. What can't be read is put into quarantine. */
export async function prepareRecord(deps: PrepareDeps, record: DynamoDBRecord): Promise<Prepared> {
  const { Keys: keys } = record.dynamodb ?? {};
  const id = eventIdOf({ pk: keys?.['pk']?.S ?? '', sk: keys?.['sk']?.S ?? '' });
  // Changes and removals (TTL) of events are not news.
  if (record.eventName !== 'INSERT') return preparedOf({ id, after: null, event: null, tasks: noTasks });
  const { event, after } = await readRecord(deps, record);
  return preparedOf({ id, after, event, tasks: event === null ? noTasks : await tasksFor(deps, event) });
}

/** Of an event that the batch doesn't have; null when there is none. It is not quarantined: its own record will be. */
export async function prepareCommitted(deps: PrepareDeps, id: string): Promise<Prepared | null> {
  const found = await deps.committed.get(id);
  if (found === null) return null;
  const { event } = found;
  return preparedOf({ id, ...found, tasks: event === null ? noTasks : await tasksFor(deps, event) });
}

const preparedOf = (prepared: Omit<Prepared, 'keepsOrder'>): Prepared => ({
  ...prepared,
  keepsOrder: prepared.tasks.ordered.length > 0,
});

async function readRecord(
  deps: PrepareDeps,
  record: DynamoDBRecord,
): Promise<{ event: DomainEvent | null; after: string | null }> {
  let after: string | null = null;
  try {
    const item = readStreamImage(record.dynamodb?.NewImage);
    after = afterOf(item);
    return { event: DomainEventSchema.parse(item), after };
  } catch (error) {
    await deps.quarantine.write([quarantineRecord(record, String(error))]);
    deps.logger.error('event unreadable', { keys: record.dynamodb?.Keys, error });
    deps.metrics.addMetric('EventsQuarantined', 'Count', 1);
    return { event: null, after };
  }
}
