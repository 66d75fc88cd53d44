import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { defaultEndpoint, type AwsService } from '../../../../functions/shared/aws/endpoint.ts';

const regions = [
  'us-east-1',
  'eu-central-1',
  'cn-north-1',
  'cn-northwest-1',
  'us-gov-west-1',
  'us-iso-east-1',
  'us-isob-east-1',
  'us-isof-south-1',
  'eu-isoe-west-1',
  'eusc-de-east-1',
];

type Config = NonNullable<ConstructorParameters<typeof DynamoDBClient>[0]>;
const bySdk: Record<
  AwsService,
  (config: Pick<Config, 'region' | 'credentials' | 'requestHandler'>) => Promise<unknown>
> = {
  dynamodb: (config) => new DynamoDBClient(config).send(new ListTablesCommand({})),
  sqs: (config) => new SQSClient(config).send(new ListQueuesCommand({})),
  kms: (config) => new KMSClient(config).send(new ListKeysCommand({})),
  iotdata: (config) => new IoTDataPlaneClient(config).send(new PublishCommand({ topic: 't' })),
};

describe('an endpoint', () => {
  it.each(
    (['dynamodb', 'sqs', 'kms', 'iotdata'] as const).flatMap((service) =>
      regions.map((region) => [service, region] as const),
    ),
  )('is where the SDK finds it: %s in %s', async (service, region) => {
    let found = '';
    const credentials = { accessKeyId: 'a', secretAccessKey: 's' };
    const requestHandler = {
      async handle({ protocol, hostname }: { protocol: string; hostname: string }) {
        found = `${protocol}//${hostname}`;
        throw Object.assign(new Error('enough'), { name: 'AbortError' });
      },
    };
    await bySdk[service]({ region, credentials, requestHandler }).catch(() => {});
    expect(defaultEndpoint(service, region)).toBe(found);
  });
});
