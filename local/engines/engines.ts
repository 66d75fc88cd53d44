import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DataFolder } from '../data-folder.ts';
import { region } from '../resource-types.ts';
import type { AwsClientConfig } from '../local-stack.ts';
import { startDynoxide } from './dynoxide.ts';
import { startFauxqs } from './fauxqs.ts';

/** The engines take any credentials. */
export const aws: AwsClientConfig = {
  region,
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
};

/** What stores: tables, queues, objects. Clients and the base URL of each. */
export class Engines {
  readonly endpoints: { readonly dynamodb: string; readonly sqs: string; readonly s3: string };
  readonly dynamodb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  readonly sqs: SQSClient;

  constructor(endpoints: Engines['endpoints']) {
    this.endpoints = endpoints;
    this.dynamodb = new DynamoDBClient({ ...aws, endpoint: endpoints.dynamodb });
    this.streams = new DynamoDBStreamsClient({ ...aws, endpoint: endpoints.dynamodb });
    this.sqs = new SQSClient({ ...aws, endpoint: endpoints.sqs });
  }

  async sendToQueue(queueUrl: string, body: string): Promise<void> {
    await this.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
  }

  async createBucket(name: string): Promise<void> {
    await this.#put(name, '', [409]);
  }

  async putObject(bucket: string, key: string, body: string): Promise<void> {
    await this.#put(`${bucket}/${key}`, body);
  }

  close(): void {
    this.dynamodb.destroy();
    this.streams.destroy();
    this.sqs.destroy();
  }

  async #put(path: string, body: string, alsoFine: readonly number[] = []): Promise<void> {
    const response = await fetch(`${this.endpoints.s3}/${path}`, { method: 'PUT', body });
    if (!response.ok && !alsoFine.includes(response.status))
      throw new Error(`S3 answered ${response.status} to PUT ${path}`);
  }
}

export interface EngineOptions {
  readonly dynamodbEndpoint?: string | undefined;
  readonly sqsEndpoint?: string | undefined;
}

/**
 * Starts the embedded engines that no endpoint replaces. Objects always rest here: SQS engines seldom have S3, and
 * what fan-out gave up on should be files that a person can look at.
 */
export async function startEngines(
  folder: DataFolder,
  options: EngineOptions,
  stopping: AsyncDisposableStack,
): Promise<Engines> {
  const embedded = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const engine = await starting;
    stopping.defer(() => engine.stop());
    return engine;
  };
  const [dynamodb, fauxqs] = await Promise.all([
    options.dynamodbEndpoint === undefined
      ? embedded(startDynoxide(folder.file('dynamodb', 'tables.db'))).then(({ endpoint }) => endpoint)
      : options.dynamodbEndpoint,
    embedded(startFauxqs(folder.file('sqs'), region)),
  ]);
  const engines = new Engines({ dynamodb, sqs: options.sqsEndpoint ?? fauxqs.endpoint, s3: fauxqs.endpoint });
  stopping.defer(() => engines.close());
  return engines;
}
