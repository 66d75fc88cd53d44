import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, vi } from 'vitest';
import { createHandler } from '../../../functions/deliver/create-handler.ts';
import { deliver } from '../../../functions/deliver/delivery.ts';
import { formatDeliveryTask } from '../../../functions/shared/delivery-task.ts';
import type { DeliveryTask } from '../../../schemas/delivery.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeSqsEvent, makeSqsRecord } from '../../helpers/batches.ts';
import {
  makeAttempt,
  makeAttempts,
  makeEndpoint,
  makeEvent,
  makeEvents,
  makeRecord,
  makeTask,
} from '../../helpers/deliveries.ts';
import { bearerToken, makeWorld, nowMs, received, responds, signingSecret, timesOut } from './world.ts';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const bodyOf = (task: DeliveryTask) => JSON.stringify(task);
const tasksOf = (count: number): DeliveryTask[] =>
  makeEvents(count).map((event, index) => makeTask({ taskId: `task-${index + 1}`, event }));

describe('a batch', () => {
  it('of one record is acknowledged when it was delivered', async () => {
    const world = makeWorld();
    const result = await createHandler(world.deps)(makeSqsEvent(makeSqsRecord('m1', bodyOf(makeTask()))));
    expect(result).toEqual({ batchItemFailures: [] });
    expect([...world.records.values()]).toEqual([
      {
        ...makeRecord({ status: 'delivered' }),
        attempts: [
          {
            number: 1,
            at: '2026-03-20T09:15:02.250Z',
            outcome: 'delivered',
            status: 200,
            reason: null,
            durationMs: 12.3,
            host: 'partner.example',
            peerAddress: '203.0.113.7',
            connection: { port: 443, reused: false, tls: { protocol: 'TLSv1.3', certificateSha256: 'ef' } },
            times: { dns: 1, connect: 3, tls: 7, firstByte: 12 },
            requestSha256: sha256(world.posts[0]?.body ?? ''),
            responseSha256: sha256(''),
            responseExcerpt: null,
          },
        ],
      },
    ]);
    expect(world.sent).toEqual([]);
  });

  it('tells what its senders knew of the endpoints, on the queue of the live and on that which keeps order', async () => {
    const endpoint = { ...makeEndpoint(), readAtMs: 1 };
    const record = makeSqsRecord('m1', formatDeliveryTask(makeTask(), endpoint));
    for (const channel of ['live', 'ordered'] as const) {
      const world = makeWorld();
      await createHandler({ ...world.deps, channelOf: () => channel })(makeSqsEvent(record));
      expect(world.told).toEqual([endpoint]);
      expect(world.records.get(makeRecord().id)?.status).toBe('delivered');
    }
  });

  it('of many is delivered side by side', async () => {
    const tasks = tasksOf(10);
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    const world = makeWorld({
      // Nobody gets an answer before all have asked.
      async answer() {
        waiting += 1;
        if (waiting === tasks.length) all.resolve();
        await all.promise;
        return responds(200);
      },
    });
    const records = tasks.map((task, index) => makeSqsRecord(`m${index}`, bodyOf(task)));
    expect(await createHandler(world.deps)(makeSqsEvent(...records))).toEqual({ batchItemFailures: [] });
    expect(world.records.size).toBe(10);
  });

  it('acknowledges a failed attempt, since its successor is on its way', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    const result = await createHandler(world.deps)(makeSqsEvent(makeSqsRecord('m1', bodyOf(makeTask()))));
    expect(result).toEqual({ batchItemFailures: [] });
  });

  it('gives back exactly the records that could not be processed', async () => {
    const tasks = tasksOf(3);
    const world = makeWorld();
    const { store } = world.deps;
    world.deps.store = {
      ...store,
      async put(record) {
        if (record.event.id === tasks[1]?.event.id) throw new Error('throttled');
        await store.put(record);
      },
    };
    const records = tasks.map((task, index) => makeSqsRecord(`m${index + 1}`, bodyOf(task)));
    expect(await createHandler(world.deps)(makeSqsEvent(...records))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm2' }],
    });
    expect(world.records.size).toBe(2);
  });

  it.each([
    ['text', 'hello'],
    ['JSON of another kind', '{"v":1}'],
    ['a task of a version to come', bodyOf({ ...makeTask() }).replace('"v":1', '"v":2')],
    ['nothing', ''],
  ])('gives back %s, so that it ends in the DLQ, and delivers the rest', async (_, body) => {
    const world = makeWorld();
    const event = makeSqsEvent(makeSqsRecord('bad', body), makeSqsRecord('good', bodyOf(makeTask())));
    expect(await createHandler(world.deps)(event)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'bad' }],
    });
    expect(world.posts).toHaveLength(1);
    expect(world.observer.lines).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  it('that fails as a whole is given back record by record', async () => {
    const world = makeWorld();
    const event = makeSqsEvent(makeSqsRecord('m1', '?'), makeSqsRecord('m2', '?'));
    expect(await createHandler(world.deps)(event)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm1' }, { itemIdentifier: 'm2' }],
    });
  });

  it('of none is no failure', async () => {
    expect(await createHandler(makeWorld().deps)(makeSqsEvent())).toEqual({ batchItemFailures: [] });
  });
});

