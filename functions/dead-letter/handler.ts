import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDeliveryStore } from '../shared/delivery-store.ts';
import { createDocumentClient } from '../shared/dynamo.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createQuarantineStore } from '../shared/quarantine.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('dead-letter');
const metrics = createMetrics('dead-letter');
const documents = createDocumentClient();
const { ENTITIES_TABLE: entitiesTable, RETENTION_DAYS: retentionDays } = env;
/** A DLQ that filled up has many tasks of few endpoints. */
const cacheSeconds = 10;

export const handler = observe<SQSEvent, SQSBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: createEndpointDirectory({ documents, entitiesTable, cacheSeconds, now: Date.now }),
    store: createDeliveryStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays,
    }),
    quarantine: createQuarantineStore({ documents, entitiesTable, retentionDays }),
    scheduleSeconds: env.SCHEDULE_SECONDS,
    pointerScheduleSeconds: env.POINTER_SCHEDULE_SECONDS,
    logger,
    metrics,
    now: Date.now,
    random: Math.random,
  }),
);
