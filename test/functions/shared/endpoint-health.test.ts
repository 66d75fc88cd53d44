import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backlogMarked } from '../../../functions/domain/endpoint-backlog.ts';
import { attempted, probeTaken } from '../../../functions/domain/endpoint-breaker.ts';
import { madeWell, type Observation } from '../../../functions/domain/endpoint-health.ts';
import {
  createEndpointHealthStore,
  endpointHealthKey,
  healthItem,
  type EndpointHealthStore,
} from '../../../functions/shared/endpoint-health.ts';
import { healthShardName } from '../../../functions/shared/keys.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import type { EndpointHealth } from '../../../schemas/endpoint-health.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeHealth, policy } from '../../helpers/health.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

const startMs = Date.parse('2026-03-20T09:15:00.000Z');
const at = (seconds: number) => instantFromMs(startMs + seconds * 1_000);
/** The store of one function; several of them are as many functions. */
const makeStore = (): EndpointHealthStore =>
  createEndpointHealthStore({ ...tables, operatorPartnerId: 'operator', now: () => startMs });
const makeStores = (count: number) => Array.from({ length: count }, makeStore);
const named = (partnerId: string) => ({ partnerId, endpointId: 'main' });
const contextAt = (seconds: number) => ({ policy, nowMs: startMs + seconds * 1_000, random: () => 0.5 });
const seen = (kind: Observation['kind'], more: Partial<Observation> = {}): Observation => ({
  kind,
  startedAtMs: startMs,
  durationMs: 1,
  reason: 'http_500',
  retryAfterMs: null,
  longestStepMs: 86_400_000,
  probe: null,
  replay: false,
  lastSuccessMs: null,
  ...more,
});
const fail = (store: EndpointHealthStore, partnerId: string) =>
  store.change(named(partnerId), (health) => attempted(health, seen('failure'), contextAt(0)));
const announced = async (partnerId: string) =>
  (await tables.scan('events'))
    .map((item) => DomainEventSchema.parse(item))
    .filter(({ partnerIds }) => partnerIds.includes(partnerId));

