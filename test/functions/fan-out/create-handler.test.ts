import { setImmediate as afterOthers } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../functions/fan-out/create-handler.ts';
import { readStreamImage } from '../../../functions/shared/stream-image.ts';
import type { SqsClient } from '../../../functions/shared/aws/sqs.ts';
import { createTaskSender, type OutgoingTask } from '../../../functions/shared/queue.ts';
import { makeHealth } from '../../helpers/health.ts';
import { makeEndpoint, makeEvent, makeEvents } from '../../helpers/deliveries.ts';
import { asRead, batchOf, insertOf, makeWorld, readAtMs, recordOf } from './world.ts';

/** Which event went to which endpoint. */
const routes = (sent: OutgoingTask[]) =>
  sent.map(({ task }) => `${task.event.id} > ${task.partnerId}/${task.endpointId}`).sort();

describe('a record', () => {
  it('becomes one task for each endpoint that wants it', async () => {
    const world = makeWorld([
      makeEndpoint(),
      makeEndpoint({ endpointId: 'second', filter: { types: ['reservation.*'] } }),
      makeEndpoint({ endpointId: 'doors', filter: { types: ['locker.*'] } }),
      makeEndpoint({ endpointId: 'elsewhere', partnerId: 'rival' }),
    ]);
    expect(await world.handler(batchOf(insertOf(1, makeEvent())))).toEqual({ batchItemFailures: [] });
    expect(world.sent.map(({ task, delaySeconds }) => ({ task, delaySeconds }))).toEqual([
      {
        task: {
          v: 1,
          taskId: 'task-1',
          partnerId: 'acme',
          endpointId: 'main',
          event: makeEvent(),
          attempts: [],
        },
        delaySeconds: 0,
      },
      {
        task: {
          v: 1,
          taskId: 'task-2',
          partnerId: 'acme',
          endpointId: 'second',
          event: makeEvent(),
          attempts: [],
        },
        delaySeconds: 0,
      },
    ]);
    expect(world.observer.total('TasksSent')).toBe(2);
  });

  it('goes over the queue of the slow to an endpoint that is slow or gets probes only', async () => {
    const slow = makeHealth({ slowUntil: '2026-03-20T09:16:00.000Z' });
    const world = makeWorld([]);
    const known = [
      makeEndpoint(),
      { ...makeEndpoint({ endpointId: 'slow' }), health: slow },
      { ...makeEndpoint({ endpointId: 'dead' }), health: makeHealth({ breaker: 'open' }) },
      { ...makeEndpoint({ endpointId: 'flaky' }), health: makeHealth({ failures: 1 }) },
      { ...makeEndpoint({ endpointId: 'ordered', ordered: true }), health: slow },
    ];
    const endpoints = { ...world.deps.endpoints, ofPartner: async () => known.map(asRead) };
    await createHandler({ ...world.deps, endpoints })(batchOf(insertOf(1, makeEvent())));
    expect(Object.fromEntries(world.sent.map(({ task, via = 'live' }) => [task.endpointId, via]))).toEqual({
      main: 'live',
      slow: 'slow',
      dead: 'slow',
      flaky: 'live',
      ordered: 'ordered',
    });
  });

  it('waits with its tasks until the endpoints of its whole batch are known, so that they share requests', async () => {
    const world = makeWorld([makeEndpoint(), makeEndpoint({ partnerId: 'other' })]);
    const { ofPartner } = world.deps.endpoints;
    world.deps.endpoints.ofPartner = async (partnerId) => {
      if (partnerId === 'other') await afterOthers();
      return ofPartner(partnerId);
    };
    const requests: number[] = [];
    const sqs: SqsClient = {
      async sendMessageBatch({ Entries }) {
        requests.push(Entries.length);
        return { Successful: [], Failed: [] };
      },
      destroy() {},
    };
    world.deps.tasks = createTaskSender({ sqs, queues: { live: 'https://sqs.example/live' } });
    const [mine, theirs] = [
      makeEvent(),
      makeEvent({ id: 'evt_0000000000000002-1_mmykbvk0_b7-1', partnerIds: ['other'] }),
    ];
    await world.handler(batchOf(insertOf(1, mine), insertOf(2, theirs)));
    expect(requests).toEqual([2]);
  });

  it('takes along what was just read of the endpoint', async () => {
    const world = makeWorld([makeEndpoint({ detail: 'full' })]);
    await world.handler(batchOf(insertOf(1, makeEvent())));
    expect(world.sent[0]?.endpoint).toEqual({ ...makeEndpoint({ detail: 'full' }), readAtMs });
  });

  it('reaches every partner of its audience once and nobody else', async () => {
    const world = makeWorld([
      makeEndpoint(),
      makeEndpoint({ partnerId: 'other' }),
      makeEndpoint({ partnerId: 'rival' }),
    ]);
    const event = makeEvent({ partnerIds: ['acme', 'other', 'acme'] });
    await world.handler(batchOf(insertOf(1, event)));
    expect(routes(world.sent)).toEqual([`${event.id} > acme/main`, `${event.id} > other/main`]);
  });

  it('that is a sample goes to its endpoint, also when the partner’s list does not have it yet', async () => {
    const world = makeWorld([makeEndpoint(), makeEndpoint({ endpointId: 'fresh' })]);
    const stale = { ...world.deps.endpoints, ofPartner: async () => [asRead(makeEndpoint())] };
    const handler = createHandler({ ...world.deps, endpoints: stale });
    await handler(batchOf(insertOf(1, makeEvent({ test: { endpointId: 'fresh' } }))));
    await handler(batchOf(insertOf(2, makeEvent({ test: { endpointId: 'gone' } }))));
    expect(routes(world.sent)).toEqual([`${makeEvent().id} > acme/fresh`]);
  });

  it('goes to a disabled endpoint as well, which will hold it', async () => {
    const world = makeWorld([makeEndpoint({ status: 'disabled' })]);
    await world.handler(batchOf(insertOf(1, makeEvent())));
    expect(world.sent).toHaveLength(1);
  });

  it.each([
    [[0, 5], 0],
    [[30, 5], 30],
    [[3_600, 5], 900],
  ])('waits for the first step of the endpoint’s schedule %j', async (scheduleSeconds, delaySeconds) => {
    const world = makeWorld([makeEndpoint({ scheduleSeconds })]);
    await world.handler(batchOf(insertOf(1, makeEvent())));
    expect(world.sent).toMatchObject([{ delaySeconds }]);
  });

  it.each(['MODIFY', 'REMOVE'] as const)('of kind %s is no news', async (eventName) => {
    const world = makeWorld([makeEndpoint()]);
    expect(await world.handler(batchOf(recordOf(1, eventName, { image: {} })))).toEqual({
      batchItemFailures: [],
    });
    expect(world.sent).toEqual([]);
  });

  it('keeps every value on its way through the stream', () => {
    const event = makeEvent({
      type: 'locker.assigned',
      data: {
        lockerStatus: 'rented',
        requestId: 56,
        requestPayload: '{"deep":[1,2.5,-3,null,true,"",{"ключ 😀":[]}]}',
        tokenId: null,
        clientInfo: null,
      },
    });
    expect(readStreamImage(insertOf(1, event).dynamodb?.NewImage)).toMatchObject(event);
  });
});

