import { randomUUID } from 'node:crypto';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { createDocumentClient } from '../shared/dynamo.ts';
import { createEndpointDirectory } from '../shared/endpoint-directory.ts';
import { createLogger, createMetrics, observe } from '../shared/logger.ts';
import { createSqsClient, createTaskSender } from '../shared/queue.ts';
import { createHandler } from './create-handler.ts';
import { loadEnv } from './env.ts';

const env = loadEnv();
const logger = createLogger('fan-out');
const metrics = createMetrics('fan-out');

export const handler = observe<DynamoDBStreamEvent, DynamoDBBatchResponse>({ logger, metrics }).handler(
  createHandler({
    endpoints: createEndpointDirectory({
      documents: createDocumentClient(),
      entitiesTable: env.ENTITIES_TABLE,
      cacheSeconds: env.ENDPOINT_CACHE_SECONDS,
      now: Date.now,
    }),
    tasks: createTaskSender({ sqs: createSqsClient(), queueUrl: env.DELIVERY_QUEUE_URL }),
    logger,
    metrics,
    newTaskId: randomUUID,
  }),
);