describe('health', () => {
  it('of an endpoint that never failed is nothing', async () => {
    expect(await makeStore().get(named('well'))).toBeNull();
    expect(await makeStore().change(named('well'), madeWell)).toMatchObject({ failures: 0, version: 0 });
    expect(await makeStore().get(named('well'))).toBeNull();
  });

  it('loses no failure that concurrent functions count', async () => {
    const patient = { ...policy, failuresToOpen: 1_000, failuresToOpenAtOnce: 1_000 };
    await Promise.all(
      makeStores(6).flatMap((store) =>
        Array.from({ length: 5 }, () =>
          store.change(named('counted'), (health) =>
            attempted(health, seen('failure'), { ...contextAt(0), policy: patient }),
          ),
        ),
      ),
    );
    expect(await makeStore().get(named('counted'))).toMatchObject({ failures: 30 });
  });

  it('opens the breaker once, and announces it once, however many failures come at the same time', async () => {
    await Promise.all(makeStores(6).flatMap((store) => Array.from({ length: 5 }, () => fail(store, 'dead'))));
    expect(await makeStore().get(named('dead'))).toMatchObject({
      breaker: 'open',
      failures: policy.failuresToOpen,
      openings: 1,
      openUntil: at(30),
    });
    expect(await announced('dead')).toMatchObject([
      {
        type: 'endpoint.failing',
        partnerIds: ['dead', 'operator'],
        data: { endpointId: 'main', failingSince: at(0), reason: 'http_500' },
      },
    ]);
  });

  it('gives the probe to exactly one of concurrent functions, and to the next when that crashed', async () => {
    await Promise.all(makeStores(3).map((store) => fail(store, 'probed')));
    const race = async (seconds: number) => {
      const taken = makeStores(8).flatMap((store) =>
        Array.from({ length: 3 }, async () => {
          let isMine = false;
          await store.change(named('probed'), (health) => {
            const step = probeTaken(health, contextAt(seconds));
            isMine = step !== undefined;
            return step;
          });
          return isMine;
        }),
      );
      return (await Promise.all(taken)).filter(Boolean).length;
    };
    expect(await race(29)).toBe(0);
    expect(await race(30)).toBe(1);
    expect(await race(30 + policy.probeSeconds - 1)).toBe(0);
    expect(await race(30 + policy.probeSeconds)).toBe(1);
  });

  it('announces a recovery with the health that shows it, or neither', async () => {
    await Promise.all(makeStores(3).map((store) => fail(store, 'back')));
    const recover = (store: EndpointHealthStore) =>
      store.change(named('back'), (health) =>
        attempted(health, seen('success', { startedAtMs: startMs + 40_000 }), contextAt(40)),
      );
    const broken = createEndpointHealthStore({
      ...tables,
      eventsTable: 'missing',
      operatorPartnerId: null,
      now: () => startMs,
    });
    await expect(recover(broken)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(await makeStore().get(named('back'))).toMatchObject({ breaker: 'open' });
    await Promise.all(makeStores(4).map(recover));
    expect(await makeStore().get(named('back'))).toMatchObject({ breaker: 'closed', failures: 0 });
    expect((await announced('back')).map(({ type }) => type).sort()).toEqual([
      'endpoint.failing',
      'endpoint.recovered',
    ]);
    expect((await announced('back')).find(({ type }) => type === 'endpoint.recovered')).toMatchObject({
      data: { failingSince: at(0), reason: null },
    });
  });

  it('announces a recovery that was held back with the time that was told', async () => {
    const store = makeStore();
    const unsteady = makeHealth({ ...named('unsteady'), toldSince: at(-900), closedAt: at(-600) });
    await tables.put('entities', healthItem(unsteady, startMs, 2));
    await store.change(named('unsteady'), (health) => attempted(health, seen('success'), contextAt(0)));
    expect(await announced('unsteady')).toMatchObject([
      { type: 'endpoint.recovered', data: { failingSince: at(-900), reason: null } },
    ]);
  });
});

describe('what is stored', () => {
  const month = 30 * 86_400;
  it.each<[string, Partial<EndpointHealth>, number | undefined]>([
    ['that nothing is due for ends after a month', {}, startMs / 1_000 + month],
    ['that is due has no end', { dueAt: at(10) }, undefined],
    ['that was told to fail has none, until its recovery is told', { toldSince: at(-900) }, undefined],
  ])('%s', (_, health, expiresAt) => {
    const item = healthItem(makeHealth({ ...named('kept'), ...health }), startMs, 2);
    expect(item['expiresAt']).toBe(expiresAt);
    expect('duePk' in item).toBe(health.dueAt !== undefined);
  });
});

describe('health of another release', () => {
  const key = endpointHealthKey(named('later'));
  const item = { ...key, kind: 'endpoint-health', breaker: 'ajar', version: 7 };

  it('is left as it is, whatever the caller has read', async () => {
    await tables.put('entities', item);
    const store = makeStore();
    const unreadable = { code: 'health_unreadable' };
    await expect(store.get(named('later'))).rejects.toMatchObject(unreadable);
    for (const read of [undefined, null, makeHealth({ ...named('later'), version: 6 })])
      await expect(
        store.change(named('later'), (health) => backlogMarked(health, startMs), read),
      ).rejects.toMatchObject(unreadable);
    expect((await tables.scan('entities')).filter(({ sk, pk }) => pk === key.pk && sk === key.sk)).toEqual([
      item,
    ]);
  });
});

describe('what timers must look at', () => {
  it('is open breakers when they let a probe pass, and backlogs at once, the longest overdue first', async () => {
    const store = makeStore();
    await store.change(named('parked'), (health) => backlogMarked(health, startMs + 20_000));
    const dead = { breaker: 'open', failures: 3, openUntil: at(10), dueAt: at(10) } as const;
    const unwell = [
      makeHealth({ ...named('opened'), ...dead }),
      makeHealth({ ...named('later'), ...dead, openUntil: at(50), dueAt: at(50) }),
      makeHealth({ ...named('flaky'), failures: 2 }),
    ];
    for (const health of unwell) await tables.put('entities', healthItem(health, startMs, tables.dueShards));
    const known = new Set(['parked', 'opened', 'later', 'flaky']);
    const dueAt = async (seconds: number) =>
      (await store.listDue(at(seconds))).health
        .map(({ partnerId }) => partnerId)
        .filter((partnerId) => known.has(partnerId));
    expect(await dueAt(9)).toEqual([]);
    expect(await dueAt(20)).toEqual(['opened', 'parked']);
    expect(await dueAt(50)).toEqual(['opened', 'parked', 'later']);
  });

  it('is found past an item that no release knows', async () => {
    const key = endpointHealthKey(named('odd'));
    await tables.put('entities', { ...key, duePk: healthShardName(0), dueAt: at(1), breaker: 'ajar' });
    const { health, unreadable } = await makeStore().listDue(at(20));
    expect(health.map(({ partnerId }) => partnerId)).toContain('parked');
    expect(unreadable).toMatchObject([{ key }]);
  });
});
