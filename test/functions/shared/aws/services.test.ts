import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFauxqs, type FauxqsServer } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIotDataClient } from '../../../../functions/shared/aws/iot.ts';
import { createKmsClient, type KmsClient } from '../../../../functions/shared/aws/kms.ts';
import { createSqsClient, type SqsClient } from '../../../../functions/shared/aws/sqs.ts';
import { startHttpServer, type HttpServer } from '../../../../local/engines/http-server.ts';
import { createIotData, type Publication } from '../../../../local/engines/iot-data.ts';
import { createKms } from '../../../../local/engines/kms.ts';

const keyArn = 'arn:aws:kms:eu-central-1:000000000000:key/secrets';
const published: Publication[] = [];
let folder: string;
let server: HttpServer;
let queues: FauxqsServer;
const place = (endpoint: string) => ({
  endpoint,
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towercast-aws-'));
  server = await startHttpServer(0, [
    createKms(join(folder, 'key'), keyArn),
    createIotData(async (publication) => void published.push(publication)),
  ]);
  queues = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
});
afterAll(async () => {
  await queues.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const withSqs = async <T>(use: (sqs: SqsClient) => Promise<T>): Promise<T> => {
  const sqs = createSqsClient(place(queues.address));
  try {
    return await use(sqs);
  } finally {
    sqs.destroy();
  }
};
const withKms = async <T>(use: (kms: KmsClient) => Promise<T>): Promise<T> => {
  const kms = createKmsClient(place(server.endpoint));
  try {
    return await use(kms);
  } finally {
    kms.destroy();
  }
};
const entry = (Id: string, MessageBody: string) => ({
  Id,
  MessageBody,
  MessageGroupId: 'g',
  DelaySeconds: 0,
});

describe('SQS', () => {
  it('takes messages, and names those that it refuses', async () => {
    const { queueUrl } = queues.createQueue('plain', { region: 'eu-central-1' });
    const { Successful, Failed } = await withSqs((sqs) =>
      sqs.sendMessageBatch({ QueueUrl: queueUrl, Entries: [entry('0', 'ä'), entry('1', '\u0000')] }),
    );
    expect(Successful.map(({ Id }) => Id)).toEqual(['0']);
    expect(Failed).toMatchObject([{ Id: '1', SenderFault: true }]);
    expect(queues.inspectQueue('plain')?.messages.ready).toMatchObject([{ body: 'ä' }]);
  });

  it('says when there is no such queue', async () => {
    const { queueUrl } = queues.createQueue('there', { region: 'eu-central-1' });
    const sending = withSqs((sqs) =>
      sqs.sendMessageBatch({ QueueUrl: `${queueUrl}-not`, Entries: [{ Id: '0', MessageBody: 'a' }] }),
    );
    await expect(sending).rejects.toMatchObject({ name: 'QueueDoesNotExist', retryable: false, attempts: 1 });
  });
});

describe('KMS', () => {
  it('gives back what it was given, in the same context only', async () => {
    await withKms(async (kms) => {
      const Plaintext = new Uint8Array([0, 1, 254, 255]);
      const owner = { KeyId: keyArn, EncryptionContext: { partnerId: 'acme' } };
      const { CiphertextBlob } = await kms.encrypt({ ...owner, Plaintext });
      expect(new Uint8Array((await kms.decrypt({ ...owner, CiphertextBlob })).Plaintext)).toEqual(Plaintext);
      const stranger = { KeyId: keyArn, EncryptionContext: { partnerId: 'rival' }, CiphertextBlob };
      await expect(kms.decrypt(stranger)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    });
  });
});

describe('the IoT data plane', () => {
  it('publishes under the topic, slashes and all', async () => {
    const iot = createIotDataClient(place(server.endpoint));
    await iot.publish('towers/0000000000000001/a b%ä', '{"seq":1}');
    iot.destroy();
    expect(published).toEqual([
      { topic: 'towers/0000000000000001/a b%ä', payload: Buffer.from('{"seq":1}'), qos: 1, retain: false },
    ]);
  });

  it('refuses what is no topic', async () => {
    const iot = createIotDataClient(place(server.endpoint));
    await expect(iot.publish('towers/#', '{}')).rejects.toMatchObject({ statusCode: 400, retryable: false });
    iot.destroy();
  });
});
