import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGate } from '../../../../functions/deliver/gate/create-gate.ts';
import type { Entry, Made } from '../../../../functions/deliver/gate.ts';
import { createEndpointDirectory } from '../../../../functions/shared/endpoint-directory.ts';
import {
  createEndpointHealthStore,
  endpointHealthKey,
} from '../../../../functions/shared/endpoint-health.ts';
import { createEndpointLimiter } from '../../../../functions/shared/endpoint-limits.ts';
import { TowercastError } from '../../../../functions/shared/errors.ts';
import { entityKey } from '../../../../functions/shared/keys.ts';
import type { Channel } from '../../../../functions/shared/queue.ts';
import type { DeliveryTask } from '../../../../schemas/delivery.ts';
import type { Endpoint } from '../../../../schemas/endpoint.ts';
import { DomainEventSchema } from '../../../../schemas/event.ts';
import type { EndpointHealth } from '../../../../schemas/endpoint-health.ts';
import { instantFromMs, instantToMs } from '../../../../schemas/instant.ts';
import { makeObserver } from '../../../helpers/batches.ts';
import { makeAttempt, makeEndpoint, makeEvent, makeTask } from '../../../helpers/deliveries.ts';
import { makeHealth, policy } from '../../../helpers/health.ts';
import { waitFor } from '../../../helpers/stack-process.ts';
import { startTables, type Tables } from '../../shared/tables.ts';

let tables: Tables;
let partners = 0;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

/** Several functions with a gate each over the same tables, a clock for all, and an endpoint of a new partner. */
async function makeGates({
  functions = 1,
  cacheSeconds = 0,
  slowMs = policy.slowMs,
  ...endpoint
}: { functions?: number; cacheSeconds?: number; slowMs?: number } & Partial<Endpoint> = {}) {
  const partnerId = `partner-${(partners += 1)}`;
  const stored = makeEndpoint({ partnerId, endpointId: `${partnerId}-main`, ...endpoint });
  await tables.put('entities', { ...entityKey(stored), ...stored });
  const clock = { ms: Date.parse('2026-03-20T09:15:00.000Z') };
  const now = () => clock.ms;
  const observer = makeObserver();
  let leases = 0;
  const gates = Array.from({ length: functions }, () => {
    const directory = createEndpointDirectory({ ...tables, cacheSeconds, now });
    const gate = createGate({
      health: createEndpointHealthStore({ ...tables, operatorPartnerId: null, now }),
      endpoints: directory,
      limiter: createEndpointLimiter({ ...tables, now }),
      drainPerSecond: 2,
      policy: { ...policy, slowMs, cacheSeconds },
      leaseMs: 20_000,
      newLeaseId: () => `lease-${(leases += 1)}`,
      now,
      sleep: async (ms) => {
        clock.ms += ms;
      },
      random: () => 0.5,
      logger: observer.logger,
      metrics: observer.recorder,
    });
    return async (task: Partial<DeliveryTask> = {}, channel: Channel = 'slow'): Promise<Entry> => {
      const known = await directory.get(stored);
      if (known === null) throw new TypeError('no endpoint');
      return gate.enter(known, makeTask({ partnerId, endpointId: stored.endpointId, ...task }), channel);
    };
  });
  const [first] = gates;
  if (first === undefined) throw new TypeError('no function');
  const events = async () =>
    (await tables.scan('events'))
      .map((item) => DomainEventSchema.parse(item))
      .filter(({ partnerIds }) => partnerIds.includes(partnerId))
      .map(({ type }) => type);
  const made = (
    kind: 'delivered' | 'failed' | 'gone',
    more: { durationMs?: number; status?: number } = {},
  ): Made => ({
    attempt: makeAttempt({
      at: instantFromMs(clock.ms),
      outcome: kind === 'delivered' ? kind : 'failed',
      reason: verdicts[kind].kind === 'delivered' ? null : verdicts[kind].reason,
      ...more,
    }),
    verdict: verdicts[kind],
  });
  /** A second apart, so that no limit stands in the way. */
  const failOften = async (retryAfterMs: number | null = null) => {
    const failed: Made = { ...made('failed'), verdict: { kind: 'retry', reason: 'http_500', retryAfterMs } };
    for (let count = 0; count < policy.failuresToOpen; count += 1) {
      if (count > 0 && endpoint.limits !== undefined) clock.ms += 1_000;
      await leave(await first(), failed);
    }
  };
  const store = createEndpointHealthStore({ ...tables, operatorPartnerId: null, now });
  const health = () => store.get(stored);
  return { gates, enter: first, endpoint: stored, health, clock, observer, events, made, failOften };
}