describe('a request', () => {
  it('is signed over the bytes that are sent and carries the endpoint’s credentials', async () => {
    const world = makeWorld();
    // The verifier of the package looks at the clock.
    world.deps.now = Date.now;
    await deliver(world.deps, makeTask(), received(1));
    const [post] = world.posts;
    expect(post).toMatchObject({
      url: 'https://partner.example/hooks',
      method: 'POST',
      headers: {
        'user-agent': 'Towercast/1',
        'content-type': 'application/json',
        'webhook-id': makeEvent().id,
        authorization: `Bearer ${bearerToken}`,
      },
    });
    expect(
      new Webhook(signingSecret).verify(Buffer.from(post?.body ?? ''), post?.headers ?? {}),
    ).toMatchObject({
      type: 'reservation.stocked',
    });
  });

  it('keeps its id and renews its time in a later attempt', async () => {
    const world = makeWorld();
    await deliver(world.deps, makeTask(), received(1));
    world.deps.now = () => Date.parse('2026-03-20T10:00:00.000Z');
    await deliver(world.deps, makeTask({ attempts: makeAttempts(1) }), received(1));
    expect(world.posts.map(({ headers }) => headers['webhook-id'])).toEqual([makeEvent().id, makeEvent().id]);
    expect(world.posts.map(({ headers }) => headers['webhook-timestamp'])).toEqual([
      '1773998102',
      '1774000800',
    ]);
  });

  it('is not made to an endpoint of another partner', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint({ partnerId: 'rival' })] });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.posts).toEqual([]);
  });
});