describe('a batch', () => {
  const endpoints = [makeEndpoint(), makeEndpoint({ endpointId: 'second' })];

  it('of none is no failure', async () => {
    expect(await makeWorld(endpoints).handler(batchOf())).toEqual({ batchItemFailures: [] });
  });

  it('of many sends all of them', async () => {
    const world = makeWorld(endpoints);
    const records = makeEvents(20).map((event, index) => insertOf(index, event));
    expect(await world.handler(batchOf(...records))).toEqual({ batchItemFailures: [] });
    expect(world.sent).toHaveLength(40);
  });

  it.each([
    ['no event', { pk: { S: 'x' } }],
    ['no image', undefined],
    ['an unknown attribute type', { pk: { Q: 'x' } }],
    ['text', 'text'],
  ])('quarantines a record with %s, which would hold up its shard, and goes on', async (_, image) => {
    const world = makeWorld(endpoints);
    const [before, after] = makeEvents(2);
    const result = await world.handler(
      batchOf(
        insertOf(10, before ?? makeEvent()),
        recordOf(11, 'INSERT', { image }),
        insertOf(12, after ?? makeEvent()),
      ),
    );
    expect(result).toEqual({ batchItemFailures: [] });
    expect(world.sent).toHaveLength(4);
    expect(world.quarantined).toMatchObject([{ reason: 'event_unreadable', topic: 'events-stream' }]);
    const raw = Buffer.from(world.quarantined[0]?.raw ?? '', 'base64').toString();
    expect(JSON.parse(raw)).toEqual(image ?? null);
    expect(world.observer.total('EventsQuarantined')).toBe(1);
  });

  it('reports exactly the records one of whose sends failed', async () => {
    const events = makeEvents(4);
    const refused = new Set([events[1]?.id, events[3]?.id]);
    const world = makeWorld(
      endpoints,
      ({ task }) => refused.has(task.event.id) && task.endpointId === 'second',
    );
    const records = events.map((event, index) => insertOf(100 + index, event));
    expect(await world.handler(batchOf(...records))).toEqual({
      batchItemFailures: [{ itemIdentifier: '101' }, { itemIdentifier: '103' }],
    });
  });

  it('fails when it can not be quarantined either', async () => {
    const world = makeWorld(endpoints);
    world.deps.quarantine.write = async () => Promise.reject(new Error('no table'));
    expect(await world.handler(batchOf(recordOf(11, 'INSERT', { image: 'text' })))).toEqual({
      batchItemFailures: [{ itemIdentifier: '11' }],
    });
  });

  it('reports the records of a partner whose endpoints could not be read', async () => {
    const world = makeWorld(endpoints);
    world.deps.endpoints.ofPartner = async (partnerId) => {
      if (partnerId === 'rival') throw new Error('throttled');
      return endpoints.map(asRead);
    };
    const [mine, theirs] = [
      makeEvent(),
      makeEvent({ id: 'evt_0000000000000002-1_mmykbvk0_b7-1', partnerIds: ['rival'] }),
    ];
    expect(await world.handler(batchOf(insertOf(1, mine), insertOf(2, theirs)))).toEqual({
      batchItemFailures: [{ itemIdentifier: '2' }],
    });
  });

  it('sends the same in any order of its records', async () => {
    const events = makeEvents(6);
    const expected = makeWorld(endpoints);
    await expected.handler(batchOf(...events.map((event, index) => insertOf(index, event))));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(events, { minLength: 6 }), async (shuffled) => {
        const world = makeWorld(endpoints);
        await world.handler(batchOf(...shuffled.map((event, index) => insertOf(index, event))));
        expect(routes(world.sent)).toEqual(routes(expected.sent));
      }),
      { numRuns: 20 },
    );
  });
});

