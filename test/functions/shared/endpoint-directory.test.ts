import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEndpointDirectory, type KnownEndpoint } from '../../../functions/shared/endpoint-directory.ts';
import { endpointHealthKey, healthItem } from '../../../functions/shared/endpoint-health.ts';
import { entityKey } from '../../../functions/shared/keys.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { makeEndpoint } from '../../helpers/deliveries.ts';
import { makeHealth } from '../../helpers/health.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

const store = (endpoint: Endpoint) => tables.put('entities', { ...entityKey(endpoint), ...endpoint });

const asRead = (endpoint: Endpoint, readAtMs = 0) => ({ ...endpoint, readAtMs });

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
    expect(await directory.get(endpoint)).toEqual(asRead(endpoint));
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
    expect([await directory.get(endpoint), await directory.get(endpoint)]).toEqual([
      asRead(endpoint, 10_000),
      asRead(endpoint, 10_000),
    ]);
    expect(tables.takeRequests()).toEqual(['Query']);
  });
});

describe('a disabled endpoint', () => {
  it('is read anew whenever it is asked for, so that nothing is held once it is enabled', async () => {
    const endpoint = makeEndpoint({ partnerId: 'enabled', status: 'disabled', version: 1 });
    await store(endpoint);
    const { clock, directory } = makeDirectory();
    expect(await directory.get(endpoint)).toEqual(asRead(endpoint));
    const enabled = { ...endpoint, status: 'active', version: 2 } as const;
    await store(enabled);
    tables.takeRequests();
    clock.ms = 1;
    expect(await directory.get(endpoint)).toEqual(asRead(enabled, 1));
    expect(tables.takeRequests()).toEqual(['Query']);
  });

  it('is not believed of others either, and read once for all that ask at the same time', async () => {
    const endpoint = makeEndpoint({ partnerId: 'hearsay', status: 'disabled' });
    await store(endpoint);
    const { clock, directory } = makeDirectory();
    clock.ms = 5;
    directory.learn(asRead(endpoint, 4));
    const asked = Array.from({ length: 10 }, () => directory.get(endpoint));
    expect(new Set(await Promise.all(asked))).toEqual(new Set([asRead(endpoint, 5)]));
    expect(tables.takeRequests()).toEqual(['Query']);
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
    expect(await directory.ofPartner('many')).toEqual(endpoints.map((one) => asRead(one)));
    expect(await directory.ofPartner('nobody')).toEqual([]);
    await directory.ofPartner('many');
    await directory.ofPartner('nobody');
    expect(tables.takeRequests()).toEqual(['Query', 'Query']);
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

describe('an endpoint’s health', () => {
  const unwell = makeHealth({ partnerId: 'unwell', endpointId: 'e1', failures: 3 });
  const endpoints = ['e1', 'e1-2', 'e10'].map((endpointId) =>
    makeEndpoint({ partnerId: 'unwell', endpointId }),
  );
  const known = endpoints.map((one, index) => ({
    ...asRead(one),
    ...(index === 0 && { health: unwell }),
  }));
  beforeAll(async () => {
    await Promise.all(endpoints.map(store));
    await tables.put('entities', healthItem(unwell, 0, tables.dueShards));
  });

  it('comes with the endpoint in the same request, and with no other', async () => {
    const { directory } = makeDirectory();
    expect(await Promise.all(endpoints.map((endpoint) => directory.get(endpoint)))).toEqual(known);
    expect(tables.takeRequests()).toEqual(Array.from({ length: 3 }, () => 'Query'));
    expect(await directory.ofPartner('unwell')).toEqual(known);
    expect(tables.takeRequests()).toEqual(['Query']);
  });

  it('is read again when it has changed', async () => {
    const { directory } = makeDirectory();
    await directory.get(unwell);
    await directory.ofPartner('unwell');
    directory.forget(unwell);
    tables.takeRequests();
    await directory.get(unwell);
    await directory.ofPartner('unwell');
    expect(tables.takeRequests()).toEqual(['Query', 'Query']);
  });

  it('that no release knows stops no delivery', async () => {
    const endpoint = makeEndpoint({ partnerId: 'odd' });
    await store(endpoint);
    await tables.put('entities', {
      ...endpointHealthKey(endpoint),
      kind: 'endpoint-health',
      breaker: 'ajar',
    });
    const unreadable: unknown[] = [];
    const directory = createEndpointDirectory({
      ...tables,
      cacheSeconds: 10,
      now: () => 0,
      onUnreadable: (key) => unreadable.push(key),
    });
    expect(await directory.get(endpoint)).toEqual(asRead(endpoint));
    expect(await directory.ofPartner('odd')).toEqual([asRead(endpoint)]);
    // No endpoint is passed over.
    expect(unreadable).toEqual([]);
  });
});

describe('what another function has read', () => {
  const endpoint = makeEndpoint({ partnerId: 'told' });
  const told = { ...asRead(endpoint, 1_000), health: makeHealth({ partnerId: 'told', failures: 1 }) };

  it('spares a reading, as long as it would have been kept here', async () => {
    const { clock, directory } = makeDirectory();
    clock.ms = 10_999;
    directory.learn(structuredClone(told));
    expect(await directory.get(endpoint)).toEqual(told);
    expect(tables.takeRequests()).toEqual([]);
    clock.ms = 11_000;
    expect(await directory.get(endpoint)).toBeNull();
  });

  it('is not what was true before something changed', async () => {
    const { clock, directory } = makeDirectory();
    clock.ms = 2_000;
    directory.forget(endpoint);
    directory.learn(told);
    expect(await directory.get(endpoint)).toBeNull();
  });

  it.each([
    ['nothing', undefined],
    ['a text', 'endpoint'],
    ['one without a time', { ...endpoint, readAtMs: undefined }],
    ['one of another release', { ...told, contract: 'morse' }],
    ['one whose health is of another release', { ...told, health: { breaker: 'ajar' } }],
  ])('is read after all if it is %s', async (_name, unusable) => {
    const { clock, directory } = makeDirectory();
    clock.ms = 1_000;
    directory.learn(unusable);
    expect(await directory.get(endpoint)).toBeNull();
    expect(tables.takeRequests()).toEqual(['Query']);
  });
});

/** What is read of two endpoints of a partner when the cache's time is over, and the first was changed. */
async function readAgain(partnerId: string, change: (endpoint: Endpoint) => Promise<unknown>) {
  const endpoints = ['e1', 'e2'].map((endpointId) => makeEndpoint({ partnerId, endpointId, version: 7 }));
  await Promise.all(endpoints.map(store));
  const world = makeDirectory();
  await world.directory.ofPartner(partnerId);
  world.clock.ms = 10_000;
  await change(makeEndpoint({ partnerId, endpointId: 'e1', version: 7 }));
  tables.takeRequests();
  return { ...world, endpoints, read: await world.directory.ofPartner(partnerId) };
}

describe('a partner’s endpoints that were read before', () => {
  const elsewhere = 'https://partner.example/elsewhere';

  it('are the same as long as their versions are; a write past those is seen after a minute', async () => {
    const { clock, directory, endpoints, read } = await readAgain('steady', (endpoint) =>
      store({ ...endpoint, url: elsewhere }),
    );
    expect(read).toEqual(endpoints.map((endpoint) => asRead(endpoint, 10_000)));
    expect(tables.takeRequests()).toEqual(['Query']);
    clock.ms = 60_000;
    expect((await directory.ofPartner('steady')).map(({ url }) => url)).toContain(elsewhere);
  });

  it.each<[string, (one: Endpoint) => Promise<unknown>, (read: readonly KnownEndpoint[]) => boolean]>([
    ['changed', (one) => store({ ...one, url: elsewhere, version: 8 }), ([e1]) => e1?.url === elsewhere],
    ['came', (one) => store({ ...one, endpointId: 'e0' }), (read) => read.length === 3],
    [
      'fell-ill',
      async ({ partnerId }) =>
        tables.put(
          'entities',
          healthItem(makeHealth({ partnerId, endpointId: 'e1', failures: 2 }), 0, tables.dueShards),
        ),
      ([e1]) => e1?.health?.failures === 2,
    ],
  ])('are read whole when one %s', async (what, change, isSeen) => {
    const { read } = await readAgain(`one-${what}`, change);
    expect(isSeen(read)).toBe(true);
    expect(read.every(({ readAtMs }) => readAtMs === 10_000)).toBe(true);
  });
});