describe('a failed attempt', () => {
  it('is recorded first, then followed by the next task after the schedule’s step', async () => {
    const world = makeWorld({ answer: () => responds(500, 'oops') });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.journal).toEqual(['post', 'advance', 'send']);
    const [record] = world.records.values();
    expect(record).toMatchObject({
      status: 'pending',
      reason: null,
      taskId: 'task-1',
      dueAt: null,
      attempts: [{ number: 1, outcome: 'failed', status: 500, reason: 'http_500', responseExcerpt: 'oops' }],
    });
    expect(world.sent).toEqual([
      { task: { ...makeTask(), taskId: 'next-1', attempts: record?.attempts }, delaySeconds: 5 },
    ]);
  });

  it('waits in the record when the next is due later than a queue can hold it', async () => {
    const world = makeWorld({ answer: timesOut });
    await deliver(world.deps, makeTask({ attempts: makeAttempts(1) }), received(1));
    expect([...world.records.values()]).toMatchObject([
      { status: 'pending', dueAt: '2026-03-20T09:45:02.250Z', attempts: [{}, { reason: 'timeout' }] },
    ]);
    expect(world.sent).toEqual([]);
  });

  it.each([
    [900, 900, null],
    [901, undefined, '2026-03-20T09:30:03.250Z'],
  ])('after a step of %i s waits where it can', async (step, delaySeconds, dueAt) => {
    const world = makeWorld({ answer: timesOut });
    world.deps.config = { ...world.deps.config, scheduleSeconds: [0, step] };
    await deliver(world.deps, makeTask(), received(1));
    expect(world.sent[0]?.delaySeconds).toBe(delaySeconds);
    expect([...world.records.values()]).toMatchObject([{ dueAt }]);
  });

  it('follows the endpoint’s own schedule', async () => {
    const world = makeWorld({
      endpoints: [makeEndpoint({ scheduleSeconds: [0, 60] })],
      answer: () => responds(404),
    });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.sent).toMatchObject([{ delaySeconds: 60 }]);
  });

  it('stays away for as long as Retry-After says', async () => {
    const world = makeWorld({ answer: () => responds(429, '', '77') });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.sent).toMatchObject([{ delaySeconds: 77 }]);
    expect([...world.records.values()]).toMatchObject([{ attempts: [{ retryAfterSeconds: 77 }] }]);
  });

  it('stays away for as long when a crash came before the next task', async () => {
    const world = makeWorld({ answer: () => responds(503, '', '600') });
    const send = vi.spyOn(world.deps.tasks, 'send').mockRejectedValueOnce(new Error('died'));
    await expect(deliver(world.deps, makeTask(), received(1))).rejects.toThrow('died');
    send.mockRestore();
    await deliver(world.deps, makeTask(), received(2));
    expect(world.posts).toHaveLength(1);
    expect(world.sent).toMatchObject([{ delaySeconds: 600 }]);
  });

  it('of a replay is followed by its own schedule’s step, also after a crash', async () => {
    const replay = { redriveId: null, attemptsBefore: 3 };
    const task = makeTask({ replay, attempts: makeAttempts(3) });
    const world = makeWorld({ answer: () => responds(500) });
    const send = vi.spyOn(world.deps.tasks, 'send').mockRejectedValueOnce(new Error('died'));
    await expect(deliver(world.deps, task, received(1))).rejects.toThrow('died');
    send.mockRestore();
    await deliver(world.deps, task, received(2));
    expect(world.posts).toHaveLength(1);
    expect(world.sent).toMatchObject([{ delaySeconds: 5 }]);
  });

  it('is dead with its reason when the schedule is exhausted', async () => {
    const world = makeWorld({ answer: () => responds(302) });
    await deliver(world.deps, makeTask({ attempts: makeAttempts(2) }), received(1));
    expect([...world.records.values()]).toMatchObject([
      { status: 'dead', reason: 'redirect', dueAt: null, attempts: [{}, {}, { status: 302 }] },
    ]);
    expect(world.sent).toEqual([]);
    expect(world.observer.total('DeliveriesDead')).toBe(1);
  });

  it.each([
    ['an old event’s replay', 1, null],
    ['one that a Retry-After puts off', 7, 7 * 86_400],
  ])('is dead, and announced, when its record would be gone by the next: %s', async (_, days, retryAfter) => {
    const day = 86_400_000;
    const event = makeEvent({ receivedAt: instantFromMs(nowMs - 90 * day + days * day) });
    const replay = { redriveId: null, attemptsBefore: 1 };
    const after = async (laterMs: number) => {
      const world = makeWorld({
        endpoints: [makeEndpoint({ scheduleSeconds: [0, 86_400, 7 * 86_400] })],
        answer: () => responds(503, '', retryAfter === null ? null : String(retryAfter)),
      });
      world.deps.now = () => nowMs + laterMs;
      await deliver(world.deps, makeTask({ event, attempts: makeAttempts(1), replay }), received(1));
      return world;
    };
    // A record's end is known to the second.
    const inTime = await after(-1_000);
    expect([...inTime.records.values()]).toMatchObject([{ status: 'pending', attempts: [{}, {}] }]);
    const late = await after(0);
    const state = { status: 'dead', reason: 'event_expired', dueAt: null };
    expect([...late.records.values()]).toMatchObject([{ ...state, attempts: [{}, { status: 503 }] }]);
    expect(late.notices).toMatchObject([{ type: 'delivery.dead', data: { reason: 'event_expired' } }]);
    expect(late.observer.total('DeliveriesDead')).toBe(1);
  });

  it('is announced when it was the last, in the same write, to the partner and the operator', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.notices).toEqual([]);
    await deliver(world.deps, makeTask({ attempts: makeAttempts(2) }), received(1));
    expect(world.notices).toMatchObject([
      {
        type: 'delivery.dead',
        partnerIds: ['acme', 'operator'],
        data: { endpointId: 'main', reason: 'http_500', attempts: 3 },
      },
    ]);
  });

  it.each([
    [
      'came to an endpoint that had been switched off',
      { endpoints: [makeEndpoint({ status: 'disabled' as const })] },
    ],
    ['was answered 410', { answer: () => responds(410) }],
  ])('raises no alarm when it was a test that %s', async (_, options) => {
    const world = makeWorld(options);
    await deliver(world.deps, makeTask({ event: makeEvent({ test: { endpointId: 'main' } }) }), received(1));
    expect([...world.records.values()]).toMatchObject([{ status: 'held' }]);
    expect(world.observer.total('DeliveriesHeld')).toBe(0);
    expect(world.observer.total('DeliveriesHeldUnasked')).toBe(0);
    expect(world.observer.total('TestsFailed')).toBe(1);
  });

  it('raises no alarm when it was a test', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    const event = makeEvent({ test: { endpointId: 'main' } });
    await deliver(world.deps, makeTask({ event, attempts: makeAttempts(2) }), received(1));
    expect(world.observer.total('DeliveriesDead')).toBe(0);
    expect(world.observer.total('TestsFailed')).toBe(1);
  });

  it.each([301, 400, 410, 500])('is never recorded as delivered (%i)', async (status) => {
    const world = makeWorld({ answer: () => responds(status) });
    await deliver(world.deps, makeTask(), received(1));
    expect([...world.records.values()].map((record) => record.status)).not.toContain('delivered');
    expect(world.observer.total('DeliveriesDelivered')).toBe(0);
  });

  it('is never recorded as delivered though its status said so, when the body broke off', async () => {
    const world = makeWorld({
      answer: () => ({ ...timesOut(), kind: 'error', reason: 'timeout', status: 200 }),
    });
    await deliver(world.deps, makeTask(), received(1));
    expect([...world.records.values()]).toMatchObject([
      { status: 'pending', attempts: [{ outcome: 'failed' }] },
    ]);
  });
});

