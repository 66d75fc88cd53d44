import { type DataFolder } from './data-folder.ts';
import { ensureTable, TableSchema } from './engines/dynamodb.ts';
import type { Engines } from './engines/engines.ts';
import { ensureQueue, QueueSchema } from './engines/sqs.ts';
import { StartError } from './start-error.ts';
import type { QueueAddresses, Template } from './template.ts';
import * as z from 'zod';

/** What the template stores things in, by logical id. */
export interface Resources {
  readonly tables: Readonly<Record<string, string>>;
  readonly queues: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
  readonly key: { readonly arn: string; readonly file: string };
}

/** Creates what is not there yet, and notes each queue's address for the template's references. */
export async function createResources(
  template: Template,
  engines: Engines,
  queues: QueueAddresses,
  folder: DataFolder,
): Promise<Resources> {
  const [tables, buckets] = await Promise.all([
    createTables(template, engines),
    createBuckets(template, engines),
    createQueues(template, engines, queues),
  ]);
  return {
    tables,
    buckets,
    queues: Object.fromEntries([...queues].map(([id, { url }]) => [id, url])),
    key: findKey(template, folder),
  };
}

async function createTables(template: Template, { dynamodb }: Engines): Promise<Record<string, string>> {
  const tables = template.resources('AWS::DynamoDB::Table', TableSchema);
  await Promise.all(tables.map(({ name, properties }) => ensureTable(dynamodb, name, properties)));
  return Object.fromEntries(tables.map(({ id, name }) => [id, name]));
}

async function createBuckets(template: Template, engines: Engines): Promise<Record<string, string>> {
  const buckets = template.ids('AWS::S3::Bucket').map((id): [string, string] => [id, template.name(id)]);
  await Promise.all(buckets.map(([, name]) => engines.createBucket(name)));
  return Object.fromEntries(buckets);
}

/** One after another: a redrive policy refers to a queue that must be there. */
async function createQueues(template: Template, { sqs }: Engines, queues: QueueAddresses): Promise<void> {
  let waiting = template.ids('AWS::SQS::Queue');
  while (waiting.length > 0) {
    const deferred: string[] = [];
    for (const id of waiting) {
      const queue = unlessWaiting(() => template.resource(id, QueueSchema));
      if (queue) queues.set(id, await ensureQueue(sqs, queue.name, queue.properties));
      else deferred.push(id);
    }
    if (deferred.length === waiting.length)
      throw new StartError('queue_cycle', `the template's queues ${deferred.join(', ')} refer to each other`);
    waiting = deferred;
  }
}

function unlessWaiting<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof StartError && error.code === 'queue_not_created') return undefined;
    throw error;
  }
}

function findKey(template: Template, folder: DataFolder): Resources['key'] {
  const keys = template.resources(
    'AWS::KMS::Key',
    z.looseObject({ KeySpec: z.literal('SYMMETRIC_DEFAULT').optional() }),
  );
  const [key] = keys;
  if (!key || keys.length > 1)
    throw new StartError(
      'kms_keys',
      `the template has ${keys.length} KMS keys, and the local stack runs one`,
    );
  return { arn: template.attribute(key.id, 'Arn'), file: folder.file('keys', `${key.id}.key`) };
}
