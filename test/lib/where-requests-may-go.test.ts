import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createKmsClient } from '../../functions/shared/aws/kms.ts';
import { createDeliveryReader } from '../../functions/shared/delivery-reader.ts';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { deliveryId } from '../../functions/shared/keys.ts';
import { sealSecrets } from '../../functions/shared/secrets.ts';
import { startHttpServer, type HttpServer } from '../../local/engines/http-server.ts';
import { createKms } from '../../local/engines/kms.ts';
import { claimsOf, partnerNamed, putEntities } from '../functions/api/foundation.ts';
import { gatewayRequest } from '../functions/api/gateway-request.ts';
import { startDeliveriesTable } from '../functions/shared/deliveries-table.ts';
import { makeSqsEvent, makeSqsRecord } from '../helpers/batches.ts';
import { makeEndpoint, makeEvent, makeTask } from '../helpers/deliveries.ts';
import { startReceiver, type Receiver } from '../helpers/receiver.ts';
import { invokeBundle } from './invoke-bundle.ts';
import { synthesize, synthesizeWith } from './synthesized.ts';

const EnvironmentSchema = z.object({ Environment: z.object({ Variables: z.record(z.string(), z.json()) }) });

/** What a function is told of where its requests may go. */
function rulesOf(stack: ReturnType<typeof synthesize>, functionId: string) {
  const { Variables } = EnvironmentSchema.parse(stack.get(functionId).Properties).Environment;
  return { loopback: Variables['ALLOW_LOOPBACK_HTTP'], ports: Variables['ALLOWED_PORTS'] };
}

/** Who checks URLs at registration, and who posts to them. */
const functionIds = ['ApiFunction', 'DeliverFunction'];

describe.each(['dev', 'prod'] as const)('at %s, requests go', (stage) => {
  it.each(functionIds)('%s: to public addresses by https only, at two ports', (functionId) => {
    expect(rulesOf(synthesize(stage), functionId)).toEqual({ loopback: 'false', ports: '[443,8443]' });
  });
});

it.each(functionIds)('%s is told of other ports that the configuration allows', (functionId) => {
  const stack = synthesizeWith('prod', { overrides: { delivery: { allowedPorts: [443] } } });
  expect(rulesOf(stack, functionId)).toEqual({ loopback: 'false', ports: '[443]' });
});

const keyArn = 'arn:aws:kms:eu-central-1:000000000000:key/secrets';

/** The bundles as they would be deployed to `dev`, over tables and a key on this machine. */
describe('the functions as they are deployed', () => {
  let tables: Awaited<ReturnType<typeof startDeliveriesTable>>;
  let keys: HttpServer;
  let folder: string;
  let receiver: Receiver;
  let hook: ReturnType<Receiver['expect']>;
  let env: Record<string, string>;

  beforeAll(async () => {
    tables = await startDeliveriesTable();
    folder = await mkdtemp(path.join(tmpdir(), 'towercast-where-'));
    keys = await startHttpServer(0, [createKms(path.join(folder, 'key'), keyArn)]);
    receiver = await startReceiver();
    hook = receiver.expect('/hook');
    await putEntities(tables, ...partnerNamed('acme', 'acme'));
    env = {
      ENTITIES_TABLE: 'entities',
      EVENTS_TABLE: 'events',
      DELIVERIES_TABLE: 'deliveries',
      SECRETS_KEY_ARN: keyArn,
      AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint,
      AWS_ENDPOINT_URL_KMS: keys.endpoint,
      SLOW_DELIVERY_QUEUE_URL: 'http://127.0.0.1/0/slow',
      // One attempt, so that nothing is sent to a queue.
      SCHEDULE_SECONDS: '[0]',
    };
  });
  afterAll(async () => {
    await receiver.close();
    await keys.stop();
    await tables[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  let made = 0;
  /** What is on record of a delivery to an endpoint that was registered with this URL, however that came about. */
  async function deliverTo(url: string, overrides: Record<string, string> = {}) {
    const owner = { partnerId: 'acme', endpointId: `main-${(made += 1)}` };
    const kms = createKmsClient({
      endpoint: keys.endpoint,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const signingKeys = [{ key: `whsec_${Buffer.alloc(32, 1).toString('base64')}`, notAfter: null }];
    const secrets = await sealSecrets(kms, keyArn, owner, { signingKeys, auth: { type: 'none' } });
    kms.destroy();
    await putEntities(tables, makeEndpoint({ ...owner, url, secrets }));
    const event = makeEvent();
    const record = makeSqsRecord('m', formatDeliveryTask(makeTask({ ...owner, event })));
    const answer = await invokeBundle({
      stack: synthesize('dev'),
      name: 'deliver',
      logicalId: 'DeliverFunction',
      env: { ...env, ...overrides },
      // A new endpoint's way.
      event: makeSqsEvent({ ...record, eventSourceARN: 'arn:aws:sqs:eu-central-1:0:slow' }),
    });
    expect(answer).toEqual({ batchItemFailures: [] });
    return createDeliveryReader(tables).get(deliveryId(owner.endpointId, event.receivedAt, event.id));
  }

  it('post nothing to this machine, and nothing to a port that is not allowed', async () => {
    const local = new URL('/hook', receiver.origin).href;
    for (const [url, reason] of [
      [local, 'insecure_url'],
      [local.replace('http:', 'https:'), 'blocked_address'],
      [local.replace('127.0.0.1', 'localhost').replace('http:', 'https:'), 'blocked_address'],
      ['https://8.8.8.8:22/hook', 'blocked_port'],
    ] as const)
      expect(await deliverTo(url)).toMatchObject({
        status: 'dead',
        reason,
        attempts: [{ status: null, peerAddress: null }],
      });
    expect(hook.requests).toEqual([]);
  });

  it('would, if they were told to', async () => {
    const local = new URL('/hook', receiver.origin).href;
    const record = await deliverTo(local, { ALLOW_LOOPBACK_HTTP: 'true' });
    expect(record).toMatchObject({ status: 'delivered' });
    expect(hook.requests).toHaveLength(1);
  });

  it.each([
    ['http://127.0.0.1/', 400, {}],
    ['https://127.0.0.1/', 400, {}],
    ['https://partner.example:22/', 400, {}],
    ['https://partner.example/', 201, {}],
    ['http://127.0.0.1/', 201, { ALLOW_LOOPBACK_HTTP: 'true' }],
  ] as const)('answer a registration of %s with %i: %j', async (url, statusCode, overrides) => {
    const event = gatewayRequest({
      method: 'POST',
      path: '/v1/endpoints',
      body: JSON.stringify({ url }),
      claims: claimsOf('acme'),
    });
    const answer = await invokeBundle({
      stack: synthesize('dev'),
      name: 'api',
      logicalId: 'ApiFunction',
      env: { ...env, ...overrides },
      event,
    });
    expect(answer).toMatchObject({ statusCode });
  });
});
