import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { idsOfMessage, idsOfTask } from '../shared/task-ids.ts';
import { parseDeliveryTask } from '../shared/delivery-task.ts';
import type { EndpointReader } from '../shared/endpoint-directory.ts';
import { TowercastError } from '../shared/errors.ts';
import type { QuarantineStore } from '../shared/quarantine.ts';
import { scheduleFor, type Schedules } from '../shared/retry-schedule.ts';
import { processInGroups } from '../shared/in-groups.ts';
import { fileDelivery, type Filed } from './file-delivery.ts';
import { fileInLane, type FailedTask, type FileInLaneDeps } from './file-in-lane.ts';
import { quarantineRecord } from './quarantine-record.ts';

type Log = (message: string, fields: Record<string, unknown>) => void;

export interface DeadLetterDeps extends FileInLaneDeps, Schedules {
  endpoints: EndpointReader;
  quarantine: QuarantineStore;
  logger: { warn: Log; error: Log };
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
}

const filedMetrics: Record<Filed, string> = {
  rescheduled: 'DeliveriesRescheduled',
  dead: 'DeliveriesDead',
  kept: 'ReplaysFailed',
  dropped: 'ChainsDropped',
};

/** Files what came to the delivery DLQ. A message fails only when it could not be filed; then it stays there. */
export function createHandler(deps: DeadLetterDeps): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const processRecord = async (record: SQSRecord): Promise<void> => {
    try {
      await fileRecord(deps, record);
    } catch (error) {
      deps.logger.error('message not filed', { ...idsOfMessage(record), error });
      throw error;
    }
  };
  return async (event) => {
    // Their order is that of their places in their lanes.
    if (event.Records.some(isOfLane)) return processInGroups(event, processRecord);
    const { batchItemFailures } = await processPartialResponse(
      event,
      processRecord,
      new BatchProcessor(EventType.SQS),
      { throwOnFullBatchFailure: false },
    );
    return { batchItemFailures };
  };
}

/** Every FIFO queue's name ends so. */
const isOfLane = ({ eventSourceARN }: SQSRecord): boolean => eventSourceARN.endsWith('.fifo');

async function fileRecord(deps: DeadLetterDeps, record: SQSRecord): Promise<void> {
  const read = readTask(record.body);
  if (read.kind === 'unreadable') {
    await deps.quarantine.write([quarantineRecord(record, read.detail)]);
    deps.metrics.addMetric('TasksQuarantined', 'Count', 1);
    deps.logger.warn('message quarantined', { messageId: record.messageId, detail: read.detail });
    return;
  }
  const { task } = read;
  const isInLane = isOfLane(record) || task.sequence !== undefined;
  const filed = isInLane
    ? await fileInLane(deps, failedTask(deps, task, await deps.endpoints.get(task)))
    : await fileDelivery(deps, task, failedTask(deps, task, await readIfPossible(deps, task)));
  const isFailedTest = filed === 'dead' && task.event.test !== undefined;
  deps.metrics.addMetric(isFailedTest ? 'TestsFailed' : filedMetrics[filed], 'Count', 1);
  const attempt = task.attempts.length + 1;
  deps.logger.warn('delivery filed', { messageId: record.messageId, ...idsOfTask(task), attempt, filed });
}

function readTask(
  body: string,
): { kind: 'task'; task: DeliveryTask } | { kind: 'unreadable'; detail: string } {
  try {
    return { kind: 'task', task: parseDeliveryTask(body) };
  } catch (error) {
    if (error instanceof TowercastError) return { kind: 'unreadable', detail: error.message };
    throw error;
  }
}

const failedTask = (deps: DeadLetterDeps, task: DeliveryTask, endpoint: Endpoint | null): FailedTask => ({
  task,
  endpoint,
  scheduleSeconds: scheduleFor(endpoint, deps),
});

/**
 * An endpoint that can't be read may be why the task came here: that must not keep it here. In a lane it must: what was
 * skipped would be told to nobody, as if the endpoint were gone, and what is kept here keeps its place.
 */
async function readIfPossible(
  { endpoints, logger }: DeadLetterDeps,
  task: DeliveryTask,
): Promise<Endpoint | null> {
  try {
    return await endpoints.get(task);
  } catch (error) {
    logger.warn('endpoint unreadable', { endpointId: task.endpointId, error });
    return null;
  }
}
