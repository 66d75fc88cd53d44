import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { createHandler } from '../../../functions/api/create-handler.ts';
import { operations } from '../../../functions/api/operations.ts';
import { decideDue } from '../../../functions/timers/due-decision.ts';
import { loadBehind } from '../../../functions/timers/load-behind.ts';
import { createIdempotencyStore } from '../../../functions/shared/idempotency-store.ts';
import { EntitySchema, type Entity, type Locker } from '../../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import { addMs } from '../../../schemas/instant.ts';
import type { TowerCommand } from '../../../schemas/tower-command.ts';
import { locker, policy, tower } from '../domain/samples.ts';
import { createIngest } from '../ingest/ingest.ts';
import { ruleEvent } from '../ingest/publications.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { claimsOf, makeServices, partnerNamed, putEntities, unused } from './foundation.ts';
import { gatewayRequest, readJson } from './gateway-request.ts';

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

export async function startLockerWorld(lockerCount = 3): Promise<LockerWorld> {
  const tables = await startTables();
  const ingest = createIngest(tables);
  await putEntities(
    tables,
    { ...tower, partnerIds: ['opener', 'carrier'] },
    ...lockers(lockerCount),
    ...partners.flatMap((partnerId) => partnerNamed(partnerId, partnerId)),
  );
  let server: Server | null = null;
  let brokerIsBroken = false;
  let seq = 0;

  const services = makeServices(tables, {
    towers: {
      acknowledge: unused,
      async command(_towerId, command) {
        if (brokerIsBroken) throw new Error('the broker is away');
        world.commands.push(command);
      },
    },
    now: () => world.now,
    warn: (...input) => world.warnings.push(input),
    config: { commandSeconds: 30, operatorTimeZone: 'America/Sao_Paulo' },
  });
  const { entities, commit } = services;
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
      world.now = addMs(world.now, seconds * 1_000);
    },
    async call(method, path, { as, body, headers = {}, form, query = {} } = {}) {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const response = await handler(
        gatewayRequest({
          method,
          path,
          headers: {
            ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
            ...headers,
          },
          query,
          body: form === undefined ? json : new URLSearchParams(form).toString(),
          claims: as === undefined ? null : claimsOf(as),
        }),
      );
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
