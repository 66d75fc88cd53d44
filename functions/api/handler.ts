import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { instantFromMs } from '../../schemas/instant.ts';
import { createDocuments } from '../shared/aws/documents.ts';
import { createIotDataClient } from '../shared/aws/iot.ts';
import { createKmsClient } from '../shared/aws/kms.ts';
import { createBacklogCount } from '../shared/backlog-count.ts';
import { countingCommit, createCommit } from '../shared/commit.ts';
import { createCounters } from '../shared/counters.ts';
import { createDeliveryReader } from '../shared/delivery-reader.ts';
import { createEndpointHealthStore } from '../shared/endpoint-health.ts';
import { createEntityLists } from '../shared/entity-lists.ts';
import { createEntityStore } from '../shared/entity-store.ts';
import { createEventReader } from '../shared/event-reader.ts';
import { createIdempotencyStore } from '../shared/idempotency-store.ts';
import { createLimiter, type Limited } from '../shared/limiter.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createDeliveryRetry } from '../shared/delivery-retry.ts';
import { createPartnerLogReader } from '../shared/partner-log-reader.ts';
import { createRedriveSource } from '../shared/redrive-source.ts';
import { createRedriveStore } from '../shared/redrive-store.ts';
import { createSecretsOpener, sealSecrets } from '../shared/secrets.ts';
import { createTowerDownlink } from '../shared/tower-downlink.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';
import { operations } from './operations.ts';
import type { ApiResponse } from './response.ts';
import type { Services } from './services.ts';
import { createLongRequests } from './long-requests.ts';

const env = loadEnv();
const logger = createLogger('api');
const metrics = createMetrics('api');
const kms = createKmsClient();
const storage = {
  documents: createDocuments(),
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  deliveriesTable: env.DELIVERIES_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
};
const opener = createSecretsOpener({ kms, keyArn: env.SECRETS_KEY_ARN, now: Date.now });
const events = createEventReader(storage);
const log = createPartnerLogReader(storage);

const longRequests = (limited: Limited, perPartner: number) =>
  createLongRequests({
    limiter: createLimiter({ ...storage, now: Date.now }, limited),
    perPartner,
    newId: randomUUID,
    now: Date.now,
  });

const services: Services = {
  entities: { ...createEntityStore(storage), ...createEntityLists(storage) },
  commit: countingCommit(createCommit(storage), (events) => {
    metrics.addMetric('EventsCommitted', 'Count', events);
  }),
  events,
  deliveries: createDeliveryReader(storage),
  secrets: {
    seal: (owner, secrets) => sealSecrets(kms, env.SECRETS_KEY_ARN, owner, secrets),
    open: (endpoint) => opener.open(endpoint),
  },
  towers: createTowerDownlink(createIotDataClient()),
  counters: createCounters(storage),
  // It announces nothing by itself.
  health: createEndpointHealthStore({ ...storage, operatorPartnerId: null, now: Date.now }),
  countBacklog: createBacklogCount(storage),
  log,
  redrives: createRedriveStore(storage),
  redriveSource: createRedriveSource({ ...storage, log, events }),
  deliveryRetry: createDeliveryRetry(storage),
  waitingPulls: longRequests('pull-limits', env.WAITING_PULLS_PER_PARTNER),
  dryRuns: longRequests('dry-run-limits', env.DRY_RUNS_PER_PARTNER),
  pause: async (ms) => {
    await wait(ms);
  },
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
    allowedPorts: env.ALLOWED_PORTS,
    retentionDays: env.RETENTION_DAYS,
    redrivePerSecond: env.REDRIVE_PER_SECOND,
    redriveMaxPerSecond: env.REDRIVE_MAX_PER_SECOND,
    endpointCacheSeconds: env.ENDPOINT_CACHE_SECONDS,
    redrivesPerPartner: env.REDRIVES_PER_PARTNER,
  },
};

export const handler = observe<unknown, ApiResponse>({ logger, metrics }).handler(
  createHandler({ operations, services, idempotency: createIdempotencyStore(storage), logger }),
);
