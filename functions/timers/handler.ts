import { randomUUID } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import { createDocuments } from '../shared/aws/documents.ts';
import { createSqsClient } from '../shared/aws/sqs.ts';
import { createCommit } from '../shared/commit.ts';
import { createDeliveryStore } from '../shared/delivery-store.ts';
import { createDueDeliveries } from '../shared/due-deliveries.ts';
import { createDisableEndpoint } from '../shared/disable-endpoint.ts';
import { createEndpointHealthStore } from '../shared/endpoint-health.ts';
import { createEventReader } from '../shared/event-reader.ts';
import { createEntityLists } from '../shared/entity-lists.ts';
import { createEntityStore } from '../shared/entity-store.ts';
import { createHandOutWindows } from '../shared/hand-out-window.ts';
import { createLaneStore } from '../shared/lane-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createPartnerLogReader } from '../shared/partner-log-reader.ts';
import { createTaskSender, deliveryQueues } from '../shared/queue.ts';
import { createRedriveSource } from '../shared/redrive-source.ts';
import { createRedriveStore } from '../shared/redrive-store.ts';
import { createReplayMarks } from '../shared/replay-marks.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';
import { createGiveUp } from './give-up.ts';

const env = loadEnv();
const logger = createLogger('timers');
const metrics = createMetrics('timers');
const storage = {
  documents: createDocuments(),
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  deliveriesTable: env.DELIVERIES_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
  operatorPartnerId: env.OPERATOR_PARTNER_ID,
  now: Date.now,
};
const events = createEventReader(storage);
const entities = { ...createEntityStore(storage), ...createEntityLists(storage) };
const sender = createTaskSender({ sqs: createSqsClient(), queues: deliveryQueues(env) });

export const handler = observe<unknown, void>({ logger, metrics }).handler(
  createHandler({
    entities,
    commit: createCommit(storage),
    events,
    deliveries: createDueDeliveries({
      ...storage,
      onUnreadable: (key, error) => {
        logger.error('due item failed', { what: key, cause: error });
        metrics.addMetric('DeliveriesDueFailed', 'Count', 1);
      },
    }),
    sender,
    giveUp: createGiveUp({
      ...storage,
      entities,
      store: createDeliveryStore(storage),
      lanes: createLaneStore(storage),
      events,
      tasks: sender,
      metrics,
    }),
    policy: { graceHours: env.GRACE_HOURS },
    dueShards: env.DUE_SHARDS,
    leaseSeconds: env.LEASE_SECONDS,
    windows: createHandOutWindows(storage),
    catchUpPerSecond: env.CATCH_UP_PER_SECOND,
    drainPerSecond: env.DRAIN_PER_SECOND,
    retentionDays: env.RETENTION_DAYS,
    disableAfterHours: env.DISABLE_AFTER_HOURS,
    health: createEndpointHealthStore(storage),
    disable: createDisableEndpoint(storage),
    redrives: createRedriveStore(storage),
    redriveSource: createRedriveSource({ ...storage, log: createPartnerLogReader(storage), events }),
    replayMarks: createReplayMarks(storage),
    redriveConfig: {
      settleSeconds: env.REDRIVE_SETTLE_SECONDS,
      maxPerSecond: env.REDRIVE_MAX_PER_SECOND,
      retentionDays: env.RETENTION_DAYS,
    },
    clock: () => instantFromMs(Date.now()),
    newTaskId: randomUUID,
    logger,
    metrics,
  }),
);
