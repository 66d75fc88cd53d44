import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisableEndpoint } from '../../../functions/shared/disable-endpoint.ts';
import { healthItem } from '../../../functions/shared/endpoint-health.ts';
import { entityKey } from '../../../functions/shared/keys.ts';
import { EndpointSchema, type Endpoint } from '../../../schemas/endpoint.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import { makeEndpoint } from '../../helpers/deliveries.ts';
import { makeHealth } from '../../helpers/health.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

const now = Date.parse('2026-03-20T09:15:00.000Z');
const makeDisable = () => createDisableEndpoint({ ...tables, operatorPartnerId: 'operator', now: () => now });
const store = (endpoint: Endpoint) => tables.put('entities', { ...entityKey(endpoint), ...endpoint });
const stored = async ({ partnerId }: Endpoint) =>
  (await tables.scan('entities'))
    .filter(({ kind }) => kind === 'endpoint')
    .map((item) => EndpointSchema.parse(item))
    .find((one) => one.partnerId === partnerId);
const announced = async ({ partnerId }: Endpoint) =>
  (await tables.scan('events'))
    .map((item) => DomainEventSchema.parse(item))
    .filter((event) => event.partnerIds.includes(partnerId));

describe('disabling an endpoint', () => {
  it('is stored with its reason as a new version, and announced to the partner and the operator', async () => {
    const endpoint = makeEndpoint({ partnerId: 'gone', version: 7 });
    await store(endpoint);
    const failingSince = '2026-03-20T09:00:00.000Z';
    const known = { ...endpoint, health: makeHealth({ failingSince }) };
    expect(await makeDisable()(known, 'gone')).toBe('disabled');
    expect(await stored(endpoint)).toEqual({
      ...endpoint,
      status: 'disabled',
      disabledReason: 'gone',
      version: 8,
    });
    expect(await announced(endpoint)).toMatchObject([
      {
        type: 'endpoint.disabled',
        cause: 'system',
        partnerIds: ['gone', 'operator'],
        data: { endpointId: 'main', failingSince, reason: 'gone' },
      },
    ]);
  });

  it('is announced once when several deliveries are told the same at once', async () => {
    const endpoint = makeEndpoint({ partnerId: 'twice' });
    await store(endpoint);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => makeDisable()(endpoint, 'gone')));
    expect(new Set(outcomes)).toEqual(new Set(['disabled']));
    expect(await stored(endpoint)).toMatchObject({ status: 'disabled', version: 2 });
    expect(await announced(endpoint)).toHaveLength(1);
  });

  it('leaves an endpoint that was changed meanwhile, or that does not exist', async () => {
    const endpoint = makeEndpoint({ partnerId: 'changed', version: 2, url: 'https://partner.example/new' });
    await store(endpoint);
    expect(await makeDisable()({ ...endpoint, version: 1 }, 'gone')).toBe('changed');
    expect(await stored(endpoint)).toEqual(endpoint);
    const unknown = makeEndpoint({ partnerId: 'unknown' });
    expect(await makeDisable()(unknown, 'gone')).toBe('changed');
    expect(await stored(unknown)).toBeUndefined();
    expect([await announced(endpoint), await announced(unknown)]).toEqual([[], []]);
  });

  it('that fails is left as soon as its health is another than was judged', async () => {
    const endpoint = makeEndpoint({ partnerId: 'recovered' });
    await store(endpoint);
    const health = makeHealth({ partnerId: 'recovered', version: 4 });
    await tables.put('entities', { ...healthItem({ ...health, version: 5 }, now, 2) });
    expect(await makeDisable()({ ...endpoint, health }, 'failing')).toBe('changed');
    expect(await makeDisable()(endpoint, 'failing')).toBe('changed');
    expect(await announced(endpoint)).toEqual([]);
    expect(await makeDisable()({ ...endpoint, health: { ...health, version: 5 } }, 'failing')).toBe(
      'disabled',
    );
    expect(await announced(endpoint)).toHaveLength(1);
  });
});
