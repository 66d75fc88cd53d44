import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHandler } from '../../../functions/api/create-handler.ts';
import { operations } from '../../../functions/api/operations.ts';
import type { Services } from '../../../functions/api/services.ts';
import { createKmsClient } from '../../../functions/shared/aws/kms.ts';
import { createIdempotencyStore } from '../../../functions/shared/idempotency-store.ts';
import { createSecretsOpener, sealSecrets } from '../../../functions/shared/secrets.ts';
import { startHttpServer } from '../../../local/engines/http-server.ts';
import { createKms } from '../../../local/engines/kms.ts';
import { EndpointSchema, type EndpointSecrets } from '../../../schemas/endpoint.ts';
import { type Entity } from '../../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import { addMs } from '../../../schemas/instant.ts';
import { locker, tower } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { claimsOf, makeServices, partnerNamed, putEntities } from './foundation.ts';
import { gatewayRequest, readJson } from './gateway-request.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** Empty for what is no JSON object. */
  json: Record<string, unknown>;
}

export interface Call {
  /** A partner's id, or `operator`. */
  as: string;
  body?: unknown;
  headers?: Record<string, string>;
  query?: Record<string, string>;
}

/** The API over real tables and a real key, with a clock to turn. */
export interface EndpointWorld extends AsyncDisposable {
  tables: Tables;
  services: Services;
  /** What was logged, errors included. */
  logs: unknown[];
  now: string;
  laterBy(seconds: number): void;
  call(method: string, path: string, call: Call): Promise<Answer>;
  put(...entities: Entity[]): Promise<void>;
  events(): Promise<DomainEvent[]>;
  /** What `deliver` would find in an endpoint. */
  secretsOf(endpointId: string): Promise<EndpointSecrets>;
}

const keyArn = 'arn:aws:kms:eu-central-1:000000000000:key/secrets';

export async function startEndpointWorld({ allowLoopbackHttp = false } = {}): Promise<EndpointWorld> {
  const tables = await startTables();
  const folder = await mkdtemp(join(tmpdir(), 'towercast-endpoints-'));
  const server = await startHttpServer(0, [createKms(join(folder, 'key'), keyArn)]);
  const kms = createKmsClient({
    endpoint: server.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const opener = createSecretsOpener({ kms, keyArn, now: Date.now });
  const logs: unknown[] = [];
  const services = makeServices(tables, {
    secrets: {
      seal: (owner, secrets) => sealSecrets(kms, keyArn, owner, secrets),
      open: (endpoint) => opener.open(endpoint),
    },
    now: () => world.now,
    warn: (...input) => logs.push(input),
    config: { commandSeconds: 30, allowLoopbackHttp },
  });
  const handler = createHandler({
    operations,
    services,
    idempotency: createIdempotencyStore(tables),
    logger: {
      info: (...input: unknown[]) => logs.push(input),
      error: (...input: unknown[]) => logs.push(input),
    },
  });
  const put = async (...entities: Entity[]) => putEntities(tables, ...entities);
  await put(
    { ...tower, partnerIds: ['acme', 'rival'] },
    locker,
    ...['acme', 'rival'].flatMap((partnerId) => partnerNamed(partnerId, partnerId)),
  );
  const world: EndpointWorld = {
    tables,
    services,
    logs,
    now: '2026-03-20T09:15:00.000Z',
    laterBy(seconds) {
      world.now = addMs(world.now, seconds * 1_000);
    },
    async call(method, path, { as, body, headers = {}, query = {} }) {
      const response = await handler(
        gatewayRequest({
          method,
          path,
          headers,
          query,
          body: body === undefined ? undefined : JSON.stringify(body),
          claims: claimsOf(as),
        }),
      );
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        json: readJson(response.body),
      };
    },
    put,
    events: async () => (await tables.scan('events')).map((item) => DomainEventSchema.parse(item)),
    async secretsOf(endpointId) {
      const item = (await tables.scan('entities')).find((one) => one['endpointId'] === endpointId);
      return opener.open(EndpointSchema.parse(item));
    },
    async [Symbol.asyncDispose]() {
      kms.destroy();
      await server.stop();
      await tables[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}
