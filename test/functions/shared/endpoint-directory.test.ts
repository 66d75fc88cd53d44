import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEndpointDirectory } from '../../../functions/shared/endpoint-directory.ts';
import { entityKey } from '../../../functions/shared/keys.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { makeEndpoint } from '../../helpers/deliveries.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

const store = (endpoint: Endpoint) => tables.put('entities', { ...entityKey(endpoint), ...endpoint });

/** A directory that keeps what it read for ten seconds, and its clock. */
function makeDirectory() {
  const clock = { ms: 0 };
  tables.takeRequests();
  return { clock, directory: createEndpointDirectory({ ...tables, cacheSeconds: 10, now: () => clock.ms }) };
}

describe('an endpoint', () => {
  it('is found by partner and endpoint, and by both only', async () => {
    const endpoint = makeEndpoint({ partnerId: 'found' });
    await store(endpoint);
    const { directory } = makeDirectory();
    expect(await directory.get(endpoint)).toEqual(endpoint);
    expect(await directory.get({ partnerId: 'someone', endpointId: 'main' })).toBeNull();
    expect(await directory.get({ partnerId: 'found', endpointId: 'other' })).toBeNull();
  });

  it('is read once in the cache’s time, whether it is there or not', async () => {
    const endpoint = makeEndpoint({ partnerId: 'cached' });
    const { clock, directory } = makeDirectory();
    expect([await directory.get(endpoint), await directory.get(endpoint)]).toEqual([null, null]);
    await store(endpoint);
    tables.takeRequests();
    expect(await directory.get(endpoint)).toBeNull();
    expect(tables.takeRequests()).toEqual([]);
    clock.ms = 10_000;
    expect([await directory.get(endpoint), await directory.get(endpoint)]).toEqual([endpoint, endpoint]);
    expect(tables.takeRequests()).toEqual(['GetItemCommand']);
  });
});

describe('a partner’s endpoints', () => {
  it('are all of them, disabled ones too, and nothing else of the partner or of others', async () => {
    const endpoints = Array.from({ length: 3 }, (_, index) =>
      makeEndpoint({
        partnerId: 'many',
        endpointId: `e${index}`,
        status: index === 0 ? 'disabled' : 'active',
      }),
    );
    const partner = { kind: 'partner', partnerId: 'many', name: 'Many', active: true, version: 1 } as const;
    await Promise.all([...endpoints, makeEndpoint({ partnerId: 'many-more' })].map(store));
    await tables.put('entities', { ...entityKey(partner), ...partner });
    const { directory } = makeDirectory();
    expect(await directory.ofPartner('many')).toEqual(endpoints);
    expect(await directory.ofPartner('nobody')).toEqual([]);
    await directory.ofPartner('many');
    await directory.ofPartner('nobody');
    expect(tables.takeRequests()).toEqual(['QueryCommand', 'QueryCommand']);
  });

  it('are all found when they fill several pages', async () => {
    const endpoints = Array.from({ length: 15 }, (_, index) =>
      makeEndpoint({
        partnerId: 'big',
        endpointId: `e${10 + index}`,
        url: `https://partner.example/${index}/${'x'.repeat(100_000)}`,
      }),
    );
    for (const endpoint of endpoints) await store(endpoint);
    const { directory } = makeDirectory();
    expect((await directory.ofPartner('big')).map(({ endpointId }) => endpointId)).toEqual(
      endpoints.map(({ endpointId }) => endpointId),
    );
    expect(tables.takeRequests().length).toBeGreaterThan(1);
  });
});

describe('disabling', () => {
  it('is stored with its reason as a new version, and seen at once', async () => {
    const endpoint = makeEndpoint({ partnerId: 'gone', version: 7 });
    await store(endpoint);
    const { directory } = makeDirectory();
    await directory.get(endpoint);
    await directory.ofPartner('gone');
    expect(await directory.disable(endpoint, 'gone')).toBe('disabled');
    const disabled = { ...endpoint, status: 'disabled', disabledReason: 'gone', version: 8 };
    expect(await directory.get(endpoint)).toEqual(disabled);
    expect(await directory.ofPartner('gone')).toEqual([disabled]);
  });

  it('counts as done when somebody else was first', async () => {
    const endpoint = makeEndpoint({ partnerId: 'twice' });
    await store(endpoint);
    const { directory } = makeDirectory();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => directory.disable(endpoint, 'gone')));
    expect(new Set(outcomes)).toEqual(new Set(['disabled']));
    expect(await directory.get(endpoint)).toMatchObject({ status: 'disabled', version: 2 });
  });

  it('leaves an endpoint that was changed meanwhile, or that does not exist', async () => {
    const endpoint = makeEndpoint({ partnerId: 'changed', version: 2, url: 'https://partner.example/new' });
    await store(endpoint);
    const { directory } = makeDirectory();
    expect(await directory.disable({ ...endpoint, version: 1 }, 'gone')).toBe('changed');
    expect(await directory.get(endpoint)).toEqual(endpoint);
    const unknown = makeEndpoint({ partnerId: 'unknown' });
    expect(await directory.disable(unknown, 'gone')).toBe('changed');
    expect(await directory.get(unknown)).toBeNull();
  });
});