const verdicts = {
  delivered: { kind: 'delivered' },
  failed: { kind: 'retry', reason: 'http_500', retryAfterMs: null },
  gone: { kind: 'gone', reason: 'http_410' },
} as const;

/** Of which a request has gone out. */
function begun(entry: Entry): Entry {
  if (entry.kind !== 'go') throw new TypeError(`not let go: ${entry.kind}`);
  entry.begin();
  return entry;
}

async function leave(entry: Entry, made: Made | null): Promise<void> {
  if (entry.kind !== 'go') throw new TypeError(`not let go: ${entry.kind}`);
  await entry.leave(made);
}

const pauseSeconds = (health: EndpointHealth | null, nowMs: number): number =>
  (instantToMs(health?.openUntil ?? instantFromMs(nowMs)) - nowMs) / 1_000;

const replay = { redriveId: null, attemptsBefore: 0 };
const testEvent = (endpointId = 'main') => makeEvent({ test: { endpointId } });

const contended = async () => Promise.reject(new TowercastError('item_contended', 'others were ahead'));

const kinds = (entries: readonly Entry[]) => entries.map(({ kind }) => kind).sort();
async function broken(): Promise<never> {
  throw new Error('no table');
}

/** Of a gate that can read and write nothing. */
const blindGateDeps = (observer = makeObserver()) => ({
  health: { change: broken },
  endpoints: { forget: () => undefined },
  limiter: { admit: async () => ({ kind: 'go', waitMs: 0 }) as const, release: broken },
  drainPerSecond: 2,
  policy,
  leaseMs: 20_000,
  newLeaseId: () => 'lease',
  now: Date.now,
  sleep: async () => undefined,
  random: () => 0.5,
  logger: observer.logger,
  metrics: observer.recorder,
});

describe('a healthy endpoint', () => {
  it('costs no request at all', async () => {
    const { enter, made } = await makeGates({ cacheSeconds: 60 });
    // What it is like must be known, and read.
    for (let count = 0; count < 2; count += 1) await leave(await enter(), made('delivered'));
    tables.takeRequests();
    for (let count = 0; count < 3; count += 1) await leave(await enter({}, 'live'), made('delivered'));
    expect(tables.takeRequests()).toEqual([]);
  });
});

