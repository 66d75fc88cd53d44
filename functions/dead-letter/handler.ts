import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDocuments } from '../shared/aws/documents.ts';
import { createSqsClient } from '../shared/aws/sqs.ts';
import { createDeliveryStore } from '../shared/delivery-store.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createEventReader } from '../shared/event-reader.ts';
import { createLaneStore } from '../shared/lane-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createQuarantineStore } from '../shared/quarantine.ts';
import { createTaskSender, deliveryQueues } from '../shared/queue.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('dead-letter');
const metrics = createMetrics('dead-letter');
const documents = createDocuments();
const { ENTITIES_TABLE: entitiesTable, RETENTION_DAYS: retentionDays } = env;
/** A DLQ that filled up has many tasks of few endpoints. */
const cacheSeconds = 10;

export const handler = observe<SQSEvent, SQSBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: createEndpointDirectory({ documents, entitiesTable, cacheSeconds, now: Date.now }),
    store: createDeliveryStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      eventsTable: env.EVENTS_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays,
    }),
    lanes: createLaneStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      eventsTable: env.EVENTS_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays,
      now: Date.now,
    }),
    events: createEventReader({ documents, eventsTable: env.EVENTS_TABLE }),
    tasks: createTaskSender({ sqs: createSqsClient(), queues: deliveryQueues(env) }),
    quarantine: createQuarantineStore({ documents, entitiesTable, retentionDays }),
    retentionDays,
    operatorPartnerId: env.OPERATOR_PARTNER_ID,
    scheduleSeconds: env.SCHEDULE_SECONDS,
    pointerScheduleSeconds: env.POINTER_SCHEDULE_SECONDS,
    logger,
    metrics,
    now: Date.now,
    random: Math.random,
  }),
);
