import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../../functions/deliver/create-handler.ts';
import { openGate, type Entry } from '../../../../functions/deliver/gate.ts';
import { sampleEvent } from '../../../../functions/domain/sample-event.ts';
import { laneOf } from '../../../../functions/shared/keys.ts';
import { instantFromMs } from '../../../../schemas/instant.ts';
import { makeSqsEvent, makeSqsRecord } from '../../../helpers/batches.ts';
import { makeAttempts, makeEndpoint, makeRecord, makeTask } from '../../../helpers/deliveries.ts';
import { makeWorld, nowMs, responds } from '../world.ts';
import { eventAt, makeLaneWorld, taskOf } from './lane-world.ts';

describe('a task on an ordinary queue', () => {
  it('of an ordered endpoint goes on to its lane, as the same task, without an attempt', async () => {
    const world = makeWorld({ endpoints: [makeEndpoint({ ordered: true })] });
    const task = taskOf(1);
    await createHandler(world.deps)(makeSqsEvent(makeSqsRecord('m1', JSON.stringify(task))));
    expect(world.sent).toEqual([{ task, delaySeconds: 0, via: 'ordered' }]);
    expect(world.posts).toEqual([]);
  });

  it('goes on to its lane if it has a place there, though its endpoint no longer asks for order', async () => {
    const world = makeWorld();
    const task = taskOf(1, { sequence: 3 });
    await createHandler(world.deps)(makeSqsEvent(makeSqsRecord('m1', JSON.stringify(task))));
    expect(world.sent).toEqual([{ task, delaySeconds: 0, via: 'ordered' }]);
  });
});