describe('a failing endpoint', () => {
  it('gets no request once the breaker is open; its deliveries are parked, and found', async () => {
    const { enter, failOften, observer, events } = await makeGates();
    await failOften();
    for (const channel of ['live', 'slow', 'ordered'] as const)
      expect(await enter({}, channel)).toEqual({ kind: 'park', reason: 'breaker_open' });
    expect(observer.metrics.filter(({ name }) => name === 'BreakerOpened')).toHaveLength(1);
    expect(await events()).toEqual(['endpoint.failing']);
  });

  it('has the mark of its backlog before anything is parked', async () => {
    const { enter, failOften, clock, health } = await makeGates();
    await failOften();
    await enter();
    expect(await health()).toMatchObject({
      backlogAt: instantFromMs(clock.ms),
      dueAt: instantFromMs(clock.ms + 30_000),
    });
    clock.ms += 20_000;
    tables.takeRequests();
    await enter();
    expect(tables.takeRequests()).toEqual(['Query']);
  });

  it('parks nothing while the mark of its backlog can’t be written: nobody would look for it', async () => {
    const { failOften, clock, health, endpoint } = await makeGates();
    await failOften();
    const gate = createGate({ ...blindGateDeps(), now: () => clock.ms });
    const failing = await health();
    if (failing === null) throw new TypeError('no health');
    const known = { ...endpoint, health: failing };
    await expect(gate.enter(known, makeTask(), 'slow')).rejects.toThrow('no table');
  });

  it('gets one probe at a time from all functions together', async () => {
    const { gates, failOften, clock, made } = await makeGates({ functions: 6 });
    await failOften();
    clock.ms += 30_000;
    const race = async () =>
      (await Promise.all([...gates, ...gates].map((enter) => enter()))).filter(({ kind }) => kind === 'go');
    const [probe, ...more] = await race();
    expect(more).toEqual([]);
    expect(await race()).toEqual([]);
    await leave(probe ?? { kind: 'divert' }, made('failed'));
    clock.ms += 59_999;
    expect(await race()).toEqual([]);
    clock.ms += 1;
    expect(await race()).toHaveLength(1);
  });

  it('is probed over the queue of the slow', async () => {
    const { enter, failOften, clock } = await makeGates();
    await failOften();
    clock.ms += 30_000;
    expect(await enter({}, 'live')).toEqual({ kind: 'divert' });
    expect((await enter({}, 'slow')).kind).toBe('go');
  });

  it('is open to all as soon as a probe succeeds', async () => {
    const { gates, enter, failOften, clock, made, events, observer } = await makeGates({ functions: 2 });
    await failOften();
    clock.ms += 30_000;
    await leave(await enter(), made('delivered'));
    for (const one of gates) expect((await one({}, 'live')).kind).toBe('go');
    expect((await events()).sort()).toEqual(['endpoint.failing', 'endpoint.recovered']);
    expect(observer.metrics.map(({ name }) => name)).toContain('BreakerClosed');
  });

  it('does not open for an endpoint that says it is gone: it is disabled for that, and one event tells so', async () => {
    const { enter, made, events, health } = await makeGates();
    const entries = await Promise.all(Array.from({ length: policy.failuresToOpenAtOnce }, () => enter()));
    await Promise.all(entries.map((entry) => leave(entry, made('gone'))));
    expect(await events()).toEqual([]);
    expect(await health()).toMatchObject({ breaker: 'closed', lastReason: 'http_410' });
  });

  it('gives the probe to the next when it was not made', async () => {
    const { enter, failOften, clock } = await makeGates();
    await failOften();
    clock.ms += 30_000;
    await leave(await enter(), null);
    expect((await enter()).kind).toBe('go');
  });
});

describe('a success that nobody wrote down', () => {
  it('breaks a row of failures all the same', async () => {
    const { enter, clock, made, events } = await makeGates({ cacheSeconds: 60 });
    for (const outcome of ['failed', 'failed', 'delivered', 'failed', 'delivered', 'failed'] as const) {
      clock.ms += 1_000;
      await leave(await enter(), made(outcome));
    }
    expect(await events()).toEqual([]);
    expect((await enter()).kind).toBe('go');
  });
});

/** An attempt of one function after the other, 100 ms apart; every so many of them fail. */
async function attempts({ count, failEvery }: { count: number; failEvery: number }) {
  const { gates, clock, made, events, health } = await makeGates({ functions: 10, cacheSeconds: 5 });
  for (const enter of gates) await leave(await enter(), made('delivered'));
  let gone = 0;
  for (let index = 0; index < count; index += 1) {
    const entry = await gates[(index * 7) % gates.length]?.();
    if (entry?.kind === 'go') {
      gone += 1;
      await entry.leave(made((index + 1) % failEvery === 0 ? 'failed' : 'delivered'));
    }
    clock.ms += 100;
  }
  return { gone, events: await events(), breaker: (await health())?.breaker };
}

describe('an endpoint that many functions send to', () => {
  it('is not taken for dead since one of its requests in four fails, each at another function', async () => {
    expect(await attempts({ count: 200, failEvery: 4 })).toEqual({
      gone: 200,
      events: [],
      breaker: 'closed',
    });
  });

  it('is known to be dead when all functions must know of the first failure', async () => {
    const dead = await attempts({ count: 100, failEvery: 1 });
    expect(dead).toMatchObject({ events: ['endpoint.failing'], breaker: 'open' });
    expect(dead.gone).toBeLessThan(100);
  });
});

describe('a pause that the partner asks for', () => {
  it.each([
    ['of the stage', {}, 86_400],
    ['of its own, if that is shorter', { scheduleSeconds: [0, 300, 600] }, 600],
    ['of its own, if that is longer', { scheduleSeconds: [0, 604_800] }, 604_800],
    ['of its own that has none, so that it goes on by the breaker’s own', { scheduleSeconds: [0] }, 30],
  ])('lasts no longer than the longest step of the schedule %s', async (_, schedule, seconds) => {
    const { failOften, health, clock } = await makeGates(schedule);
    await failOften(30 * 86_400_000);
    expect(pauseSeconds(await health(), clock.ms)).toBe(seconds);
  });
});

