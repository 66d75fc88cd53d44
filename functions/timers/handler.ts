import { randomUUID } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import { createCommit } from '../shared/commit.ts';
import { createDueDeliveries } from '../shared/due-deliveries.ts';
import { createDocumentClient } from '../shared/dynamo.ts';
import { createEntityLists } from '../shared/entity-lists.ts';
import { createEntityStore } from '../shared/entity-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createSqsClient, createTaskSender } from '../shared/queue.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('timers');
const metrics = createMetrics('timers');
const storage = {
  documents: createDocumentClient(),
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  deliveriesTable: env.DELIVERIES_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
};

export const handler = observe<unknown, void>({ logger, metrics }).handler(
  createHandler({
    entities: { ...createEntityStore(storage), ...createEntityLists(storage) },
    commit: createCommit(storage),
    deliveries: createDueDeliveries({
      ...storage,
      onUnreadable: (key, error) => {
        logger.error('due item failed', { what: key, cause: error });
        metrics.addMetric('DeliveriesDueFailed', 'Count', 1);
      },
    }),
    sender: createTaskSender({ sqs: createSqsClient(), queueUrl: env.DELIVERY_QUEUE_URL }),
    policy: { graceHours: env.GRACE_HOURS },
    dueShards: env.DUE_SHARDS,
    leaseSeconds: env.LEASE_SECONDS,
    clock: () => instantFromMs(Date.now()),
    newTaskId: randomUUID,
    logger,
    metrics,
  }),
);