describe('a lane', () => {
  it('numbers what is delivered, from 1, and names the last number that was acknowledged', async () => {
    const world = makeLaneWorld();
    expect(await world.give(taskOf(1), taskOf(2), taskOf(3))).toEqual({ batchItemFailures: [] });
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    expect(world.recordOf(3)).toMatchObject({ status: 'delivered', sequence: 3 });
  });

  it('numbers the deliveries of each locker by themselves', async () => {
    const world = makeLaneWorld();
    await world.give(taskOf(1), makeTask({ taskId: 'other', event: eventAt(8, 2) }), taskOf(3));
    expect(world.posts.map(({ headers }) => [headers['webhook-id'], headers['towercast-sequence']])).toEqual(
      expect.arrayContaining([
        [eventAt(9, 1).id, '1'],
        [eventAt(8, 2).id, '1'],
        [eventAt(9, 3).id, '2'],
      ]),
    );
  });

  it('claims its head before the POST and writes nothing after its record', async () => {
    const world = makeLaneWorld({ answer: () => responds(200) });
    const seen: unknown[] = [];
    const { http } = world.deps;
    world.deps.http = {
      post: async (request) => {
        seen.push(world.lane()?.head);
        return http.post(request);
      },
    };
    await world.give(taskOf(1));
    expect(seen).toMatchObject([{ sequence: 1, eventId: eventAt(9, 1).id }]);
    expect(world.lane()?.version).toBe(2);
  });

  it('holds back what follows a failure, visibly, and without a POST', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1), taskOf(2), taskOf(3));
    expect(world.posts).toHaveLength(1);
    expect([1, 2, 3].map((seq) => world.recordOf(seq))).toMatchObject([
      { status: 'pending', sequence: 1, attempts: [{ number: 1 }], dueAt: expect.any(String) as unknown },
      { status: 'pending', sequence: 2, reason: 'behind', attempts: [], dueAt: null },
      { status: 'pending', sequence: 3, reason: 'behind', attempts: [], dueAt: null },
    ]);
    // Its retry comes over the ordinary queue, which knows delays; `timers` would bring it too, two minutes later.
    expect(world.sent).toMatchObject([{ task: { sequence: 1, attempts: [{}] }, delaySeconds: 5 }]);
    expect(world.recordOf(1)?.dueAt).toBe(new Date(nowMs + 125_000).toISOString());
  });

  it('goes on with what waited, one task at a time, once its head was delivered', async () => {
    const answers = [500, 200, 200, 200];
    const world = makeLaneWorld({ answer: () => responds(answers.shift() ?? 200) });
    await world.give(taskOf(1), taskOf(2), taskOf(3));
    for (let turn = 0; turn < 3; turn += 1) {
      await world.give(world.sent.at(-1)?.task ?? taskOf(0));
    }
    expect(world.sent.map(({ via = 'live' }) => via)).toEqual(['live', 'ordered', 'ordered']);
    expect(world.numbers()).toEqual([
      [1, 0],
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    expect(world.lane()?.head?.sequence).toBe(3);
  });

  it('drops a repeat of what was delivered, and of what waits', async () => {
    const world = makeLaneWorld();
    await world.give(taskOf(1), taskOf(2));
    await world.give(taskOf(1, { taskId: 'again' }));
    expect(world.posts).toHaveLength(2);
    expect(world.lane()?.given).toBe(2);
  });

  it.each([
    ['parked', { kind: 'park', reason: 'breaker_open' }, { waitsFor: 'endpoint', reason: 'breaker_open' }],
    [
      'late',
      { kind: 'later', delaySeconds: 7, reason: 'rate_limited' },
      { waitsFor: 'time', reason: 'rate_limited' },
    ],
  ] satisfies [string, Entry, object][])(
    'whose head is %s by the gate waits with it, without an attempt',
    async (_, entry, expected) => {
      const world = makeLaneWorld();
      world.deps.gate = { enter: async () => entry };
      await world.give(taskOf(1), taskOf(2));
      expect(world.posts).toEqual([]);
      expect(world.recordOf(1)).toMatchObject({ status: 'pending', attempts: [], sequence: 1, ...expected });
      expect(world.recordOf(2)).toMatchObject({ status: 'pending', reason: 'behind', sequence: 2 });
      // Its next task may come at any time.
      expect(world.lane()?.turn).toBeNull();
      world.deps.gate = openGate;
      await world.give(taskOf(1, { taskId: 'later', sequence: 1 }));
      expect(world.numbers()).toEqual([[1, 0]]);
    },
  );

  it('tells what it skipped in the place of what was given up', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: (request) => responds(request.headers['webhook-id'] === eventAt(9, 1).id ? 500 : 200),
    });
    await world.give(taskOf(1), taskOf(2));
    const skip = world.sent.find(({ task }) => task.event.type === 'sequence.skipped');
    expect(skip).toMatchObject({
      via: 'ordered',
      task: { sequence: 1, event: { data: { sequence: 1, eventId: eventAt(9, 1).id, reason: 'http_500' } } },
    });
    const sequenceOf = '0000000000000001-9';
    expect(world.notices).toMatchObject([{ type: 'delivery.dead', data: { sequence: 1, sequenceOf } }]);
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 2 });
    await world.give(skip?.task ?? taskOf(0));
    const next = world.sent.at(-1);
    expect(next?.task.event.id).toBe(eventAt(9, 2).id);
    await world.give(next?.task ?? taskOf(0));
    expect(world.numbers()).toEqual([
      [1, 0],
      [1, 0],
      [2, 1],
    ]);
  });

  it('tells so first, whoever comes, when a crash kept it from telling', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: () => responds(500),
    });
    const { lanes } = world.deps;
    world.deps.lanes = { ...lanes, writeWithEvent: () => Promise.reject(new Error('died')) };
    expect((await world.give(taskOf(1))).batchItemFailures).toHaveLength(1);
    expect(world.recordOf(1)?.status).toBe('dead');
    world.deps.lanes = lanes;
    await world.give(taskOf(2));
    expect(world.posts).toHaveLength(1);
    // SQS drops the second of a name.
    const taken = [...new Map(world.sent.map((sent) => [sent.task.taskId, sent])).values()];
    expect(taken).toMatchObject([
      { task: { sequence: 1, event: { type: 'sequence.skipped' } } },
      { delaySeconds: 30, task: { sequence: 2 } },
    ]);
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 2 });
  });

  it('tells so also if the task for that was lost: whoever comes sends it again', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: () => responds(500),
    });
    const { tasks } = world.deps;
    world.deps.tasks = { send: () => Promise.reject(new Error('died')) };
    expect((await world.give(taskOf(1))).batchItemFailures).toHaveLength(1);
    world.deps.tasks = tasks;
    await world.give(taskOf(1, { taskId: 'another' }));
    expect(world.sent).toMatchObject([{ task: { sequence: 1, event: { type: 'sequence.skipped' } } }]);
  });

  it('shows a jump where the contract has no way to say so, and tells the operational endpoints which number it is', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0], contract: 'reservation-status' })],
      answer: (request) => responds(request.headers['webhook-id'] === eventAt(9, 1).id ? 500 : 200),
    });
    await world.give(taskOf(1), taskOf(2));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(world.notices).toMatchObject([
      { type: 'delivery.dead', data: { sequence: 1, sequenceOf: '0000000000000001-9' } },
    ]);
  });

  it('names no number of its own when what tells of a skipped one is given up', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: () => responds(500),
    });
    await world.give(taskOf(1));
    await world.give(world.sent.at(-1)?.task ?? taskOf(0));
    expect(world.notices.map(({ data }) => data)).toMatchObject([
      { eventType: 'reservation.stocked', sequence: 1 },
      { eventType: 'sequence.skipped', sequence: null, sequenceOf: null },
    ]);
  });

  it('goes on past what is held, without a word: it was not given up', async () => {
    const world = makeLaneWorld({ endpoints: [makeEndpoint({ ordered: true, status: 'disabled' })] });
    await world.give(taskOf(1), taskOf(2));
    expect([1, 2].map((seq) => world.recordOf(seq))).toMatchObject([
      { status: 'held', sequence: 1 },
      { status: 'held', sequence: 2 },
    ]);
    world.endpoints.set('main', makeEndpoint({ ordered: true }));
    await world.give(taskOf(3));
    expect(world.numbers()).toEqual([[3, 0]]);
    // What is recovered has the lane's next turn.
    const replay = { redriveId: 'r1', attemptsBefore: 0 };
    await world.give(taskOf(1, { taskId: 'r-1', replay }), taskOf(2, { taskId: 'r-2', replay }));
    expect(world.numbers()).toEqual([
      [3, 0],
      [4, 3],
      [5, 4],
    ]);
    expect(world.posts.at(-1)?.headers['towercast-replay']).toBe('r1');
  });

  it('names no number of a replay that was refused for good: what it was acknowledged under before is the last', async () => {
    const answers = [200, 500];
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: () => responds(answers.shift() ?? 200),
    });
    await world.give(taskOf(1));
    const attempts = world.recordOf(1)?.attempts ?? [];
    await world.give(taskOf(1, { taskId: 'r-1', attempts, replay: { redriveId: 'r1', attemptsBefore: 1 } }));
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', sequence: 2 });
    await world.give(taskOf(2));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
  });

  it('ends as dead, one by one, when its endpoint is gone', async () => {
    const world = makeLaneWorld({ endpoints: [] });
    await world.give(taskOf(1), taskOf(2));
    expect([1, 2].map((seq) => world.recordOf(seq)?.status)).toEqual(['dead', 'dead']);
    expect(world.sent).toEqual([]);
  });

  it('takes in what waited for its retry before the endpoint asked for order', async () => {
    const attempts = makeAttempts(2);
    const { event } = taskOf(1);
    const world = makeLaneWorld({ records: [makeRecord({ event, attempts })] });
    await world.give(taskOf(1, { attempts }));
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', sequence: 1, attempts: { length: 3 } });
  });

  it('takes up what a crash after the record left: it wakes what waits next', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1), taskOf(2));
    const retry = world.sent[0]?.task ?? taskOf(0);
    world.deps.http = { post: async () => responds(200) };
    const { tasks } = world.deps;
    world.deps.tasks = { send: () => Promise.reject(new Error('died')) };
    expect((await world.give(retry)).batchItemFailures).toHaveLength(1);
    world.deps.tasks = tasks;
    expect(await world.give(retry)).toEqual({ batchItemFailures: [] });
    expect(world.sent.at(-1)).toMatchObject({ via: 'ordered', task: { sequence: 2 } });
    // However often it is asked for, a turn has one name: SQS drops the rest.
    await world.give(retry);
    expect(world.sent.at(-1)?.task.taskId).toBe(world.sent.at(-2)?.task.taskId);
  });

  it('is not touched while another invocation has its turn', async () => {
    const world = makeLaneWorld();
    const answer = Promise.withResolvers<ReturnType<typeof responds>>();
    const asked = Promise.withResolvers<void>();
    world.deps.http = {
      post: (request) => {
        world.posts.push(request);
        asked.resolve();
        return answer.promise;
      },
    };
    const first = world.give(taskOf(1));
    await asked.promise;
    // SQS has lost its patience.
    expect(await world.give(taskOf(1), taskOf(2))).toEqual({ batchItemFailures: [] });
    expect(world.posts).toHaveLength(1);
    expect(world.sent).toMatchObject([
      { delaySeconds: 30, task: { event: { id: eventAt(9, 1).id } } },
      { delaySeconds: 30, task: { event: { id: eventAt(9, 2).id } } },
    ]);
    answer.resolve(responds(200));
    await first;
    await world.give(world.sent[1]?.task ?? taskOf(0));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('does not take for new what others ended, and followed up on, while it was being read', async () => {
    const world = makeLaneWorld();
    const { lanes } = world.deps;
    // A repeat of the first, whose lane is slow to read.
    const reading = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    world.deps.lanes = {
      ...lanes,
      read: async (ref) => {
        asked.resolve();
        await reading.promise;
        return lanes.read(ref);
      },
    };
    const repeat = world.give(taskOf(1, { taskId: 'repeat' }));
    await asked.promise;
    world.deps.lanes = lanes;
    await world.give(taskOf(1), taskOf(2));
    reading.resolve();
    expect(await repeat).toEqual({ batchItemFailures: [] });
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(world.recordOf(1)).toMatchObject({ status: 'delivered', sequence: 1 });
  });

  it('sends nothing once its turn is over', async () => {
    const world = makeLaneWorld();
    let clockMs = nowMs;
    world.deps.now = () => clockMs;
    const { secrets } = world.deps;
    world.deps.secrets = {
      open: async (endpoint) => {
        clockMs += 60_000;
        return secrets.open(endpoint);
      },
    };
    expect((await world.give(taskOf(1))).batchItemFailures).toHaveLength(1);
    expect(world.posts).toEqual([]);
  });
});