describe('a replay', () => {
  it('is parked by an open breaker, and counts for nothing otherwise', async () => {
    const { enter, failOften, clock, made, events } = await makeGates();
    for (let count = 0; count < 10; count += 1) await leave(await enter({ replay }), made('failed'));
    expect(await events()).toEqual([]);
    await failOften();
    expect(await enter({ replay })).toMatchObject({ kind: 'park' });
    clock.ms += 30_000;
    // Nothing else may be there to try whether the endpoint is back.
    await leave(await enter({ replay }), made('delivered'));
    expect((await enter()).kind).toBe('go');
  });
});

describe('a test delivery', () => {
  it('passes an open breaker, and its failure says nothing about health', async () => {
    const { enter, failOften, clock, made } = await makeGates();
    await failOften();
    const test = { event: testEvent() };
    await leave(await enter(test), made('failed'));
    expect(await enter()).toMatchObject({ kind: 'park' });
    clock.ms += 30_000;
    // It takes no probe from those that count.
    await leave(await enter(test), made('failed'));
    expect((await enter()).kind).toBe('go');
  });

  it('that is answered ends the pause, however long its partner asked for: the next one is the probe', async () => {
    const { enter, failOften, made, health, clock } = await makeGates();
    await failOften(86_400_000);
    expect(pauseSeconds(await health(), clock.ms)).toBe(86_400);
    await leave(await enter({ event: testEvent() }), made('failed'));
    expect(await enter()).toMatchObject({ kind: 'park' });
    await leave(await enter({ event: testEvent() }), made('delivered'));
    const [first, second] = [await enter(), await enter()];
    expect([first, second]).toMatchObject([{ kind: 'go' }, { kind: 'park' }]);
    expect(await health()).toMatchObject({ breaker: 'open' });
  });
});

describe('an endpoint that is acknowledged by reading', () => {
  it('may answer what it likes, but must answer', async () => {
    const { enter, made, events } = await makeGates({ contract: 'message-pointer' });
    for (let count = 0; count < 5; count += 1) await leave(await enter(), made('failed', { status: 404 }));
    expect(await events()).toEqual([]);
    const silent = made('failed');
    for (let count = 0; count < 5; count += 1) {
      const entry = await enter();
      if (entry.kind === 'go')
        await entry.leave({ ...silent, attempt: { ...silent.attempt, status: null, reason: 'timeout' } });
    }
    expect(await events()).toEqual(['endpoint.failing']);
  });
});

describe('an endpoint that nobody knows', () => {
  it('holds up one request of all functions together, until it has answered in time', async () => {
    const { gates, enter, made } = await makeGates({ functions: 4 });
    const race = () => Promise.all([...gates, ...gates].map((one) => one({}, 'live')));
    const first = await race();
    expect(kinds(first)).toEqual([...Array.from({ length: 7 }, () => 'divert'), 'go']);
    // Where nobody waits behind them, there may be as many as come.
    expect((await enter({}, 'slow')).kind).toBe('go');
    await leave(first.find(({ kind }) => kind === 'go') ?? { kind: 'divert' }, made('delivered'));
    expect(kinds(await race())).toEqual(Array.from({ length: 8 }, () => 'go'));
  });

  it('is not tried where order is kept, and known there once it has answered in time', async () => {
    const { enter, made } = await makeGates();
    expect(await enter({}, 'ordered')).toEqual({ kind: 'divert' });
    await leave(await enter({}, 'slow'), made('delivered'));
    expect((await enter({}, 'ordered')).kind).toBe('go');
  });

  it('is not tried where it would hold up others if its health can’t be read, and gets what is for it all the same', async () => {
    const { enter, endpoint, made, observer } = await makeGates();
    const item = { ...endpointHealthKey(endpoint), kind: 'endpoint-health', breaker: 'ajar', version: 7 };
    await tables.put('entities', item);
    for (const channel of ['live', 'ordered'] as const)
      expect(await enter({}, channel)).toEqual({ kind: 'divert' });
    await leave(begun(await enter({}, 'slow')), made('failed'));
    await leave(begun(await enter({}, 'slow')), made('delivered'));
    expect(observer.metrics.filter(({ name }) => name === 'HealthNotNoted')).toHaveLength(2);
    expect(await tables.scan('entities')).toContainEqual(item);
  });

  it('is known to be slow before its first answer is there', async () => {
    const { enter, health } = await makeGates({ slowMs: 20 });
    const entry = begun(await enter({}, 'slow'));
    const slowUntil = await waitFor(async () => (await health())?.slowUntil ?? undefined, {
      timeoutMs: 5_000,
      describe: () => 'the mark',
    });
    expect(slowUntil).toMatch(/Z$/);
    await leave(entry, null);
  });

  it('costs two writes, and no read', async () => {
    const { enter, made } = await makeGates({ cacheSeconds: 60 });
    tables.takeRequests();
    await leave(await enter({}, 'live'), made('delivered'));
    expect(tables.takeRequests()).toEqual(['Query', 'PutItem', 'PutItem']);
  });
});

