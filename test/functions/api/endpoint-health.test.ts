import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../../functions/api/operation.ts';
import { endpointOperations } from '../../../functions/api/resources/endpoints.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { healthItem } from '../../../functions/shared/endpoint-health.ts';
import type { EndpointHealth } from '../../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { makeEndpoint, makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { makeHealth } from '../../helpers/health.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import { makeApi, makeServices, partnerClaims, partnerNamed, putEntities } from './foundation.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startDeliveriesTable();
  await putEntities(tables, ...partnerNamed('acme'), ...partnerNamed('rival'));
});
afterAll(async () => tables[Symbol.asyncDispose]());

const nowMs = Date.parse('2026-03-20T09:15:00.000Z');
const open = {
  breaker: 'open',
  failures: 5,
  failingSince: '2026-03-20T09:00:00.000Z',
  lastFailureAt: '2026-03-20T09:14:50.000Z',
  lastReason: 'http_503',
  openedAt: '2026-03-20T09:10:00.000Z',
  openUntil: '2026-03-20T09:15:30.000Z',
  slowUntil: '2026-03-20T09:14:59.000Z',
} as const;

function operation(id: string): Operation {
  const found = endpointOperations.find(({ operationId }) => operationId === id);
  if (found === undefined) throw new TypeError(`no operation ${id}`);
  return found;
}

async function makeWorld(endpoint: Partial<Endpoint>, health?: Partial<EndpointHealth>) {
  const stored = makeEndpoint(endpoint);
  const { endpointId } = stored;
  await putEntities(tables, stored);
  if (health !== undefined)
    await tables.put('entities', healthItem(makeHealth({ endpointId, ...health }), nowMs, tables.dueShards));
  const services = makeServices(tables);
  const api = makeApi(tables, endpointOperations, services);
  const call = (id: string, as = 'acme', more: { body?: unknown; version?: number } = {}) =>
    api.send(operation(id), {
      params: { endpointId },
      claims: partnerClaims(`${as}-backend`),
      ...(more.body !== undefined && { body: more.body }),
      ...(more.version !== undefined && { headers: { 'if-match': `"${more.version}"` } }),
    });
  return { call, services };
}

describe('an endpoint’s health', () => {
  it('is good while nothing is known', async () => {
    const { call } = await makeWorld({ endpointId: 'well', limits: { perSecond: 5 } });
    expect(await call('readEndpointHealth')).toMatchObject({
      statusCode: 200,
      json: {
        endpointId: 'well',
        state: 'healthy',
        failures: 0,
        failingSince: null,
        lastFailureAt: null,
        lastReason: null,
        nextProbeAt: null,
        slowUntil: null,
        backlog: { parked: 0, isMore: false },
        limits: { perSecond: 5 },
      },
    });
  });

  it('shows an open breaker, when it is tried next, and how many deliveries wait for it', async () => {
    const { call } = await makeWorld({ endpointId: 'dead' }, open);
    for (const [endpointId, waitsFor] of [
      ['dead', 'endpoint'],
      ['dead', 'time'],
      ['other', 'endpoint'],
    ] as const) {
      const event = makeEvent({ id: `evt_0000000000000001-9_mmykbvk0_b7-${waitsFor.length}` });
      const record = makeRecord({ endpointId, event, waitsFor, dueAt: event.receivedAt });
      await tables.put('deliveries', deliveryItem(record, { dueShards: 4, retentionDays: 90 }));
    }
    expect(await call('readEndpointHealth')).toMatchObject({
      statusCode: 200,
      json: {
        state: 'open',
        failures: 5,
        failingSince: open.failingSince,
        lastFailureAt: open.lastFailureAt,
        lastReason: 'http_503',
        nextProbeAt: open.openUntil,
        slowUntil: open.slowUntil,
        backlog: { parked: 1, isMore: false },
        limits: {},
      },
    });
  });

  it('is its partner’s only', async () => {
    const { call } = await makeWorld({ endpointId: 'mine' }, open);
    expect(await call('readEndpointHealth', 'rival')).toMatchObject({ statusCode: 404 });
  });

  it('lets an endpoint with another URL be tried at once, and fails since then', async () => {
    const { call, services } = await makeWorld({ endpointId: 'moved', version: 1 }, open);
    const ref = { partnerId: 'acme', endpointId: 'moved' };
    const now = services.now();
    await call('changeEndpoint', 'acme', { body: { method: 'PUT' }, version: 1 });
    expect(await services.health.get(ref)).toMatchObject({ openUntil: open.openUntil });
    const url = 'https://partner.example/new';
    expect(await call('changeEndpoint', 'acme', { body: { url }, version: 2 })).toMatchObject({
      statusCode: 200,
    });
    expect(await services.health.get(ref)).toMatchObject({
      breaker: 'open',
      openUntil: now,
      failingSince: now,
    });
  });

  it('begins anew when an endpoint is enabled again, and not otherwise', async () => {
    const { call, services } = await makeWorld({ endpointId: 'back', status: 'disabled', version: 1 }, open);
    const ref = { partnerId: 'acme', endpointId: 'back' };
    await call('changeEndpoint', 'acme', { body: { method: 'PUT' }, version: 1 });
    expect(await services.health.get(ref)).toMatchObject({ failures: 5 });
    expect(await call('changeEndpoint', 'acme', { body: { status: 'active' }, version: 2 })).toMatchObject({
      statusCode: 200,
    });
    expect(await services.health.get(ref)).toMatchObject({
      failures: 0,
      failingSince: null,
      breaker: 'closed',
    });
  });
});

describe('an endpoint that was disabled and is enabled again', () => {
  it.each([
    ['gone', open.failingSince],
    ['failing', open.failingSince],
    ['by_request', null],
  ])('is told to recover by its next success if its disabling was told (%s)', async (reason, toldSince) => {
    const endpointId = `enabled-${reason.replace('_', '-')}`;
    const disabled = { endpointId, status: 'disabled', disabledReason: reason, version: 1 } as const;
    const { call, services } = await makeWorld(disabled, { ...open, breaker: 'closed' });
    const answer = await call('changeEndpoint', 'acme', { body: { status: 'active' }, version: 1 });
    expect(answer).toMatchObject({ statusCode: 200 });
    const health = await services.health.get({ partnerId: 'acme', endpointId });
    expect(health).toMatchObject({ failures: 0, failingSince: null, toldSince });
  });
});

describe('an endpoint’s limits', () => {
  it('are changed, kept and taken away', async () => {
    const { call } = await makeWorld({ endpointId: 'limited', version: 1 });
    const change = (body: unknown, version: number) => call('changeEndpoint', 'acme', { body, version });
    const limits = { perSecond: 0.5, concurrency: 2 };
    expect(await change({ limits }, 1)).toMatchObject({ json: { limits } });
    expect(await change({ method: 'PUT' }, 2)).toMatchObject({ json: { limits } });
    expect((await change({ limits: null }, 3)).json).not.toHaveProperty('limits');
  });

  it.each([{ perSecond: 0 }, { perSecond: 1_001 }, { concurrency: 0 }, { concurrency: 1.5 }, { burst: 3 }])(
    'are refused out of bounds: %j',
    async (limits) => {
      const { call } = await makeWorld({ endpointId: 'unlimited', version: 1 });
      const answer = await call('changeEndpoint', 'acme', { body: { limits }, version: 1 });
      expect(answer).toMatchObject({ statusCode: 400 });
    },
  );
});
