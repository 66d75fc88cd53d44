import { randomBytes, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { createHandler, type ApiDeps } from '../../../functions/api/create-handler.ts';
import type { Operation } from '../../../functions/api/operation.ts';
import type { ApiResponse } from '../../../functions/api/response.ts';
import { routeKeyOf } from '../../../functions/api/router.ts';
import type { Services } from '../../../functions/api/services.ts';
import { createBacklogCount } from '../../../functions/shared/backlog-count.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { createCounters } from '../../../functions/shared/counters.ts';
import { createDeliveryReader } from '../../../functions/shared/delivery-reader.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEndpointHealthStore } from '../../../functions/shared/endpoint-health.ts';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createIdempotencyStore } from '../../../functions/shared/idempotency-store.ts';
import { createDeliveryRetry } from '../../../functions/shared/delivery-retry.ts';
import { createRedriveSource } from '../../../functions/shared/redrive-source.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import { createPartnerLogReader } from '../../../functions/shared/partner-log-reader.ts';
import type { Entity } from '../../../schemas/entity.ts';
import { addMs } from '../../../schemas/instant.ts';
import type { Tables } from '../shared/tables.ts';
import { gatewayRequest } from './gateway-request.ts';

export interface SentRequest {
  /** Default: what `path` matches among the operations; `$default` when that is nothing. */
  method?: string;
  path?: string;
  params?: Record<string, string>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** A string or bytes go as they are, everything else as JSON. */
  body?: unknown;
  /** Claims of the token. Default: an operator's. */
  claims?: Record<string, unknown> | null;
}

export interface Api {
  send(operation: Operation, request?: SentRequest): Promise<ApiResponse & { json: unknown }>;
  /** What matched no route. */
  sendUnmatched(method: string, path: string): Promise<ApiResponse & { json: unknown }>;
  lines: { level: string; message: string; fields: Record<string, unknown> }[];
}

export const operatorClaims = { client_id: 'ops', scope: 'towercast/operator' };
export const partnerClaims = (clientId: string) => ({ client_id: clientId, scope: 'towercast/partner' });
/** Of a client of this name, or of an operator. */
export const claimsOf = (as: string) => (as === 'operator' ? operatorClaims : partnerClaims(as));

const FieldsSchema = z.record(z.string(), z.unknown());

export function unused(): never {
  throw new Error('not used here');
}

const config: Services['config'] = {
  publicBaseUrl: 'https://api.example',
  linkHours: 24,
  commandSeconds: 60,
  operatorTimeZone: 'UTC',
  allowLoopbackHttp: false,
  allowedPorts: [443, 8443],
  retentionDays: 90,
  redrivePerSecond: 10,
  redriveMaxPerSecond: 100,
  redrivesPerPartner: 10,
  endpointCacheSeconds: 5,
  keyOverlapSeconds: 86_400,
};

type ServiceOverrides = Partial<Omit<Services, 'config'> & { config: Partial<Services['config']> }>;

/** Real tables, and a clock that moves by what is waited, behind operations; towers, secrets and tasks are out of reach. */
export const makeServices = (
  tables: Tables,
  { now = () => '2026-03-20T09:15:00.000Z', pause, ...overrides }: ServiceOverrides = {},
  clock = clockOf(now),
): Services => ({
  entities: { ...createEntityStore(tables), ...createEntityLists(tables) },
  commit: createCommit(tables),
  events: createEventReader(tables),
  deliveries: createDeliveryReader({ ...tables, deliveriesTable: 'deliveries' }),
  secrets: { seal: unused, open: unused },
  towers: { acknowledge: unused, command: unused },
  counters: createCounters(tables),
  health: createEndpointHealthStore({
    ...tables,
    operatorPartnerId: null,
    now: () => Date.parse(now()),
  }),
  countBacklog: createBacklogCount({ ...tables, deliveriesTable: 'deliveries' }),
  log: createPartnerLogReader({ ...tables, deliveriesTable: 'deliveries' }),
  redrives: createRedriveStore(tables),
  redriveSource: createRedriveSource({
    ...tables,
    deliveriesTable: 'deliveries',
    log: createPartnerLogReader({ ...tables, deliveriesTable: 'deliveries' }),
    events: createEventReader(tables),
  }),
  deliveryRetry: createDeliveryRetry({ ...tables, deliveriesTable: 'deliveries' }),
  waitingPulls: { begin: async () => ({ end: async () => undefined }) },
  dryRuns: { begin: async () => ({ end: async () => undefined }) },
  async pause(ms) {
    clock.passedMs += ms;
    await pause?.(ms);
  },
  now: clock.now,
  newId: randomUUID,
  randomBytes,
  policy: { graceHours: 48 },
  warn: () => undefined,
  ...overrides,
  config: { ...config, ...overrides.config },
});

function clockOf(now: () => string) {
  const clock = { passedMs: 0, now: () => (clock.passedMs === 0 ? now() : addMs(now(), clock.passedMs)) };
  return clock;
}

export function makeApi(tables: Tables, operations: readonly Operation[], services: Services): Api {
  const lines: Api['lines'] = [];
  const log =
    (level: string) =>
    (message: unknown, ...extra: unknown[]) => {
      lines.push({ level, message: String(message), fields: FieldsSchema.parse(extra[0] ?? {}) });
    };
  const logger: ApiDeps['logger'] = { info: log('info'), error: log('error') };
  const handler = createHandler({
    operations,
    services,
    idempotency: createIdempotencyStore(tables),
    logger,
  });
  const send = async (routeKey: string, method: string, path: string, request: SentRequest) => {
    const { params = {}, query = {}, headers = {}, body, claims = operatorClaims } = request;
    const bytes = Buffer.isBuffer(body) ? body : undefined;
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
    const response = await handler(
      gatewayRequest({
        method,
        path,
        route: { routeKey, pathParameters: params },
        headers,
        query,
        ...(bytes === undefined
          ? { body: text, isBase64Encoded: false }
          : { body: bytes.toString('base64'), isBase64Encoded: true }),
        claims,
      }),
    );
    const isJson = response.headers['content-type']?.includes('json') === true;
    const json: unknown = isJson ? JSON.parse(response.body) : undefined;
    return { ...response, json };
  };
  return {
    lines,
    send: (operation, request = {}) =>
      send(routeKeyOf(operation), operation.method, request.path ?? operation.path, request),
    sendUnmatched: (method, path) => send('$default', method, path, { claims: null }),
  };
}

/** Stores entities as they are. */
export async function putEntities(tables: Tables, ...entities: readonly Entity[]): Promise<void> {
  await Promise.all(
    entities.map(async (entity) => tables.put(tables.entitiesTable, entityItem(entity, tables.dueShards))),
  );
}

/** A partner and its only client. */
export const partnerNamed = (partnerId: string, clientId = `${partnerId}-backend`): Entity[] => [
  { kind: 'partner', partnerId, name: partnerId, active: true, clientIds: [clientId], version: 1 },
  { kind: 'client', clientId, partnerId, version: 1 },
];