describe.each([
  ['a replay', () => ({ replay })],
  ['a test delivery', () => ({ event: testEvent() })],
])('%s', (_, special) => {
  it('is kept off the queue of the live, however well its endpoint is', async () => {
    const { enter, made } = await makeGates();
    expect(await enter(special(), 'live')).toEqual({ kind: 'divert' });
    await leave(await enter({}, 'live'), made('delivered'));
    expect(await enter(special(), 'live')).toEqual({ kind: 'divert' });
    expect((await enter(special(), 'slow')).kind).toBe('go');
  });

  it('that hangs shows that its endpoint is slow, before others hang too', async () => {
    const { enter, health } = await makeGates({ slowMs: 20 });
    const entry = begun(await enter(special(), 'slow'));
    await waitFor(async () => (await health())?.slowUntil ?? undefined, {
      timeoutMs: 5_000,
      describe: () => 'the mark',
    });
    expect(await enter({}, 'live')).toEqual({ kind: 'divert' });
    await leave(entry, null);
  });
});

describe('a slow endpoint', () => {
  it('is kept off the queue of the live for a while', async () => {
    const { enter, clock, made } = await makeGates();
    await leave(await enter({}, 'live'), made('delivered', { durationMs: 2_500 }));
    expect(await enter({}, 'live')).toEqual({ kind: 'divert' });
    expect((await enter({}, 'slow')).kind).toBe('go');
    expect(await enter({}, 'ordered')).toEqual({ kind: 'divert' });
    expect(await enter({ event: testEvent() }, 'live')).toEqual({ kind: 'divert' });
    clock.ms += policy.slowSeconds * 1_000;
    expect((await enter({}, 'live')).kind).toBe('divert');
    await leave(await enter({}, 'slow'), made('delivered'));
    expect((await enter({}, 'live')).kind).toBe('go');
  });

  it('is known to be slow before its answer is there', async () => {
    const { enter, health } = await makeGates({ slowMs: 20 });
    const entry = begun(await enter({}, 'live'));
    const slowUntil = await waitFor(async () => (await health())?.slowUntil ?? undefined, {
      timeoutMs: 5_000,
      describe: () => 'the mark',
    });
    expect(slowUntil).toMatch(/Z$/);
    expect(await enter({}, 'live')).toEqual({ kind: 'divert' });
    await leave(entry, null);
  });

  it('is not looked at while its mark is fresh, however long it takes', async () => {
    const marked: string[] = [];
    const gate = createGate({
      ...blindGateDeps(),
      policy: { ...policy, slowMs: 5 },
      health: {
        async change({ endpointId }) {
          marked.push(endpointId);
          return makeHealth({ endpointId });
        },
      },
    });
    const slowUntil = instantFromMs(Date.now() + policy.slowSeconds * 1_000);
    const slow = { ...makeEndpoint({ endpointId: 'slow' }), health: makeHealth({ slowUntil }) };
    // The time of the one that began first is over first.
    const entries = [];
    for (const endpoint of [slow, makeEndpoint({ endpointId: 'unknown' })])
      entries.push(begun(await gate.enter(endpoint, makeTask(), 'slow')));
    await waitFor(() => (marked.length > 0 ? true : undefined), {
      timeoutMs: 5_000,
      describe: () => 'the mark',
    });
    expect(marked).toEqual(['unknown']);
    for (const entry of entries) await leave(entry, null);
  });

  it('is written once a minute', async () => {
    const { enter, made } = await makeGates({ cacheSeconds: 60 });
    const slow = made('delivered', { durationMs: 2_500 });
    await leave(await enter(), slow);
    await enter();
    tables.takeRequests();
    await leave(await enter(), slow);
    expect(tables.takeRequests()).toEqual([]);
  });
});

