import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import { matches } from '../domain/match.ts';
import { isTroubled } from '../domain/endpoint-health.ts';
import type { EndpointDirectory, KnownEndpoint, ReadEndpoint } from '../shared/endpoint-directory.ts';
import type { PartnerLog } from '../shared/partner-log.ts';
import { TowercastError } from '../shared/errors.ts';
import { maxDelaySeconds, type OutgoingTask, type TaskSender } from '../shared/queue.ts';
import type { QuarantineStore } from '../shared/quarantine.ts';
import { readStreamImage } from '../shared/stream-image.ts';
import { quarantineRecord } from './quarantine-record.ts';
import { takeTurns, type Turn } from './turns.ts';
import { writeLogs } from './write-logs.ts';

export interface FanOutDeps {
  endpoints: Pick<EndpointDirectory, 'get' | 'ofPartner'>;
  /** Coalesces what the records of a batch send. */
  tasks: TaskSender;
  log: PartnerLog;
  quarantine: QuarantineStore;
  logger: { error(message: string, fields: Record<string, unknown>): void };
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
  newTaskId: () => string;
}

/**
 * Turns each new event into one task per matching endpoint, and into an entry of each log that it belongs to. A record
 * fails if and only if one of its tasks or entries was not accepted, or its lane was held up by one that failed; given
 * again, it sends all of its tasks again, which only repeats deliveries. What can't be read never will be: it is
 * quarantined, for a record that fails for good would hold up its shard and repeat its neighbours.
 */
export function createHandler(
  deps: FanOutDeps,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  return async (batch) => {
    const events = new Map<DynamoDBRecord, DomainEvent>();
    const turns = takeTurns(batch.Records);
    const prepared = new Map(batch.Records.map((record) => [record, prepare(deps, record)]));
    // What is sent at the same time shares requests: whose endpoints are known already waits for the others.
    const all = Promise.allSettled(prepared.values());
    const { batchItemFailures } = await processPartialResponse(
      batch,
      async (record: DynamoDBRecord) => {
        await all;
        const own = prepared.get(record) ?? prepare(deps, record);
        const event = await processRecord(deps, record, own, turns.get(record));
        if (event !== null) events.set(record, event);
      },
      new BatchProcessor(EventType.DynamoDBStreams),
      { throwOnFullBatchFailure: false },
    );
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const record of await writeLogs(deps, passed(batch.Records, failed), events))
      failed.add(sequenceNumberOf(record));
    // Whoever caused them: towers, calls of the API, time.
    if (events.size > 0) deps.metrics.addMetric('EventsFannedOut', 'Count', events.size);
    return {
      batchItemFailures: batch.Records.map(sequenceNumberOf)
        .filter((sequenceNumber) => failed.has(sequenceNumber))
        .map((itemIdentifier) => ({ itemIdentifier })),
    };
  };
}

const sequenceNumberOf = ({ dynamodb }: DynamoDBRecord): string => dynamodb?.SequenceNumber ?? '';

/** Records that will not be given again: those before the first that failed. Only they go into the logs, so once. */
function passed(records: readonly DynamoDBRecord[], failed: ReadonlySet<string>): DynamoDBRecord[] {
  const first = records.findIndex((record) => failed.has(sequenceNumberOf(record)));
  return records.slice(0, first === -1 ? records.length : first);
}

/** What is to be sent of a record; its event is null when it is no news or could not be read. */
interface Prepared {
  event: DomainEvent | null;
  tasks: readonly OutgoingTask[];
}

async function prepare(deps: FanOutDeps, record: DynamoDBRecord): Promise<Prepared> {
  // Changes and removals (TTL) of events are not news.
  const event = record.eventName === 'INSERT' ? await readEvent(deps, record) : null;
  return { event, tasks: event === null ? [] : await tasksFor(deps, event) };
}

/** Sends a record's tasks. Gives its event, if it has one. */
async function processRecord(
  deps: FanOutDeps,
  record: DynamoDBRecord,
  prepared: Promise<Prepared>,
  turn: Turn | undefined,
): Promise<DomainEvent | null> {
  try {
    const { event, tasks } = await prepared;
    await sendTasks(deps, tasks, turn);
    turn?.end('sent');
    if (tasks.length > 0) deps.metrics.addMetric('TasksSent', 'Count', tasks.length);
    return event;
  } catch (error) {
    turn?.end('failed');
    const { SequenceNumber: sequenceNumber, Keys: keys } = record.dynamodb ?? {};
    deps.logger.error('record failed', { sequenceNumber, keys, error });
    throw error;
  }
}

/** What keeps an order waits for its turn. It is left to the next time if what came before it was not sent. */
async function sendTasks(
  { tasks: sender }: FanOutDeps,
  tasks: readonly OutgoingTask[],
  turn: Turn | undefined,
): Promise<void> {
  const { ordered = [], others = [] } = Object.groupBy(tasks, ({ via }) =>
    via === 'ordered' ? 'ordered' : 'others',
  );
  const sendInTurn = async (): Promise<void> => {
    if (ordered.length === 0) return;
    if (turn !== undefined && !(await turn.isClear))
      throw new TowercastError('lane_held_up', 'an earlier event of this subject was not sent');
    await sender.send(ordered);
  };
  await Promise.all([sender.send(others), sendInTurn()]);
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
    .map((endpoint) => taskTo(deps, endpoint, event));
}

function taskTo(deps: FanOutDeps, endpoint: ReadEndpoint, event: DomainEvent): OutgoingTask {
  const { partnerId, endpointId } = endpoint;
  return {
    task: { v: 1, taskId: deps.newTaskId(), partnerId, endpointId, event, attempts: [] },
    endpoint,
    ...routeTo(endpoint),
  };
}

async function candidatesFor(
  { endpoints }: FanOutDeps,
  { partnerIds, test }: DomainEvent,
): Promise<ReadEndpoint[]> {
  const audience = [...new Set(partnerIds)];
  // An endpoint is tried as soon as it was created: a partner's list that was read before does not have it.
  const found =
    test === undefined
      ? await Promise.all(audience.map((partnerId) => endpoints.ofPartner(partnerId)))
      : await Promise.all(audience.map((partnerId) => endpoints.get({ partnerId, ...test })));
  return found.flat().filter((endpoint) => endpoint !== null);
}

/** Over which queue, and when. A queue that keeps order holds nothing back. */
const routeTo = (endpoint: KnownEndpoint): Pick<OutgoingTask, 'via' | 'delaySeconds'> =>
  endpoint.ordered === true
    ? { via: 'ordered', delaySeconds: 0 }
    : {
        ...(isTroubled(endpoint.health) && { via: 'slow' as const }),
        delaySeconds: firstDelaySeconds(endpoint),
      };

/** A schedule may start later than at once, up to what the queue can hold back. */
const firstDelaySeconds = ({ scheduleSeconds }: Endpoint): number =>
  Math.min(Math.round(scheduleSeconds?.[0] ?? 0), maxDelaySeconds);
