import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { StartError } from '../start-error.ts';

/** Properties of AWS::SQS::Queue: what runs here, and what only a managed service has, as unknown. */
export const QueueSchema = z.strictObject({
  QueueName: z.string().optional(),
  DelaySeconds: z.number().optional(),
  FifoQueue: z.literal(true).optional(),
  ContentBasedDeduplication: z.boolean().optional(),
  // Both only lift the throughput of a FIFO queue; fauxqs knows neither.
  DeduplicationScope: z.unknown().optional(),
  FifoThroughputLimit: z.unknown().optional(),
  MessageRetentionPeriod: z.number().optional(),
  MaximumMessageSize: z.number().optional(),
  ReceiveMessageWaitTimeSeconds: z.number().optional(),
  RedrivePolicy: z.strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: z.number() }).optional(),
  VisibilityTimeout: z.number().optional(),
  KmsMasterKeyId: z.unknown().optional(),
  SqsManagedSseEnabled: z.unknown().optional(),
  Tags: z.unknown().optional(),
});
export type QueueProperties = z.infer<typeof QueueSchema>;

/**
 * Creates a queue unless it is there; an existing one keeps its messages and gets the template's attributes.
 * `endpoint` replaces the host of the URL that the engine says: it may have been another one at an earlier start.
 */
export async function ensureQueue(
  client: SQSClient,
  name: string,
  queue: QueueProperties,
): Promise<{ url: string; arn: string }> {
  const attributes = attributesOf(queue);
  try {
    const url = (await existing(client, name)) ?? (await create(client, name, attributes));
    const { FifoQueue: _, ...settable } = attributes;
    await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: settable }));
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
    );
    return { url: await atEndpoint(client, url), arn: z.string().parse(Attributes?.['QueueArn']) };
  } catch (error) {
    throw new StartError(
      'engine_unreachable',
      `the SQS engine refuses ${name} (${error instanceof Error ? error.message || error.name : 'unknown error'}): check SQS_ENDPOINT`,
      { cause: error },
    );
  }
}

async function existing(client: SQSClient, name: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return undefined;
    throw error;
  }
}

async function create(client: SQSClient, name: string, attributes: Record<string, string>): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return z.string().parse(QueueUrl);
}

/** The SDK sends to the URL's host, whatever endpoint it was given. */
async function atEndpoint(client: SQSClient, url: string): Promise<string> {
  const endpoint = await client.config.endpoint?.();
  if (!endpoint) return url;
  const port = endpoint.port === undefined ? '' : `:${endpoint.port}`;
  return `${endpoint.protocol}//${endpoint.hostname}${port}${new URL(url).pathname}`;
}

function attributesOf(queue: QueueProperties): Record<string, string> {
  const {
    QueueName: _name,
    KmsMasterKeyId: _key,
    SqsManagedSseEnabled: _sse,
    Tags: _tags,
    DeduplicationScope: _scope,
    FifoThroughputLimit: _limit,
    ...attributes
  } = queue;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  );
}
