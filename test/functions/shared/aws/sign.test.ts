import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { describe, expect, it } from 'vitest';
import { createIotDataClient } from '../../../../functions/shared/aws/iot.ts';
import { signRequest, type Credentials } from '../../../../functions/shared/aws/sign.ts';
import type { HttpRequest } from '../../../../functions/shared/aws/transport.ts';

/** Those of AWS's published test suite for signature version 4. */
const published = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const roleCredentials = { ...published, sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDGV1+/==' };

describe('a signature', () => {
  it('is that of the published test `post-vanilla`', () => {
    const scope = {
      service: 'service',
      region: 'us-east-1',
      host: 'example.amazonaws.com',
      credentials: published,
    };
    const headers = { 'x-amz-date': '20150830T123600Z' };
    expect(signRequest(scope, { path: '/', headers, body: '' })['authorization']).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        'SignedHeaders=host;x-amz-date, ' +
        'Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    );
  });

  it.each([
    ['plain', published, 'value'],
    ['of a role', roleCredentials, 'value'],
    ['over text beyond ASCII', roleCredentials, 'Zażółć gęślą jaźń 🗝'],
  ])('is the SDK’s: %s', async (_, credentials, text) => {
    const sent = await sentBySdk(async (requestHandler) => {
      const client = new DynamoDBClient({ region: 'eu-central-1', credentials, requestHandler });
      await client.send(new PutItemCommand({ TableName: 'events', Item: { pk: { S: text } } }));
    });
    expect(resign('dynamodb', credentials, sent)).toBe(sent.headers['authorization']);
  });

  it.each(['towers/0000000000000001/acks', 'towers/a b+c%/täglich', "t/!'()*~._-"])(
    'is the SDK’s over the path of topic %s',
    async (topic) => {
      const sent = await sentBySdk(async (requestHandler) => {
        const client = new IoTDataPlaneClient({
          region: 'eu-central-1',
          credentials: roleCredentials,
          requestHandler,
        });
        await client.send(new PublishCommand({ topic, qos: 1, payload: Buffer.from('{"ä":1}') }));
      });
      expect(resign('iotdata', roleCredentials, sent)).toBe(sent.headers['authorization']);
      expect(await pathOfTopic(topic)).toBe(sent.path);
    },
  );
});

interface SdkRequest {
  path: string;
  query: Record<string, unknown>;
  headers: Record<string, string>;
  body: string | Uint8Array;
}
interface Handler {
  handle(request: SdkRequest): Promise<never>;
}

/** What the SDK would have sent. */
async function sentBySdk(use: (handler: Handler) => Promise<void>): Promise<HttpRequest> {
  let sent: HttpRequest | undefined;
  const handler: Handler = {
    async handle({ path, query, headers, body }) {
      const search = Object.entries(query).map(([name, value]) => `${name}=${String(value)}`);
      sent = {
        path: [path, ...search].join('?'),
        headers,
        body: typeof body === 'string' ? body : Buffer.copyBytesFrom(body),
      };
      throw Object.assign(new Error('enough'), { name: 'AbortError' });
    },
  };
  await use(handler).catch(() => {});
  if (sent === undefined) throw new Error('nothing was sent');
  return sent;
}

/** The same request signed by us, at the time and over the headers that the SDK chose. */
function resign(service: string, credentials: Credentials, { path, headers, body }: HttpRequest) {
  const names = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1]?.split(';') ?? [];
  const chosen = Object.fromEntries(names.map((name) => [name, headers[name] ?? '']));
  const host = headers['host'] ?? '';
  const scope = { service, region: 'eu-central-1', host, credentials };
  return signRequest(scope, { path, headers: chosen, body })['authorization'];
}

async function pathOfTopic(topic: string): Promise<string | undefined> {
  const paths: string[] = [];
  const client = createIotDataClient({
    region: 'eu-central-1',
    credentials: published,
    endpoint: 'http://127.0.0.1:1',
    transport: (network) => ({
      ...network,
      async send({ path }) {
        paths.push(path);
        return { status: 200, headers: {}, body: '{}' };
      },
    }),
  });
  await client.publish(topic, '{}');
  return paths[0];
}
