import { describe, expect, it } from 'vitest';
import { createHandler, type DeadLetterDeps } from '../../../functions/dead-letter/create-handler.ts';
import { deliveryId } from '../../../functions/shared/keys.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import type { QuarantineRecord } from '../../../schemas/quarantine.ts';
import { makeObserver, makeSqsEvent, makeSqsRecord } from '../../helpers/batches.ts';
import {
  makeAttempt,
  makeAttempts,
  makeEndpoint,
  makeEvent,
  makeEvents,
  makeRecord,
  makeTask,
} from '../../helpers/deliveries.ts';
import { makeLanes, makeLaneStore } from '../../helpers/lanes.ts';

const nowMs = Date.parse('2026-03-20T09:20:00.000Z');

function makeWorld({
  records = [],
  endpoint = makeEndpoint(),
}: { records?: DeliveryRecord[]; endpoint?: Endpoint | null } = {}) {
  const stored = new Map(records.map((record) => [record.id, record]));
  const quarantined: QuarantineRecord[] = [];
  const lanes = makeLanes();
  const events = new Map<string, DomainEvent>();
  const sent: OutgoingTask[] = [];
  const notices: DomainEvent[] = [];
  const observer = makeObserver();
  const deps: DeadLetterDeps = {
    endpoints: { get: async () => endpoint },
    store: {
      get: async ({ endpointId, event }) =>
        stored.get(deliveryId(endpointId, event.receivedAt, event.id)) ?? null,
      async advance(record, attemptsBelow, notice = null) {
        const current = stored.get(record.id);
        if (
          current !== undefined &&
          (current.status === 'delivered' || current.attempts.length >= attemptsBelow)
        )
          return { kind: 'behind', current };
        stored.set(record.id, record);
        if (notice !== null) notices.push(notice);
        return { kind: 'written' };
      },
    },
    lanes: makeLaneStore(lanes, { records: stored, events }),
    events: { get: async (eventId) => events.get(eventId) ?? null },
    tasks: {
      async send(tasks) {
        sent.push(...tasks);
      },
    },
    quarantine: {
      async write(more) {
        quarantined.push(...more);
      },
    },
    retentionDays: 90,
    operatorPartnerId: 'operator',
    scheduleSeconds: [0, 5, 1_800],
    pointerScheduleSeconds: [0, 60, 120],
    logger: observer.logger,
    metrics: observer.recorder,
    now: () => nowMs,
    random: () => 0.5,
  };
  return { deps, stored, quarantined, lanes, events, sent, notices, observer, handler: createHandler(deps) };
}

const messageOf = (id: string, task: DeliveryTask) => makeSqsRecord(id, JSON.stringify(task), 6);
const file = (world: ReturnType<typeof makeWorld>, task: DeliveryTask) =>
  world.handler(makeSqsEvent(messageOf('m1', task)));