describe('two tasks for one attempt', () => {
  const afterFirst = makeRecord({ taskId: 'task-1', attempts: makeAttempts(1) });

  it('start one chain: what another task got ahead with stays, and the second ends', async () => {
    const world = makeWorld({ records: [afterFirst], answer: () => responds(500) });
    await deliver(world.deps, makeTask({ taskId: 'task-2' }), received(1));
    expect([...world.records.values()]).toEqual([afterFirst]);
    expect(world.sent).toEqual([]);
    expect(world.observer.total('ChainsDropped')).toBe(1);
  });

  it('are told from one task given twice, whose successor is sent again', async () => {
    const world = makeWorld({ records: [afterFirst], answer: () => responds(500) });
    // SQS does not always count right: the record tells as well.
    await deliver(world.deps, makeTask(), received(1));
    expect(world.sent).toEqual([
      {
        task: { ...makeTask(), taskId: 'next-1', attempts: afterFirst.attempts },
        delaySeconds: 5,
      },
    ]);
    expect([...world.records.values()]).toEqual([afterFirst]);
  });

  it('leave a delivered record as it is when the second fails', async () => {
    const delivered = makeRecord({ taskId: 'other', status: 'delivered', attempts: makeAttempts(1) });
    const world = makeWorld({ records: [delivered], answer: () => responds(500) });
    await deliver(world.deps, makeTask({ attempts: makeAttempts(3) }), received(1));
    expect([...world.records.values()]).toEqual([delivered]);
    expect(world.sent).toEqual([]);
  });

  it('end delivered when the second succeeds', async () => {
    const world = makeWorld({ records: [afterFirst] });
    await deliver(world.deps, makeTask({ taskId: 'task-2' }), received(1));
    expect([...world.records.values()]).toMatchObject([{ status: 'delivered', taskId: 'task-2' }]);
  });
});

