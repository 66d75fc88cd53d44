import { randomUUID } from 'node:crypto';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { createDocuments } from '../shared/aws/documents.ts';
import { createSqsClient } from '../shared/aws/sqs.ts';
import { createCommittedEventReader } from '../shared/committed-event-reader.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createPartnerLog } from '../shared/partner-log.ts';
import { createQuarantineStore } from '../shared/quarantine.ts';
import { createTaskSender, deliveryQueues } from '../shared/queue.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('fan-out');
const metrics = createMetrics('fan-out');
const documents = createDocuments();

export const handler = observe<DynamoDBStreamEvent, DynamoDBBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: createEndpointDirectory({
      documents,
      entitiesTable: env.ENTITIES_TABLE,
      cacheSeconds: env.ENDPOINT_CACHE_SECONDS,
      now: Date.now,
      onUnreadable: (ref, error) => {
        logger.error('endpoint unreadable', { ...ref, error });
        metrics.addMetric('EndpointsUnreadable', 'Count', 1);
      },
    }),
    committed: createCommittedEventReader({ documents, eventsTable: env.EVENTS_TABLE }),
    tasks: createTaskSender({ sqs: createSqsClient(), queues: deliveryQueues(env) }),
    log: createPartnerLog({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      retentionDays: env.RETENTION_DAYS,
      now: Date.now,
    }),
    quarantine: createQuarantineStore({
      documents,
      entitiesTable: env.ENTITIES_TABLE,
      retentionDays: env.RETENTION_DAYS,
    }),
    logger,
    metrics,
    newTaskId: randomUUID,
  }),
);
