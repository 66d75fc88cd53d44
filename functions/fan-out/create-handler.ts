import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { Endpoint } from '../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { EndpointDirectory } from '../shared/endpoint-directory.ts';
import { maxDelaySeconds, type OutgoingTask, type TaskSender } from '../shared/queue.ts';
import { readStreamImage } from '../shared/stream-image.ts';
import { matches } from './match.ts';

export interface FanOutDeps {
  endpoints: Pick<EndpointDirectory, 'ofPartner'>;
  /** Coalesces what the records of a batch send. */
  tasks: TaskSender;
  logger: { error(message: string, fields: Record<string, unknown>): void };
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
  newTaskId: () => string;
}

/**
 * Turns each new event into one task per matching endpoint. A record fails if and only if it can't be read or one of
 * its tasks was not accepted; given again, it sends all of them again, which only repeats deliveries. Records don't
 * depend on each other, so their order in the batch doesn't matter.
 */
export function createHandler(
  deps: FanOutDeps,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const processRecord = async (record: DynamoDBRecord): Promise<void> => {
    // Changes and removals (TTL) of events are not news.
    if (record.eventName !== 'INSERT') return;
    try {
      const event = DomainEventSchema.parse(readStreamImage(record.dynamodb?.NewImage));
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

async function tasksFor(deps: FanOutDeps, event: DomainEvent): Promise<OutgoingTask[]> {
  const audience = [...new Set(event.partnerIds)];
  const endpoints = await Promise.all(audience.map((partnerId) => deps.endpoints.ofPartner(partnerId)));
  return endpoints
    .flat()
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

/** A schedule may start later than at once, up to what the queue can hold back. */
const firstDelaySeconds = ({ scheduleSeconds }: Endpoint): number =>
  Math.min(Math.round(scheduleSeconds?.[0] ?? 0), maxDelaySeconds);