describe('a task that is given again', () => {
  const deliveredSecond = makeAttempt({ number: 2, outcome: 'delivered', status: 200, reason: null });

  it('does not repeat the POST that is on record, and sends its successor', async () => {
    const record = makeRecord({ attempts: makeAttempts(1) });
    const world = makeWorld({ records: [record] });
    await deliver(world.deps, makeTask(), received(2));
    expect(world.posts).toEqual([]);
    expect(world.sent).toMatchObject([{ task: { attempts: record.attempts }, delaySeconds: 5 }]);
  });

  it.each([
    ['delivered', makeRecord({ status: 'delivered' })],
    ['dead', makeRecord({ status: 'dead', reason: 'http_500' })],
    ['waiting for timers', makeRecord({ dueAt: '2026-03-20T10:00:00.000Z' })],
  ])('ends when its record is %s', async (_, record) => {
    const world = makeWorld({ records: [record] });
    await deliver(world.deps, makeTask(), received(3));
    expect(world.posts).toEqual([]);
    expect(world.sent).toEqual([]);
  });

  it.each([
    ['delivered', makeRecord({ status: 'delivered', attempts: [makeAttempt(), deliveredSecond] })],
    ['failed, too', makeRecord({ attempts: makeAttempts(2) })],
    ['held without an attempt', makeRecord({ status: 'held', reason: 'endpoint_disabled' })],
  ])('ends when its successor is on record as %s', async (_, { taskId: _own, ...further }) => {
    const record = { ...further, taskId: 'successor' };
    const world = makeWorld({ records: [record] });
    await deliver(world.deps, makeTask(), received(2));
    expect(world.posts).toEqual([]);
    expect(world.sent).toEqual([]);
    expect([...world.records.values()]).toEqual([record]);
    expect(world.observer.total('DeliveriesDelivered')).toBe(0);
    expect(world.observer.total('ChainsDropped')).toBe(1);
  });

  it('is made when its delivery was held before and asked for again', async () => {
    const held = makeRecord({ taskId: 'task-0', status: 'held', reason: 'endpoint_disabled', attempts: [] });
    const world = makeWorld({ records: [held] });
    const replay = { redriveId: 'rdr-1', attemptsBefore: 0 };
    await deliver(world.deps, makeTask({ replay }), received(2));
    expect(world.posts).toHaveLength(1);
  });

  it('is made when nothing is on record, or only the attempts before', async () => {
    const fresh = makeWorld();
    await deliver(fresh.deps, makeTask(), received(2));
    expect(fresh.posts).toHaveLength(1);
    const later = makeWorld({ records: [makeRecord({ taskId: 'task-0', attempts: makeAttempts(1) })] });
    await deliver(later.deps, makeTask({ attempts: makeAttempts(1) }), received(2));
    expect(later.posts).toHaveLength(1);
  });

  it('is given again when its successor could not be sent', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    world.deps.tasks.send = () => Promise.reject(new Error('SQS is down'));
    await expect(deliver(world.deps, makeTask(), received(1))).rejects.toThrow('SQS is down');
    expect([...world.records.values()]).toMatchObject([{ status: 'pending', dueAt: null }]);
  });
});

