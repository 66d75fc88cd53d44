import { randomBytes, randomUUID } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import { createCommit } from '../shared/commit.ts';
import { createCounters } from '../shared/counters.ts';
import { createDeliveryReader } from '../shared/delivery-reader.ts';
import { createDocumentClient } from '../shared/dynamo.ts';
import { createEntityLists } from '../shared/entity-lists.ts';
import { createEntityStore } from '../shared/entity-store.ts';
import { createEventReader } from '../shared/event-reader.ts';
import { createIdempotencyStore } from '../shared/idempotency-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createSqsClient, createTaskSender } from '../shared/queue.ts';
import { createKmsClient, createSecretsOpener, sealSecrets } from '../shared/secrets.ts';
import { createIotDataClient, createTowerDownlink } from '../shared/tower-downlink.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';
import { operations } from './operations.ts';
import type { ApiResponse } from './response.ts';
import type { Services } from './services.ts';

const env = loadEnv();
const logger = createLogger('api');
const metrics = createMetrics('api');
const kms = createKmsClient();
const storage = {
  documents: createDocumentClient(),
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  deliveriesTable: env.DELIVERIES_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
};
const opener = createSecretsOpener({ kms, keyArn: env.SECRETS_KEY_ARN, now: Date.now });

const services: Services = {
  entities: { ...createEntityStore(storage), ...createEntityLists(storage) },
  commit: createCommit(storage),
  events: createEventReader(storage),
  deliveries: createDeliveryReader(storage),
  secrets: {
    seal: (owner, secrets) => sealSecrets(kms, env.SECRETS_KEY_ARN, owner, secrets),
    open: (endpoint) => opener.open(endpoint),
  },
  towers: createTowerDownlink(createIotDataClient()),
  counters: createCounters(storage),
  tasks: createTaskSender({ sqs: createSqsClient(), queueUrl: env.DELIVERY_QUEUE_URL }),
  now: () => instantFromMs(Date.now()),
  newId: randomUUID,
  randomBytes,
  policy: { graceHours: env.GRACE_HOURS },
  warn: (message, detail) => logger.warn(message, detail),
  config: {
    publicBaseUrl: env.PUBLIC_BASE_URL,
    linkHours: env.LINK_HOURS,
    keyOverlapSeconds: env.KEY_OVERLAP_SECONDS,
    commandSeconds: env.COMMAND_SECONDS,
    operatorTimeZone: env.OPERATOR_TIME_ZONE,
    allowLoopbackHttp: env.ALLOW_LOOPBACK_HTTP,
    retentionDays: env.RETENTION_DAYS,
  },
};

export const handler = observe<unknown, ApiResponse>({ logger, metrics }).handler(
  createHandler({ operations, services, idempotency: createIdempotencyStore(storage), logger }),
);