describe('the logs', () => {
  const [first, second, third, fourth] = makeEvents(4).map(({ id }) => id);

  it('get one append for each partner of a batch, in its order, whoever has endpoints', async () => {
    const world = makeWorld([makeEndpoint()]);
    const [a, b, c] = makeEvents(3);
    await world.handler(
      batchOf(
        insertOf(1, { ...makeEvent(), ...a, partnerIds: ['acme', 'nobody'] }),
        insertOf(2, { ...makeEvent(), ...b }),
        insertOf(3, { ...makeEvent(), ...c, partnerIds: ['nobody', 'acme', 'nobody'] }),
      ),
    );
    expect(world.logged).toEqual([
      ['acme', [first, second, third]],
      ['nobody', [first, third]],
    ]);
  });

  it('get what will not be given again, and leave the rest to the next time', async () => {
    const world = makeWorld([makeEndpoint()], ({ task }) => task.event.id === third);
    const records = makeEvents(4).map((event, index) => insertOf(100 + index, event));
    expect(await world.handler(batchOf(...records))).toEqual({
      batchItemFailures: [{ itemIdentifier: '102' }],
    });
    expect(world.logged).toEqual([['acme', [first, second]]]);
    expect(world.sent.map(({ task }) => task.event.id)).toContain(fourth);
  });

  it('fail exactly the records of the partner whose log could not be written', async () => {
    const world = makeWorld([makeEndpoint()]);
    world.deps.log.append = async (partnerId) => {
      if (partnerId === 'rival') throw new Error('throttled');
    };
    const [a, b, c] = makeEvents(3);
    const result = await world.handler(
      batchOf(
        insertOf(1, { ...makeEvent(), ...a }),
        insertOf(2, { ...makeEvent(), ...b, partnerIds: ['acme', 'rival'] }),
        insertOf(3, { ...makeEvent(), ...c }),
      ),
    );
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  });

  it('have no samples', async () => {
    const world = makeWorld([makeEndpoint()]);
    await world.handler(batchOf(insertOf(1, makeEvent({ test: { endpointId: 'main' } }))));
    expect(world.sent).toHaveLength(1);
    expect(world.logged).toEqual([]);
  });
});

describe('an endpoint that asks for order', () => {
  it('gets its tasks over the ordered queue, at once and in the order of the stream', async () => {
    const world = makeWorld([makeEndpoint({ ordered: true, scheduleSeconds: [30, 5] })]);
    const { tasks } = world.deps;
    // The first send takes longest.
    let turns = 5;
    const slow = {
      async send(some: readonly OutgoingTask[]) {
        for (let turn = (turns -= 1); turn > 0; turn -= 1) await Promise.resolve();
        await tasks.send(some);
      },
    };
    const events = makeEvents(5);
    const handler = createHandler({ ...world.deps, tasks: slow });
    await handler(batchOf(...events.map((event, index) => insertOf(index, event))));
    expect(world.sent.map(({ task }) => task.event.id)).toEqual(events.map(({ id }) => id));
    expect(world.sent.every(({ via, delaySeconds }) => via === 'ordered' && delaySeconds === 0)).toBe(true);
  });

  it('is sent nothing past a task that the queue did not take, while others are', async () => {
    const [before, refused] = makeEvents(2);
    const world = makeWorld(
      [makeEndpoint({ ordered: true }), makeEndpoint({ endpointId: 'second' })],
      ({ task, via }) => task.event.id === refused?.id && via === 'ordered',
    );
    const records = makeEvents(4).map((event, index) => insertOf(100 + index, event));
    expect(await world.handler(batchOf(...records))).toEqual({
      batchItemFailures: ['101', '102', '103'].map((itemIdentifier) => ({ itemIdentifier })),
    });
    const to = (endpointId: string) =>
      world.sent.filter(({ task }) => task.endpointId === endpointId).map(({ task }) => task.event.id);
    expect(to('main')).toEqual([before?.id]);
    expect(to('second')).toHaveLength(4);
  });
});