describe('what comes to wait', () => {
  it('is not held up for ever by a head whose record was cleaned up', async () => {
    const world = makeLaneWorld();
    await world.give(taskOf(1));
    // The records of old events go first; a lane lives on after its last change.
    world.records.clear();
    const { receivedAt } = eventAt(9, 1);
    world.deps.now = () => Date.parse(receivedAt) + 90 * 86_400_000 + 1;
    await world.give(taskOf(2));
    expect(world.numbers()).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(world.recordOf(2)).toMatchObject({ status: 'delivered' });
    expect(world.sent).toEqual([]);
  });

  it('leaves alone what a chain of before the lane has recorded meanwhile', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1));
    const { lanes } = world.deps;
    const delivered = makeRecord({ event: taskOf(2).event, status: 'delivered', attempts: makeAttempts(1) });
    world.deps.lanes = {
      ...lanes,
      append: async (...change) => {
        world.records.set(delivered.id, delivered);
        return lanes.append(...change);
      },
    };
    expect(await world.give(taskOf(2))).toEqual({ batchItemFailures: [] });
    expect(world.recordOf(2)).toEqual(delivered);
    expect(world.lane()?.given).toBe(1);
  });

  it('looks again if the head is at an attempt that began before it came', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(taskOf(1));
    world.sent.length = 0;
    const { post } = world.deps.http;
    let follower: Promise<unknown> = Promise.resolve();
    world.deps.http.post = async (request) => {
      follower = world.give(taskOf(2));
      await follower;
      return { ...(await post(request)), status: 200 };
    };
    const retry = taskOf(1, { attempts: makeAttempts(1), sequence: 1, taskId: 'retry' });
    await world.give(retry);
    await follower;
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 2 });
    expect(world.sent).toMatchObject([{ delaySeconds: 30, task: { sequence: 2 } }]);
  });
});