describe('an endpoint', () => {
  it('that is disabled gets no POST: the delivery is held', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint({ status: 'disabled' })] });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.posts).toEqual([]);
    expect([...world.records.values()]).toMatchObject([
      { status: 'held', reason: 'endpoint_disabled', attempts: [], dueAt: null },
    ]);
    expect(world.observer.total('DeliveriesHeld')).toBe(1);
  });

  it.each([
    ['by_request', 0],
    // An integration, by its partner.
    ['deactivated', 0],
    ['gone', 1],
    ['failing', 1],
  ])('that is disabled for the reason %s wakes somebody %i times', async (disabledReason, times) => {
    const world = makeWorld({ endpoints: [makeEndpoint({ status: 'disabled', disabledReason })] });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.observer.total('DeliveriesHeld')).toBe(1);
    expect(world.observer.total('DeliveriesHeldUnasked')).toBe(times);
  });

  it('that was disabled between two attempts holds what waited', async () => {
    const waiting = makeRecord({ taskId: 'task-0', attempts: makeAttempts(1) });
    const world = makeWorld({ endpoints: [makeEndpoint({ status: 'disabled' })], records: [waiting] });
    await deliver(world.deps, makeTask({ attempts: makeAttempts(1) }), received(1));
    expect([...world.records.values()]).toMatchObject([{ status: 'held', attempts: [{ number: 1 }] }]);
  });

  it('that does not exist makes the delivery dead, and wakes nobody: it was deleted', async () => {
    const world = makeWorld({ endpoints: [] });
    await deliver(world.deps, makeTask(), received(1));
    expect([...world.records.values()]).toMatchObject([{ status: 'dead', reason: 'endpoint_unknown' }]);
    expect(world.posts).toEqual([]);
    expect(world.notices).toEqual([]);
    expect(world.observer.total('DeliveriesDead')).toBe(0);
    expect(world.observer.total('DeliveriesWithoutEndpoint')).toBe(1);
  });

  it('whose contract can no longer say the event is told of once, also when a crash came before SQS knew', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint({ contract: 'locker-open' })] });
    await deliver(world.deps, makeTask(), received(1));
    await deliver(world.deps, makeTask(), received(2));
    expect(world.notices.map(({ type }) => type)).toEqual(['delivery.dead']);
  });

  it('whose contract can no longer say the event makes the delivery dead', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint({ contract: 'locker-open' })] });
    await deliver(world.deps, makeTask(), received(1));
    expect([...world.records.values()]).toMatchObject([{ status: 'dead', reason: 'contract_mismatch' }]);
  });

  it('that answers 410 is disabled, and the delivery held with its attempt', async () => {
    const world = makeWorld({ answer: () => responds(410) });
    await deliver(world.deps, makeTask(), received(1));
    expect(world.endpoints.get('main')).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
    expect([...world.records.values()]).toMatchObject([
      { status: 'held', reason: 'endpoint_gone', attempts: [{ status: 410, outcome: 'failed' }] },
    ]);
    expect(world.journal).toEqual(['post', 'disable', 'advance']);
  });

  it('that answers 410 and can’t be disabled is asked again: nothing is held at an endpoint that is active', async () => {
    const world = makeWorld({ answer: () => responds(410) });
    world.deps.endpoints.disable = async () => Promise.reject(new Error('no table'));
    await expect(deliver(world.deps, makeTask(), received(1))).rejects.toThrow('no table');
    expect([...world.records.values()]).toEqual([]);
  });

  it('that was changed while it answered 410 is tried again', async () => {
    const world = makeWorld({ answer: () => responds(410) });
    world.deps.endpoints.disable = async () => 'changed';
    await deliver(world.deps, makeTask(), received(1));
    expect([...world.records.values()]).toMatchObject([
      { status: 'pending', attempts: [{ reason: 'http_410' }] },
    ]);
    expect(world.sent).toHaveLength(1);
  });
});

