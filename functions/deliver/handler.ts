import { randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createAddressGuard } from '../shared/address-guard.ts';
import { createDeliveryStore } from '../shared/delivery-store.ts';
import { createDocumentClient } from '../shared/dynamo.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createReadMessages } from '../shared/read-messages.ts';
import { createSqsClient, createTaskSender } from '../shared/queue.ts';
import { createKmsClient, createSecretsOpener } from '../shared/secrets.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';
import { createHttpClient } from './http-client.ts';

const env = loadEnv();
const logger = createLogger('deliver');
const metrics = createMetrics('deliver');
const documents = createDocumentClient();
const now = Date.now;

export const handler = observe<SQSEvent, SQSBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: createEndpointDirectory({
      documents,
      entitiesTable: env.ENTITIES_TABLE,
      cacheSeconds: env.ENDPOINT_CACHE_SECONDS,
      now,
    }),
    secrets: createSecretsOpener({ kms: createKmsClient(), keyArn: env.SECRETS_KEY_ARN, now }),
    messages: createReadMessages({ documents, entitiesTable: env.ENTITIES_TABLE }),
    store: createDeliveryStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays: env.RETENTION_DAYS,
    }),
    tasks: createTaskSender({ sqs: createSqsClient(), queueUrl: env.DELIVERY_QUEUE_URL }),
    http: createHttpClient({
      guard: createAddressGuard({ allowLoopbackHttp: env.ALLOW_LOOPBACK_HTTP }),
      timeoutMs: env.ATTEMPT_TIMEOUT_MS,
    }),
    config: {
      scheduleSeconds: env.SCHEDULE_SECONDS,
      pointerScheduleSeconds: env.POINTER_SCHEDULE_SECONDS,
      operatorTimeZone: env.OPERATOR_TIME_ZONE,
    },
    maxDelaySeconds: env.MAX_DELAY_SECONDS,
    logger,
    metrics,
    now,
    random: Math.random,
    newTaskId: randomUUID,
  }),
);