describe('limits', () => {
  it('of a rate give turns to tasks of all functions, a second apart', async () => {
    const { gates, clock, observer } = await makeGates({ functions: 3, limits: { perSecond: 1 } });
    const entries = await Promise.all(gates.map((enter) => enter()));
    expect(entries.filter(({ kind }) => kind === 'go')).toHaveLength(1);
    expect(
      entries
        .flatMap((entry) => (entry.kind === 'later' ? [entry] : []))
        .sort((a, b) => a.delaySeconds - b.delaySeconds),
    ).toEqual(
      [1, 2].map((delaySeconds) => ({
        kind: 'later',
        delaySeconds,
        slotAt: instantFromMs(clock.ms + delaySeconds * 1_000),
        reason: 'rate_limited',
      })),
    );
    expect(observer.metrics.filter(({ name }) => name === 'RateLimited')).toHaveLength(2);
  });

  it('let a task go in its turn', async () => {
    const { enter, clock } = await makeGates({ limits: { perSecond: 1 } });
    await enter();
    const entry = await enter();
    const slotAt = entry.kind === 'later' ? entry.slotAt : undefined;
    clock.ms += 1_000;
    expect((await enter({ slotAt: slotAt ?? '' })).kind).toBe('go');
  });

  it('park what would have to wait for longer than a queue holds it back', async () => {
    const { enter, clock } = await makeGates({ limits: { perSecond: 0.1 } });
    const given: string[] = [];
    for (let count = 0; count < 93; count += 1) given.push((await enter()).kind);
    expect(given.filter((kind) => kind === 'later')).toHaveLength(90);
    expect(given.slice(-2)).toEqual(['park', 'park']);
    const slotAt = instantFromMs(clock.ms - 901_000);
    expect(await enter({ slotAt })).toEqual({ kind: 'park', reason: 'rate_limited' });
  });

  it('of requests at a time are those of all functions, and end with each attempt', async () => {
    const { gates, clock, made, observer } = await makeGates({ functions: 4, limits: { concurrency: 2 } });
    const entries = await Promise.all(gates.map((enter) => enter()));
    const gone = entries.filter(({ kind }) => kind === 'go');
    expect(gone).toHaveLength(2);
    expect(entries.filter(({ kind }) => kind === 'later')).toMatchObject(
      Array.from({ length: 2 }, () => ({ delaySeconds: 1, reason: 'concurrency_limited' })),
    );
    await leave(gone[0] ?? { kind: 'divert' }, made('delivered'));
    await leave(gone[1] ?? { kind: 'divert' }, null);
    // The others have had their turns by then.
    clock.ms += 2_000;
    expect(
      (await Promise.all(gates.map((enter) => enter()))).filter(({ kind }) => kind === 'go'),
    ).toHaveLength(2);
    expect(observer.metrics.map(({ name }) => name)).not.toContain('HealthNotNoted');
  });

  it('give a probe back that they refuse', async () => {
    const { enter, failOften, clock, made } = await makeGates({ limits: { concurrency: 1 } });
    await failOften();
    clock.ms += 30_000;
    const test = await enter({ event: testEvent() });
    expect((await enter()).kind).toBe('later');
    await leave(test, made('delivered'));
    clock.ms += 2_000;
    expect((await enter()).kind).toBe('go');
  });

  it('hold for tests too', async () => {
    const { enter } = await makeGates({ limits: { concurrency: 1 } });
    await enter();
    expect((await enter({ event: testEvent() })).kind).toBe('later');
  });

  it.each([
    ['replays', { replay }],
    ['what has waited', { yields: true as const }],
  ])('park %s that nothing is left for: what happens now comes first', async (_, task) => {
    const { enter, clock, health } = await makeGates({ limits: { perSecond: 0.5 } });
    expect((await enter(task)).kind).toBe('go');
    expect(await enter()).toMatchObject({ kind: 'later', delaySeconds: 2 });
    expect(await enter(task)).toEqual({ kind: 'park', reason: 'rate_limited' });
    expect(await health()).toMatchObject({ backlogAt: instantFromMs(clock.ms) });
    expect(await enter()).toMatchObject({ kind: 'later', delaySeconds: 4 });
    clock.ms += 6_000;
    expect((await enter(task)).kind).toBe('go');
  });

  it('park what has waited when too many ask at once', async () => {
    const observer = makeObserver();
    const gate = createGate({
      ...blindGateDeps(observer),
      health: { change: async () => makeHealth() },
      limiter: { admit: contended, release: broken },
    });
    const endpoint = makeEndpoint({ limits: { perSecond: 1 } });
    expect((await gate.enter(endpoint, makeTask({ yields: true }), 'slow')).kind).toBe('park');
    expect((await gate.enter(endpoint, makeTask(), 'slow')).kind).toBe('later');
  });
});

