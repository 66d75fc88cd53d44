import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { instantFromMs } from '../../schemas/instant.ts';
import { createDocuments } from '../shared/aws/documents.ts';
import { createIotDataClient } from '../shared/aws/iot.ts';
import { createCommit } from '../shared/commit.ts';
import { createEntityStore } from '../shared/entity-store.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createQuarantineStore } from '../shared/quarantine.ts';
import { createTowerDownlink } from '../shared/tower-downlink.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('ingest');
const metrics = createMetrics('ingest');
const storage = {
  documents: createDocuments(),
  entitiesTable: env.ENTITIES_TABLE,
  eventsTable: env.EVENTS_TABLE,
  dueShards: env.DUE_SHARDS,
  retentionDays: env.RETENTION_DAYS,
};

export const handler = observe<unknown, void>({ logger, metrics }).handler(
  createHandler({
    entities: createEntityStore(storage),
    commit: createCommit(storage),
    quarantine: createQuarantineStore(storage),
    downlink: createTowerDownlink(createIotDataClient()),
    policy: { graceHours: env.GRACE_HOURS },
    clock: () => instantFromMs(Date.now()),
    random: Math.random,
    sleep: async (ms) => sleep(ms),
    newId: randomUUID,
    logger,
    metrics,
  }),
);
