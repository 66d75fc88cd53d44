import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHandler } from '../../../functions/api/create-handler.ts';
import { operations } from '../../../functions/api/operations.ts';
import type { Services } from '../../../functions/api/services.ts';
import { createKmsClient } from '../../../functions/shared/aws/kms.ts';
import { createBacklogCount } from '../../../functions/shared/backlog-count.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { createCounters } from '../../../functions/shared/counters.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEndpointHealthStore } from '../../../functions/shared/endpoint-health.ts';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createIdempotencyStore } from '../../../functions/shared/idempotency-store.ts';
import { createSecretsOpener, sealSecrets } from '../../../functions/shared/secrets.ts';
import { startHttpServer } from '../../../local/engines/http-server.ts';
import { createKms } from '../../../local/engines/kms.ts';
import { EndpointSchema, type EndpointSecrets } from '../../../schemas/endpoint.ts';
import { type Entity } from '../../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import { locker, policy, tower } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';

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

function unused(): never {
  throw new Error('not used here');
}

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
  const services: Services = {
    entities: { ...createEntityStore(tables), ...createEntityLists(tables) },
    commit: createCommit(tables),
    events: createEventReader(tables),
    deliveries: { get: unused, listByDay: unused },
    secrets: {
      seal: (owner, secrets) => sealSecrets(kms, keyArn, owner, secrets),
      open: (endpoint) => opener.open(endpoint),
    },
    towers: { acknowledge: unused, command: unused },
    counters: createCounters(tables),
    health: createEndpointHealthStore({
      ...tables,
      operatorPartnerId: null,
      now: () => Date.parse(world.now),
    }),
    countBacklog: createBacklogCount({ ...tables, deliveriesTable: 'deliveries' }),
    log: { read: unused, seek: unused },
    pause: unused,
    redriveSource: { read: unused },
    deliveryRetry: { retry: unused },
    now: () => world.now,
    newId: randomUUID,
    randomBytes,
    policy,
    warn: (...input) => logs.push(input),
    config: {
      publicBaseUrl: 'https://api.example',
      linkHours: 24,
      commandSeconds: 30,
      operatorTimeZone: 'UTC',
      allowLoopbackHttp,
      allowedPorts: [443, 8443],
      retentionDays: 90,
      redrivePerSecond: 10,
      redriveMaxPerSecond: 100,
      keyOverlapSeconds: 86_400,
    },
  };
  const handler = createHandler({
    operations,
    services,
    idempotency: createIdempotencyStore(tables),
    logger: {
      info: (...input: unknown[]) => logs.push(input),
      error: (...input: unknown[]) => logs.push(input),
    },
  });
  const put = async (...entities: Entity[]) => {
    await Promise.all(entities.map(async (entity) => tables.put('entities', entityItem(entity, 4))));
  };
  await put(
    { ...tower, partnerIds: ['acme', 'rival'] },
    locker,
    ...['acme', 'rival'].flatMap((partnerId): Entity[] => [
      { kind: 'partner', partnerId, name: partnerId, active: true, clientIds: [partnerId], version: 1 },
      { kind: 'client', clientId: partnerId, partnerId, version: 1 },
    ]),
  );
  const world: EndpointWorld = {
    tables,
    services,
    logs,
    now: '2026-03-20T09:15:00.000Z',
    laterBy(seconds) {
      world.now = new Date(Date.parse(world.now) + seconds * 1_000).toISOString();
    },
    async call(method, path, { as, body, headers = {}, query = {} }) {
      const scope = as === 'operator' ? 'towercast/operator' : 'towercast/partner';
      const response = await handler({
        version: '2.0',
        ...routeOf(method, path),
        rawPath: path,
        headers,
        queryStringParameters: query,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        requestContext: {
          requestId: 'r1',
          http: { method },
          authorizer: { jwt: { claims: { client_id: as, scope } } },
        },
      });
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

function readJson(body: string): Record<string, unknown> {
  const value: unknown = body === '' ? null : JSON.parse(body);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** As API Gateway does it: no literal part of one path is a parameter of another here. */
function routeOf(method: string, path: string) {
  for (const operation of operations) {
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const pattern = new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`);
    const match = operation.method === method ? pattern.exec(path) : null;
    if (match === null) continue;
    const pathParameters: Record<string, string> = {};
    for (const [index, name] of names.entries())
      pathParameters[name] = decodeURIComponent(match[index + 1] ?? '');
    return { routeKey: `${method} ${operation.path}`, pathParameters };
  }
  return { routeKey: '$default', pathParameters: {} };
}