/** An endpoint that has recovered just now, and a task of a lane that came before. */
async function makeRecovered(endpoint: Parameters<typeof makeGates>[0] = {}) {
  const gates = await makeGates(endpoint);
  const { enter, failOften, clock, made } = gates;
  await failOften();
  const behind = { event: makeEvent({ receivedAt: instantFromMs(clock.ms) }), sequence: 3 };
  clock.ms += 30_000;
  await leave(await enter(), made('delivered'));
  return { ...gates, behind };
}

describe('what has waited in its lane for an endpoint to recover', () => {
  it('has its turn at the rate of a backlog, whatever function it comes to', async () => {
    const { gates, behind, clock } = await makeRecovered({ functions: 3 });
    const entries = await Promise.all(gates.map((enter) => enter(behind)));
    expect(kinds(entries)).toEqual(['go', 'later', 'later']);
    expect(
      new Set(
        entries.flatMap((entry) => (entry.kind === 'later' ? [`${entry.slotAt} ${entry.reason}`] : [])),
      ),
    ).toEqual(new Set([500, 1_000].map((ms) => `${instantFromMs(clock.ms + ms)} rate_limited`)));
    clock.ms += 1_000;
    const slotAt = instantFromMs(clock.ms - 500);
    expect((await gates[0]?.({ ...behind, slotAt }))?.kind).toBe('go');
  });

  it('waits for that where it holds up nobody else’s lane', async () => {
    const { enter, behind } = await makeRecovered();
    expect(await enter(behind, 'ordered')).toEqual({ kind: 'divert' });
  });

  it('is not waited for by what happens now, nor by replays', async () => {
    const { enter, behind, clock } = await makeRecovered({ cacheSeconds: 60 });
    for (let count = 0; count < 2; count += 1) await enter(behind);
    const live = { event: makeEvent({ receivedAt: instantFromMs(clock.ms) }), sequence: 4 };
    tables.takeRequests();
    expect((await enter(live, 'ordered')).kind).toBe('go');
    expect((await enter({ ...behind, replay })).kind).toBe('go');
    expect(tables.takeRequests()).toEqual([]);
  });

  it('has the endpoint’s own rate if that is lower', async () => {
    const { enter, behind, clock } = await makeRecovered({ limits: { perSecond: 1 } });
    clock.ms += 1_000;
    tables.takeRequests();
    expect((await enter(behind)).kind).toBe('go');
    expect(tables.takeRequests()).toEqual(['Query', 'PutItem']);
    expect(await enter(behind)).toMatchObject({ slotAt: instantFromMs(clock.ms + 1_000) });
  });
});

describe('what can’t be noted', () => {
  it('harms no delivery', async () => {
    const { made } = await makeGates();
    const observer = makeObserver();
    const gate = createGate(blindGateDeps(observer));
    const entry = await gate.enter(makeEndpoint({ limits: { concurrency: 1 } }), makeTask(), 'slow');
    await leave(entry, made('failed'));
    expect(observer.metrics.filter(({ name }) => name === 'HealthNotNoted')).toHaveLength(2);
  });
});