describe('a sample', () => {
  const endpoint = { endpointId: 'main', partnerId: 'acme', contract: 'standard' } as const;
  const sampleTask = (sampleId: string) => {
    const event = sampleEvent({ endpoint, type: 'locker.opened', sampleId, now: instantFromMs(nowMs) });
    if (event === null) throw new Error('no sample');
    return makeTask({ taskId: sampleId, event });
  };

  it('is tried whatever became of an earlier one', async () => {
    const world = makeLaneWorld({ answer: () => responds(500) });
    await world.give(sampleTask('s1'), sampleTask('s2'));
    expect(world.numbers()).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('that is given up is told of to nobody', async () => {
    const world = makeLaneWorld({
      endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0] })],
      answer: () => responds(500),
    });
    await world.give(sampleTask('s1'));
    expect([...world.records.values()]).toMatchObject([{ status: 'dead', sequence: 1 }]);
    expect(world.sent).toEqual([]);
    expect(world.notices).toEqual([]);
    expect(world.observer.total('SequencesSkipped')).toBe(0);
  });
});

describe('a batch', () => {
  it('reports the rest of a group as failed after a failure, and no other group', async () => {
    const world = makeLaneWorld();
    const { write } = world.deps.lanes;
    world.deps.lanes.write = (change) =>
      change.lane.head?.eventId === eventAt(9, 2).id ? Promise.reject(new Error('throttled')) : write(change);
    const other = makeTask({ taskId: 'other', event: eventAt(8, 4) });
    expect(await world.give(taskOf(1), taskOf(2), other, taskOf(3))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm2' }, { itemIdentifier: 'm4' }],
    });
    expect(world.recordOf(3)).toBeUndefined();
    expect(world.posts).toHaveLength(2);
  });

  it('has what it has no time for wait, with a task of its own to wake it', async () => {
    const world = makeLaneWorld();
    const records = [taskOf(1), taskOf(2)].map((task, index) => {
      world.events.set(task.event.id, task.event);
      const record = makeSqsRecord(`m${index + 1}`, JSON.stringify(task));
      record.attributes.MessageGroupId = laneOf(task.event);
      return record;
    });
    const result = await createHandler(world.deps)(makeSqsEvent(...records), {
      getRemainingTimeInMillis: () => 19_000,
    });
    expect(result).toEqual({ batchItemFailures: [] });
    expect(world.numbers()).toEqual([[1, 0]]);
    expect(world.recordOf(2)).toMatchObject({ reason: 'behind', sequence: 2 });
    expect(world.sent).toMatchObject([{ via: 'ordered', task: { sequence: 2 } }]);
  });
});
