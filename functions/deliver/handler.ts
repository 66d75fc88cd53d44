import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createAddressGuard } from '../shared/address-guard.ts';
import { createDocuments } from '../shared/aws/documents.ts';
import { createKmsClient } from '../shared/aws/kms.ts';
import { createSqsClient } from '../shared/aws/sqs.ts';
import { createDeliveryStore } from '../shared/delivery-store.ts';
import { createDisableEndpoint } from '../shared/disable-endpoint.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createEndpointHealthStore } from '../shared/endpoint-health.ts';
import { createEndpointLimiter } from '../shared/endpoint-limits.ts';
import { createEventReader } from '../shared/event-reader.ts';
import { createLaneStore } from '../shared/lane-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createReadMessages } from '../shared/read-messages.ts';
import { channelByUrl, createTaskSender, deliveryQueues } from '../shared/queue.ts';
import { createSecretsOpener } from '../shared/secrets.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';
import { createGate } from './gate/create-gate.ts';
import { createHttpClient } from './http-client.ts';
import { createHandOver } from './lane/hand-over.ts';

const env = loadEnv();
const logger = createLogger('deliver');
const metrics = createMetrics('deliver');
const documents = createDocuments();
const now = Date.now;
const queues = deliveryQueues(env);
const sqs = createSqsClient();
const storage = {
  documents,
  now,
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
  operatorPartnerId: env.OPERATOR_PARTNER_ID,
};
const directory = createEndpointDirectory({ ...storage, cacheSeconds: env.ENDPOINT_CACHE_SECONDS });
const disable = createDisableEndpoint(storage);

export const handler = observe<SQSEvent, SQSBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: {
      get: async (ref) => directory.get(ref),
      learn: (told) => directory.learn(told),
      async disable(endpoint, reason) {
        try {
          return await disable(endpoint, reason);
        } finally {
          directory.forget(endpoint);
        }
      },
    },
    secrets: createSecretsOpener({ kms: createKmsClient(), keyArn: env.SECRETS_KEY_ARN, now }),
    messages: createReadMessages({ documents, entitiesTable: env.ENTITIES_TABLE }),
    store: createDeliveryStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      eventsTable: env.EVENTS_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays: env.RETENTION_DAYS,
    }),
    tasks: createTaskSender({ sqs, queues }),
    http: createHttpClient({
      guard: createAddressGuard({
        allowLoopbackHttp: env.ALLOW_LOOPBACK_HTTP,
        allowedPorts: env.ALLOWED_PORTS,
      }),
      timeoutMs: env.ATTEMPT_TIMEOUT_MS,
    }),
    config: {
      scheduleSeconds: env.SCHEDULE_SECONDS,
      pointerScheduleSeconds: env.POINTER_SCHEDULE_SECONDS,
      operatorTimeZone: env.OPERATOR_TIME_ZONE,
    },
    operatorPartnerId: env.OPERATOR_PARTNER_ID,
    gate: createGate({
      health: createEndpointHealthStore(storage),
      endpoints: directory,
      limiter: createEndpointLimiter(storage),
      drainPerSecond: env.DRAIN_PER_SECOND,
      policy: env.HEALTH_POLICY,
      // What it does before and after the attempt takes less than the five seconds.
      leaseMs: env.ATTEMPT_TIMEOUT_MS + 5_000,
      newLeaseId: randomUUID,
      now,
      sleep: (ms) => sleep(ms),
      random: Math.random,
      logger,
      metrics,
    }),
    channelOf: channelByUrl(queues),
    lanes: createLaneStore({
      documents,
      deliveriesTable: env.DELIVERIES_TABLE,
      eventsTable: env.EVENTS_TABLE,
      dueShards: env.DUE_SHARDS,
      retentionDays: env.RETENTION_DAYS,
      now,
    }),
    events: createEventReader({ documents, eventsTable: env.EVENTS_TABLE }),
    handOver: createHandOver({ sqs, dlqUrl: env.ORDERED_DELIVERY_DLQ_URL }),
    maxReceiveCount: env.MAX_RECEIVE_COUNT,
    attemptTimeoutMs: env.ATTEMPT_TIMEOUT_MS,
    maxDelaySeconds: env.MAX_DELAY_SECONDS,
    retentionDays: env.RETENTION_DAYS,
    logger,
    metrics,
    now,
    random: Math.random,
    newTaskId: randomUUID,
  }),
);