describe('a task on the DLQ', () => {
  it('is filed as a crashed attempt whose successor is due by the schedule', async () => {
    const world = makeWorld();
    expect(await file(world, makeTask())).toEqual({ batchItemFailures: [] });
    expect([...world.stored.values()]).toEqual([
      makeRecord({
        status: 'pending',
        dueAt: '2026-03-20T09:20:05.000Z',
        attempts: [
          {
            number: 1,
            at: '2026-03-20T09:20:00.000Z',
            outcome: 'crashed',
            status: null,
            reason: 'function_failed',
            durationMs: 0,
            peerAddress: null,
            connection: null,
            times: null,
            requestSha256: null,
            responseSha256: null,
            responseExcerpt: null,
          },
        ],
      }),
    ]);
    expect(world.observer.total('DeliveriesRescheduled')).toBe(1);
  });

  it('is dead when its schedule is exhausted', async () => {
    const world = makeWorld();
    await file(world, makeTask({ attempts: makeAttempts(2) }));
    expect([...world.stored.values()]).toMatchObject([
      { status: 'dead', reason: 'function_failed', dueAt: null, attempts: [{}, {}, { outcome: 'crashed' }] },
    ]);
    expect(world.observer.total('DeliveriesDead')).toBe(1);
  });

  it('is dead, and announced, when its record would be gone by the next attempt', async () => {
    const world = makeWorld();
    const event = makeEvent({ receivedAt: instantFromMs(nowMs - 90 * 86_400_000 + 5_000) });
    await file(world, makeTask({ event }));
    const state = { status: 'dead', reason: 'event_expired', dueAt: null };
    expect([...world.stored.values()]).toMatchObject([{ ...state, attempts: [{ outcome: 'crashed' }] }]);
    expect(world.notices).toMatchObject([{ type: 'delivery.dead', data: { reason: 'event_expired' } }]);
  });

  it('is announced when it is dead, in the same write, and not before', async () => {
    const world = makeWorld();
    await file(world, makeTask());
    expect(world.notices).toEqual([]);
    await file(world, makeTask({ attempts: makeAttempts(2) }));
    expect(world.notices).toMatchObject([
      {
        type: 'delivery.dead',
        partnerIds: ['acme', 'operator'],
        data: { endpointId: 'main', reason: 'function_failed', attempts: 3 },
      },
    ]);
  });

  it('raises no alarm when it was a test', async () => {
    const world = makeWorld();
    const event = makeEvent({ test: { endpointId: 'main' } });
    await file(world, makeTask({ event, attempts: makeAttempts(2) }));
    expect(world.observer.total('DeliveriesDead')).toBe(0);
    expect(world.observer.total('TestsFailed')).toBe(1);
  });

  it('is delivered still when it was a replay of what had been acknowledged', async () => {
    const replay = { redriveId: 'r-1', attemptsBefore: 1 };
    const acknowledged = makeAttempt({ outcome: 'delivered', status: 200, reason: null });
    const attempts = [acknowledged, ...makeAttempts(3).slice(1)];
    const world = makeWorld();
    await file(world, makeTask({ attempts, replay }));
    expect([...world.stored.values()]).toMatchObject([
      { status: 'delivered', reason: null, dueAt: null, attempts: [{}, {}, {}, { outcome: 'crashed' }] },
    ]);
    expect(world.observer.total('ReplaysFailed')).toBe(1);
    // A message pointer's response acknowledges nothing.
    const pointer = makeWorld({ endpoint: makeEndpoint({ contract: 'message-pointer' }) });
    await file(pointer, makeTask({ attempts, replay }));
    expect([...pointer.stored.values()]).toMatchObject([{ status: 'dead' }]);
  });

  it('follows the schedule of its endpoint', async () => {
    const world = makeWorld({ endpoint: makeEndpoint({ scheduleSeconds: [0, 7_200] }) });
    await file(world, makeTask());
    expect([...world.stored.values()]).toMatchObject([{ dueAt: '2026-03-20T11:20:00.000Z' }]);
  });

  it('follows the schedule of message pointers, if it is one', async () => {
    const world = makeWorld({ endpoint: makeEndpoint({ contract: 'message-pointer' }) });
    await file(world, makeTask());
    expect([...world.stored.values()]).toMatchObject([{ dueAt: '2026-03-20T09:21:00.000Z' }]);
  });

  it('is filed by the stage’s schedule when its endpoint is gone or can’t be read', async () => {
    const gone = makeWorld({ endpoint: null });
    await file(gone, makeTask());
    const broken = makeWorld();
    broken.deps.endpoints.get = () => Promise.reject(new Error('malformed'));
    await file(broken, makeTask());
    for (const world of [gone, broken])
      expect([...world.stored.values()]).toMatchObject([{ dueAt: '2026-03-20T09:20:05.000Z' }]);
  });

  it.each([
    ['ahead', makeRecord({ taskId: 'task-9', attempts: makeAttempts(2) })],
    ['of another chain', makeRecord({ taskId: 'task-9', attempts: makeAttempts(1) })],
    ['delivered', makeRecord({ status: 'delivered', attempts: makeAttempts(1) })],
    ['dead', makeRecord({ status: 'dead', attempts: makeAttempts(1) })],
    ['waiting already', makeRecord({ dueAt: '2026-03-20T10:00:00.000Z', attempts: makeAttempts(1) })],
  ])('leaves a record that is %s as it is', async (_, record) => {
    const world = makeWorld({ records: [record] });
    expect(await file(world, makeTask())).toEqual({ batchItemFailures: [] });
    expect([...world.stored.values()]).toEqual([record]);
    expect(world.observer.total('ChainsDropped')).toBe(1);
  });

  it('that got as far as its record, but not to its successor, waits in that record', async () => {
    const record = makeRecord({ attempts: makeAttempts(1) });
    const world = makeWorld({ records: [record] });
    await file(world, makeTask());
    expect([...world.stored.values()]).toEqual([{ ...record, dueAt: '2026-03-20T09:20:05.000Z' }]);
    expect(world.observer.total('DeliveriesRescheduled')).toBe(1);
  });
});

describe('a message that is no task', () => {
  it.each(['hello', '', '{"v":1}', '{"v":2,"taskId":"x"}'])('%j is quarantined as it came', async (body) => {
    const world = makeWorld();
    const event = makeSqsEvent(makeSqsRecord('m1', body));
    expect(await world.handler(event)).toEqual({ batchItemFailures: [] });
    expect(world.quarantined).toMatchObject([
      {
        kind: 'quarantine',
        topic: 'delivery-dlq',
        traceId: 'm1',
        index: 0,
        reason: 'task_unreadable',
        raw: Buffer.from(body).toString('base64'),
        truncated: false,
        receivedAt: '2026-03-20T09:46:40.000Z',
      },
    ]);
    expect(world.observer.total('TasksQuarantined')).toBe(1);
  });

  it('is cut to what an item can hold', async () => {
    const world = makeWorld();
    await world.handler(makeSqsEvent(makeSqsRecord('m1', 'x'.repeat(1_000_000))));
    expect(world.quarantined).toMatchObject([{ truncated: true }]);
    expect(JSON.stringify(world.quarantined).length).toBeLessThan(400_000);
  });
});

describe('a batch', () => {
  it('of none is no failure', async () => {
    expect(await makeWorld().handler(makeSqsEvent())).toEqual({ batchItemFailures: [] });
  });

  it('keeps exactly the messages that could not be filed on the DLQ', async () => {
    const world = makeWorld();
    const [first, second, third] = makeEvents(3).map((event) => makeTask({ event }));
    const { store } = world.deps;
    world.deps.store = {
      ...store,
      advance: (record, below) =>
        record.event.id === second?.event.id
          ? Promise.reject(new Error('throttled'))
          : store.advance(record, below),
    };
    const records = [first, second, third].map((task, index) =>
      messageOf(`m${index + 1}`, task ?? makeTask()),
    );
    expect(await world.handler(makeSqsEvent(...records))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm2' }],
    });
    expect(world.stored.size).toBe(2);
  });

  it('keeps an unreadable message while it can’t be quarantined', async () => {
    const world = makeWorld();
    world.deps.quarantine.write = () => Promise.reject(new Error('throttled'));
    expect(await world.handler(makeSqsEvent(makeSqsRecord('m1', '?')))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm1' }],
    });
  });
});
