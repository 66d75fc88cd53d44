import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { DataFolder } from './data-folder.ts';
import { streamArn } from './engines/dynamodb.ts';
import type { Engines } from './engines/engines.ts';
import type { Json } from './intrinsics.ts';
import type { Functions } from './lambda/functions.ts';
import type { PollStats } from './local-stack.ts';
import {
  invocationsPerQueue,
  type Mapping,
  MappingSourceSchema,
  QueueMappingSchema,
  StreamMappingSchema,
} from './mappings/mapping-properties.ts';
import { startQueueMapping } from './mappings/queue.ts';
import { startStreamMapping } from './mappings/stream.ts';
import { account, region } from './resource-types.ts';
import { ScheduleSchema, scheduledEvent, startSchedule } from './schedule.ts';
import { StartError } from './start-error.ts';
import type { QueueAddresses, Template } from './template.ts';
import { createRules, type Rules, TopicRuleSchema } from './topic-rule.ts';

/** What connects the template's sources with its functions. */
export interface Wiring {
  readonly template: Template;
  readonly engines: Engines;
  readonly queues: QueueAddresses;
  readonly functions: Functions;
  readonly folder: DataFolder;
  /** Gets each queue mapping's counts, by logical id. */
  readonly polled: Map<string, PollStats>;
  /** Milliseconds between polls of a stream that has nothing new. */
  readonly streamIdleMs?: number | undefined;
  readonly log: (line: string) => void;
}

/** Puts the record of a failure into the queue that an on-failure destination names. */
export function parkInQueue({ engines, queues }: Pick<Wiring, 'engines' | 'queues'>) {
  return async (destinationArn: string, envelope: Json): Promise<void> => {
    await engines.sendToQueue(queueUrl(queues, destinationArn), JSON.stringify(envelope));
  };
}

export function wireRules({ template, engines, functions }: Wiring): Rules {
  const rules = template.resources('AWS::IoT::TopicRule', TopicRuleSchema);
  for (const { id, properties } of rules)
    for (const { Lambda } of properties.TopicRulePayload.Actions)
      functions.assertPermitted(Lambda.FunctionArn, 'iot.amazonaws.com', template.attribute(id, 'Arn'));
  return createRules(
    rules.map(({ name, properties }) => ({
      name,
      properties,
      invoke: (functionArn, event) => functions.invokeAsync(functionArn, event),
      sendToQueue: (url, body) => engines.sendToQueue(url, body),
    })),
  );
}

export async function startMappings(wiring: Wiring): Promise<Mapping[]> {
  const { template } = wiring;
  return Promise.all(
    template.ids('AWS::Lambda::EventSourceMapping').map(async (id) => {
      const source = template.resource(id, MappingSourceSchema).properties.EventSourceArn;
      if (source.includes(':sqs:')) return startQueue(id, wiring);
      if (source.includes(':dynamodb:')) return startStream(id, wiring);
      throw new StartError('mapping_source', `the template maps ${source}, which the local stack can't poll`);
    }),
  );
}

function startQueue(id: string, { template, engines, queues, functions, polled, log }: Wiring): Mapping {
  const { properties } = template.resource(id, QueueMappingSchema);
  const pool = functions.pool(properties.FunctionName);
  const mapping = startQueueMapping({
    client: engines.sqs,
    queueUrl: queueUrl(queues, properties.EventSourceArn),
    properties,
    invoke: (event) => pool.invoke(event),
    concurrency: Math.min(pool.definition.concurrency, invocationsPerQueue),
    log: (line) => log(`${id}: ${line}`),
  });
  if (mapping.polls !== undefined) polled.set(id, mapping.polls);
  return mapping;
}

async function startStream(id: string, wiring: Wiring): Promise<Mapping> {
  const { template, engines, functions, folder, streamIdleMs, log } = wiring;
  const { properties } = template.resource(id, StreamMappingSchema);
  const pool = functions.pool(properties.FunctionName);
  const table = /:table\/(?<name>[^/]+)\/stream\//.exec(properties.EventSourceArn)?.groups?.['name'] ?? '';
  const destination = properties.DestinationConfig.OnFailure?.Destination;
  return startStreamMapping({
    client: engines.streams,
    streamArn: await streamArn(engines.dynamodb, table),
    properties,
    functionArn: pool.definition.arn,
    invoke: (event) => pool.invoke(event),
    park: destination === undefined ? undefined : parkInBucket(id, destination, engines),
    checkpointFile: folder.file('checkpoints', `${id}.json`),
    log: (line) => log(`${id}: ${line}`),
    ...(streamIdleMs !== undefined && { idleMs: streamIdleMs }),
  });
}

const BatchInfoSchema = z.looseObject({ DDBStreamBatchInfo: z.looseObject({ shardId: z.string() }) });

/** Source: Lambda, "Retain discarded records for a DynamoDB event source", names of objects. */
function parkInBucket(mappingId: string, destinationArn: string, engines: Engines) {
  const bucket = /^arn:aws:s3:::(?<name>.+)$/.exec(destinationArn)?.groups?.['name'];
  if (bucket === undefined)
    throw new StartError(
      'stream_destination',
      `the template sends failures of ${mappingId} to ${destinationArn}: only a bucket gets the records`,
    );
  return async (envelope: Json): Promise<void> => {
    const { shardId } = BatchInfoSchema.parse(envelope).DDBStreamBatchInfo;
    const now = new Date().toISOString();
    const day = now.slice(0, 10).replaceAll('-', '/');
    const time = now.slice(0, 19).replaceAll(':', '.');
    const key = `aws/lambda/${mappingId}/${shardId}/${day}/${time}-${randomUUID()}`;
    await engines.putObject(bucket, key, JSON.stringify(envelope));
  };
}

export function startSchedules({ template, functions, log }: Wiring): { stop: () => void }[] {
  return template
    .resources('AWS::Events::Rule', ScheduleSchema)
    .filter(({ properties }) => properties.State === 'ENABLED')
    .map(({ id, properties }) => {
      const ruleArn = template.attribute(id, 'Arn');
      for (const { Arn } of properties.Targets)
        functions.assertPermitted(Arn, 'events.amazonaws.com', ruleArn);
      return startSchedule(properties.ScheduleExpression, () => {
        for (const { Arn } of properties.Targets)
          functions
            .invokeAsync(Arn, scheduledEvent(ruleArn, randomUUID(), new Date(), account, region))
            .catch((error: unknown) => log(`${id}: ${String(error)}`));
      });
    });
}

function queueUrl(queues: QueueAddresses, arn: string): string {
  for (const queue of queues.values()) if (queue.arn === arn) return queue.url;
  throw new StartError('unknown_queue', `the template refers to the queue ${arn}, which it does not contain`);
}
