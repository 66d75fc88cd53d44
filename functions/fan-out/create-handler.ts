import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { EndpointDirectory } from '../shared/endpoint-directory.ts';
import { maxDelaySeconds, type OutgoingTask, type TaskSender } from '../shared/queue.ts';
import type { QuarantineStore } from '../shared/quarantine.ts';
import { readStreamImage } from '../shared/stream-image.ts';
import { matches } from './match.ts';
import { quarantineRecord } from './quarantine-record.ts';

export interface FanOutDeps {
  endpoints: Pick<EndpointDirectory, 'get' | 'ofPartner'>;
  /** Coalesces what the records of a batch send. */
  tasks: TaskSender;
  quarantine: QuarantineStore;
  logger: { error(message: string, fields: Record<string, unknown>): void };
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
  newTaskId: () => string;
}

/**
 * Turns each new event into one task per matching endpoint. A record fails if and only if one of its tasks was not
 * accepted; given again, it sends all of them again, which only repeats deliveries. What can't be read never will be:
 * it is quarantined, for a record that fails for good would hold up its shard and repeat its neighbours. Records
 * don't depend on each other, so their order in the batch doesn't matter.
 */
export function createHandler(
  deps: FanOutDeps,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const processRecord = async (record: DynamoDBRecord): Promise<void> => {
    // Changes and removals (TTL) of events are not news.
    if (record.eventName !== 'INSERT') return;
    try {
      const event = await readEvent(deps, record);
      if (event === null) return;
      const tasks = await tasksFor(deps, event);
      await deps.tasks.send(tasks);
      deps.metrics.addMetric('TasksSent', 'Count', tasks.length);
    } catch (error) {
      const { SequenceNumber: sequenceNumber, Keys: keys } = record.dynamodb ?? {};
      deps.logger.error('record failed', { sequenceNumber, keys, error });
      throw error;
    }
  };
  return async (event) => {
    const { batchItemFailures } = await processPartialResponse(
      event,
      processRecord,
      new BatchProcessor(EventType.DynamoDBStreams),
      { throwOnFullBatchFailure: false },
    );
    return { batchItemFailures };
  };
}

/** The event of a record; null when there is none, and the record is in quarantine. */
async function readEvent(deps: FanOutDeps, record: DynamoDBRecord): Promise<DomainEvent | null> {
  try {
    return DomainEventSchema.parse(readStreamImage(record.dynamodb?.NewImage));
  } catch (error) {
    await deps.quarantine.write([quarantineRecord(record, String(error))]);
    deps.logger.error('event unreadable', { keys: record.dynamodb?.Keys, error });
    deps.metrics.addMetric('EventsQuarantined', 'Count', 1);
    return null;
  }
}

async function tasksFor(deps: FanOutDeps, event: DomainEvent): Promise<OutgoingTask[]> {
  const endpoints = await candidatesFor(deps, event);
  return endpoints
    .filter((endpoint) => matches(endpoint, event))
    .map((endpoint) => ({
      task: {
        v: 1,
        taskId: deps.newTaskId(),
        partnerId: endpoint.partnerId,
        endpointId: endpoint.endpointId,
        event,
        attempts: [],
      },
      delaySeconds: firstDelaySeconds(endpoint),
    }));
}

async function candidatesFor(
  { endpoints }: FanOutDeps,
  { partnerIds, test }: DomainEvent,
): Promise<Endpoint[]> {
  const audience = [...new Set(partnerIds)];
  // An endpoint is tried as soon as it was created: a partner's list that was read before does not have it.
  const found =
    test === undefined
      ? await Promise.all(audience.map((partnerId) => endpoints.ofPartner(partnerId)))
      : await Promise.all(audience.map((partnerId) => endpoints.get({ partnerId, ...test })));
  return found.flat().filter((endpoint) => endpoint !== null);
}

/** A schedule may start later than at once, up to what the queue can hold back. */
const firstDelaySeconds = ({ scheduleSeconds }: Endpoint): number =>
  Math.min(Math.round(scheduleSeconds?.[0] ?? 0), maxDelaySeconds);
