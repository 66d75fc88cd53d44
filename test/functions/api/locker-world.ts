import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { createHandler } from '../../../functions/api/create-handler.ts';
import { operations } from '../../../functions/api/operations.ts';
import type { Services } from '../../../functions/api/services.ts';
import { decideDue } from '../../../functions/timers/due-decision.ts';
import { loadBehind } from '../../../functions/timers/load-behind.ts';
import { createBacklogCount } from '../../../functions/shared/backlog-count.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { createCounters } from '../../../functions/shared/counters.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEndpointHealthStore } from '../../../functions/shared/endpoint-health.ts';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createIdempotencyStore } from '../../../functions/shared/idempotency-store.ts';
import { EntitySchema, type Entity, type Locker } from '../../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import type { TowerCommand } from '../../../schemas/tower-command.ts';
import { locker, policy, tower } from '../domain/samples.ts';
import { createIngest } from '../ingest/ingest.ts';
import { ruleEvent } from '../ingest/publications.ts';
import { startTables, type Tables } from '../shared/tables.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The body as JSON. */
  json: Record<string, unknown>;
}

export interface Call {
  /** A partner's id, `operator`, or nobody. */
  as?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as a form. */
  form?: Record<string, string>;
  query?: Record<string, string>;
}

/** The API over real tables, with a clock to turn and a tower whose commands are kept. */
export interface LockerWorld extends AsyncDisposable {
  tables: Tables;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** Commands that were published. */
  commands: TowerCommand[];
  warnings: unknown[];
  /** Makes every publish fail. */
  breakBroker(): void;
  now: string;
  laterBy(seconds: number): void;
  /** A tower's message, through `ingest`, at the current time. */
  tell(message: Record<string, unknown>): Promise<void>;
  /** Runs what is due for all entities, as `timers` does. */
  runTimers(): Promise<void>;
  events(): Promise<DomainEvent[]>;
  eventTypes(): Promise<string[]>;
  entity<K extends Entity['kind']>(kind: K): Promise<Extract<Entity, { kind: K }>[]>;
  /** Serves the public pages on a free port of this machine; gives its address. */
  listen(): Promise<string>;
}

export const partners = ['opener', 'carrier', 'stranger'];
const day = '2026-03-20';

export const lockers = (count: number): Locker[] =>
  Array.from({ length: count }, (_, index) => ({
    ...locker,
    locker: index + 1,
    unitId: `UNIT-${index + 1}`,
    version: 1,
  }));

function unused(): never {
  throw new Error('not used here');
}

export async function startLockerWorld(lockerCount = 3): Promise<LockerWorld> {
  const tables = await startTables();
  const ingest = createIngest(tables);
  const seeds: Entity[] = [
    { ...tower, partnerIds: ['opener', 'carrier'] },
    ...lockers(lockerCount),
    ...partners.flatMap((partnerId): Entity[] => [
      { kind: 'partner', partnerId, name: partnerId, active: true, clientIds: [partnerId], version: 1 },
      { kind: 'client', clientId: partnerId, partnerId, version: 1 },
    ]),
  ];
  await Promise.all(seeds.map(async (entity) => tables.put('entities', entityItem(entity, 4))));
  const entities = { ...createEntityStore(tables), ...createEntityLists(tables) };
  const commit = createCommit(tables);
  let server: Server | null = null;
  let brokerIsBroken = false;
  let seq = 0;

  const services: Services = {
    entities,
    commit,
    events: createEventReader(tables),
    deliveries: { get: unused, listByDay: unused },
    secrets: { seal: unused, open: unused },
    towers: {
      acknowledge: unused,
      async command(_towerId, command) {
        if (brokerIsBroken) throw new Error('the broker is away');
        world.commands.push(command);
      },
    },
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
    warn: (...input) => world.warnings.push(input),
    config: {
      publicBaseUrl: 'https://api.example',
      linkHours: 24,
      commandSeconds: 30,
      operatorTimeZone: 'America/Sao_Paulo',
      allowLoopbackHttp: false,
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
    logger: { info() {}, error: (...input: unknown[]) => world.warnings.push(input) },
  });

  const world: LockerWorld = {
    tables,
    commands: [],
    warnings: [],
    now: `${day}T09:00:00.000Z`,
    breakBroker() {
      brokerIsBroken = true;
    },
    laterBy(seconds) {
      world.now = new Date(Date.parse(world.now) + seconds * 1_000).toISOString();
    },
    async call(method, path, { as, body, headers = {}, form, query = {} } = {}) {
      const route = matchRoute(method, path);
      const scope = as === 'operator' ? 'towercast/operator' : 'towercast/partner';
      const response = await handler({
        version: '2.0',
        routeKey: route.routeKey,
        rawPath: path,
        headers: {
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
        queryStringParameters: query,
        pathParameters: route.params,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
        requestContext: {
          requestId: 'r1',
          http: { method },
          ...(as === undefined ? {} : { authorizer: { jwt: { claims: { client_id: as, scope } } } }),
        },
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: response.body,
        get json() {
          return readJson(response.body);
        },
      };
    },
    async tell(message) {
      seq += 1;
      const event = { v: 1, boot: 'b1', seq, at: world.now, ...message };
      await ingest.handler(ruleEvent(event, { receivedAt: Date.parse(world.now) }));
    },
    async runTimers() {
      for (const item of await tables.scan('entities')) {
        const parsed = EntitySchema.safeParse(item);
        if (!parsed.success || item['duePk'] === undefined) continue;
        const behind = await loadBehind(entities, [parsed.data]);
        const decision = decideDue(parsed.data, { ...behind, now: world.now, policy });
        if (decision !== null) await commit(decision);
      }
    },
    events: async () => (await tables.scan('events')).map((item) => DomainEventSchema.parse(item)),
    eventTypes: async () => (await world.events()).map(({ type }) => type).sort(),
    entity: async (kind) => ingest.entity(kind),
    async listen() {
      server = createServer((request, response) => {
        void (async () => {
          const body = await text(request);
          const form = Object.fromEntries(new URLSearchParams(body));
          const path = request.url ?? '/';
          const answer = await world.call(
            request.method ?? 'GET',
            path,
            request.method === 'POST' ? { form } : {},
          );
          response.writeHead(answer.status, answer.headers).end(answer.body);
        })();
      });
      await new Promise<void>((resolve) => {
        server?.listen(0, '127.0.0.1', resolve);
      });
      const address = server.address();
      return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    },
    async [Symbol.asyncDispose]() {
      server?.closeAllConnections();
      server?.close();
      await tables[Symbol.asyncDispose]();
    },
  };
  return world;
}

function readJson(body: string): Record<string, unknown> {
  const value: unknown = JSON.parse(body);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** As API Gateway does: literal parts before parameters. */
function matchRoute(method: string, path: string): { routeKey: string; params: Record<string, string> } {
  for (const operation of operations) {
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const pattern = new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`);
    const match = operation.method === method ? pattern.exec(path) : null;
    if (match !== null) {
      const params: Record<string, string> = {};
      for (const [index, name] of names.entries()) params[name] = decodeURIComponent(match[index + 1] ?? '');
      return { routeKey: `${method} ${operation.path}`, params };
    }
  }
  return { routeKey: '$default', params: {} };
}