describe('a replay of what was acknowledged', () => {
  const earlier = makeAttempt({ outcome: 'delivered', status: 200, reason: null });
  const replayed = makeTask({ attempts: [earlier], replay: { redriveId: null, attemptsBefore: 1 } });
  const statusAfter = async (options: Parameters<typeof makeWorld>[0]) => {
    const world = makeWorld(options);
    await deliver(world.deps, replayed, received(1));
    return [...world.records.values()].map(({ status, attempts }) => [status, attempts.length]);
  };

  it.each<[string, Parameters<typeof makeWorld>[0], number]>([
    [
      'fails for good',
      { endpoints: [makeEndpoint({ scheduleSeconds: [0] })], answer: () => responds(500) },
      2,
    ],
    [
      'meets an endpoint that was disabled meanwhile',
      { endpoints: [makeEndpoint({ status: 'disabled' })] },
      1,
    ],
    ['meets an endpoint that was deleted meanwhile', { endpoints: [] }, 1],
    ['is answered with 410', { answer: () => responds(410) }, 2],
    ['meets a contract that can’t say it', { endpoints: [makeEndpoint({ contract: 'locker-open' })] }, 1],
  ])('leaves it delivered when it %s', async (_, options, attempts) => {
    expect(await statusAfter(options)).toEqual([['delivered', attempts]]);
  });

  it('is tried again by the schedule before that', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    await deliver(world.deps, replayed, received(1));
    expect(world.sent.map(({ task }) => task.attempts.length)).toEqual([2]);
    expect(world.posts[0]?.headers['towercast-replay']).toBe('true');
  });
});

describe('what is observed', () => {
  it('is one wide line per attempt and the time from receipt to receipt', async () => {
    const world = makeWorld();
    await deliver(world.deps, makeTask(), received(1));
    // All of it: attempt-line.test.ts.
    const fields = {
      towerId: '0000000000000001',
      eventId: makeEvent().id,
      deliveryId: makeRecord().id,
      endpointId: 'main',
      partnerId: 'acme',
      outcome: 'delivered',
      latencyMs: 2_000,
    };
    expect(world.observer.lines).toHaveLength(1);
    expect(world.observer.lines).toMatchObject([{ level: 'info', message: 'attempt', fields }]);
    expect(world.observer.metrics).toEqual([
      { name: 'PublishToReceiptMs', value: 2_000 },
      { name: 'DeliveriesDelivered', value: 1 },
    ]);
  });

  it('never shows a secret, not even when the partner answers with it', async () => {
    const answers = [
      responds(500, `you sent Bearer ${bearerToken} and know ${signingSecret}`),
      responds(200, bearerToken),
    ];
    for (const answer of answers) {
      const world = makeWorld({ answer: () => answer });
      await deliver(world.deps, makeTask(), received(1));
      const seen = JSON.stringify([world.observer.lines, [...world.records.values()], world.sent]);
      expect(seen).not.toContain(bearerToken);
      expect(seen).not.toContain(signingSecret.slice('whsec_'.length));
      expect(seen).toContain('[secret]');
    }
  });

  it('keeps no more of a response than an excerpt, cut where a character ends', async () => {
    const world = makeWorld({ answer: () => responds(500, `${'x'.repeat(1_023)}😀${'y'.repeat(9_000)}`) });
    await deliver(world.deps, makeTask(), received(1));
    const [record] = world.records.values();
    expect(record?.attempts[0]?.responseExcerpt).toBe('x'.repeat(1_023));
  });

  it('keeps less of what a success said', async () => {
    const world = makeWorld({ answer: () => responds(200, `${'x'.repeat(255)}😀`) });
    await deliver(world.deps, makeTask(), received(1));
    const [record] = world.records.values();
    expect(record?.attempts[0]?.responseExcerpt).toBe('x'.repeat(255));
  });

  it('counts a first attempt that comes late', async () => {
    const world = makeWorld();
    world.deps.now = () => nowMs + 120_000;
    await deliver(world.deps, makeTask(), received(1));
    expect(world.observer.total('FirstAttemptsLate')).toBe(1);
  });

  it('counts a failed attempt of many by itself', async () => {
    const world = makeWorld({ answer: timesOut });
    await deliver(world.deps, makeTask({ attempts: [makeAttempt()] }), received(1));
    expect(world.observer.metrics).toEqual([{ name: 'AttemptsFailed', value: 1 }]);
  });
});
