import { describe, expect, it } from 'vitest';
import { createHandler } from '../../../functions/dead-letter/create-handler.ts';
import { claimNew, laneGraceMs, newLane, takeTurn } from '../../../functions/domain/lane.ts';
import { laneOf } from '../../../functions/shared/keys.ts';
import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import type { Lane } from '../../../schemas/lane.ts';
import { makeSqsEvent, makeSqsRecord } from '../../helpers/batches.ts';
import {
  makeAttempt,
  makeAttempts,
  makeEndpoint,
  makeEvents,
  makeRecord,
  makeTask,
} from '../../helpers/deliveries.ts';
import { makeLanes, makeLaneStore } from '../../helpers/lanes.ts';
import { makeWorld, nowMs } from '../deliver/world.ts';

const [first, second] = makeEvents(2).map((event, index) => makeTask({ event, taskId: `task-${index + 1}` }));
if (first === undefined || second === undefined) throw new Error('no events');
const subject = laneOf(first.event);

/** A lane with the first delivery at its head. */
const claimed = (): Lane => claimNew(newLane('main', subject), null, first);

/** `dueAt` of a record whose next attempt is in so many milliseconds. */
const graceEnding = (ms: number) => instantFromMs(nowMs + laneGraceMs + ms);

function makeDlqWorld({ lane, records = [] }: { lane?: Lane; records?: DeliveryRecord[] } = {}) {
  const world = makeWorld({
    endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0, 60] })],
    records,
  });
  const lanes = makeLanes();
  if (lane !== undefined) lanes.states.set(`main#${subject}`, lane);
  const { scheduleSeconds, pointerScheduleSeconds } = world.deps.config;
  const laneStore = makeLaneStore(lanes, world);
  const setLane = (next: Lane) => lanes.states.set(`main#${subject}`, next);
  let onRead: (() => void) | undefined;
  const handler = createHandler({
    ...world.deps,
    lanes: {
      ...laneStore,
      read: async (ref) => {
        await Promise.resolve();
        onRead?.();
        return laneStore.read(ref);
      },
    },
    quarantine: { write: () => Promise.reject(new Error('nothing to quarantine')) },
    scheduleSeconds,
    pointerScheduleSeconds,
    logger: world.observer.logger,
  });
  const file = async (...tasks: DeliveryTask[]) => fileFrom('dlq.fifo', ...tasks);
  const fileFrom = async (queue: string, ...tasks: DeliveryTask[]) => {
    for (const { event } of tasks) world.events.set(event.id, event);
    return handler(
      makeSqsEvent(
        ...tasks.map((task, index) => {
          const record = makeSqsRecord(`m${index + 1}`, JSON.stringify(task), 6);
          record.attributes.MessageGroupId = laneOf(task.event);
          record.eventSourceARN = `arn:aws:sqs:eu-central-1:000000000000:${queue}`;
          return record;
        }),
      ),
    );
  };
  const recordOf = ({ event }: DeliveryTask) =>
    [...world.records.values()].find((record) => record.event.id === event.id);
  return {
    ...world,
    file,
    fileFrom,
    write: laneStore.write,
    setLane,
    /** What happens just before a lane is read. */
    onRead: (happen: () => void): void => {
      onRead = happen;
    },
    recordOf,
    laneNow: () => lanes.states.get(`main#${subject}`),
  };
}

describe('a task of a lane on the DLQ', () => {
  it('keeps its place: its next attempt is due by its schedule, and the lane waits for it', async () => {
    const world = makeDlqWorld({ lane: claimed() });
    expect(await world.file(first)).toEqual({ batchItemFailures: [] });
    expect(world.recordOf(first)).toMatchObject({
      status: 'pending',
      sequence: 1,
      attempts: [{ number: 1, outcome: 'crashed' }],
      dueAt: new Date(nowMs + 60_000).toISOString(),
    });
    expect(world.laneNow()?.head).toMatchObject({ sequence: 1, eventId: first.event.id });
    expect(world.sent).toEqual([]);
  });

  it('gets its place now if it had none, and what comes after it waits', async () => {
    const world = makeDlqWorld();
    expect(await world.file(first, second)).toEqual({ batchItemFailures: [] });
    expect(world.recordOf(first)).toMatchObject({ status: 'pending', sequence: 1, attempts: [{}] });
    expect(world.recordOf(second)).toMatchObject({ sequence: 2, reason: 'behind', attempts: [] });
    expect(world.laneNow()).toMatchObject({ given: 2, head: { sequence: 1 } });
  });

  it('is dead after its schedule, and what says so takes its place', async () => {
    const task = { ...first, attempts: makeAttempts(1) };
    const record = makeRecord({ event: first.event, attempts: makeAttempts(1), sequence: 1 });
    const world = makeDlqWorld({ lane: claimed(), records: [record] });
    await world.file(task);
    expect(world.recordOf(first)).toMatchObject({ status: 'dead', sequence: 1 });
    expect(world.sent).toMatchObject([
      { via: 'ordered', task: { sequence: 1, event: { type: 'sequence.skipped' } } },
    ]);
    expect(world.laneNow()?.head?.eventId).toBe(world.sent[0]?.task.event.id);
  });

  it('stays there while its endpoint can’t be read, so that what it skips is told', async () => {
    const record = makeRecord({ event: first.event, status: 'dead', attempts: makeAttempts(2), sequence: 1 });
    const world = makeDlqWorld({ lane: claimed(), records: [record] });
    const { endpoints } = world.deps;
    const get = endpoints.get.bind(endpoints);
    endpoints.get = () => Promise.reject(new Error('throttled'));
    expect(await world.file(second)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
    expect(world.laneNow()?.given).toBe(1);
    endpoints.get = get;
    expect(await world.file(second)).toEqual({ batchItemFailures: [] });
    expect(world.sent[0]).toMatchObject({ task: { sequence: 1, event: { type: 'sequence.skipped' } } });
    expect(world.recordOf(second)).toMatchObject({ sequence: 2, reason: 'behind' });
  });

  it('whose delivery is over wakes what waits behind it: that may be all that was missing', async () => {
    const world = makeDlqWorld();
    await world.file(first, second);
    const over = makeRecord({ event: first.event, status: 'delivered', sequence: 1 });
    world.records.set(over.id, over);
    await world.file(first);
    expect(world.sent).toMatchObject([
      { via: 'ordered', task: { sequence: 2, event: { id: second.event.id } } },
    ]);
  });

  it('does not begin a run again that was over before any attempt of it', async () => {
    const attempts = [makeAttempt({ outcome: 'delivered' })];
    const replay = { redriveId: 'r1', attemptsBefore: 1 };
    const task = { ...first, attempts, replay };
    // Held, say: what was acknowledged before stays delivered.
    const over = makeRecord({
      event: first.event,
      taskId: 'held',
      status: 'delivered',
      sequence: 1,
      attempts,
      replay,
    });
    const world = makeDlqWorld({ lane: claimNew(newLane('main', subject), null, task), records: [over] });
    expect(await world.file({ ...task, taskId: 'woken', sequence: 1 })).toEqual({ batchItemFailures: [] });
    expect(world.recordOf(first)).toEqual(over);
  });

  it('is filed with the turn, so that no attempt that looked before can begin after', async () => {
    const lane = claimed();
    const world = makeDlqWorld({ lane });
    await world.file(first);
    const begun = { lane: takeTurn(lane, 1, nowMs + 25_000), seen: lane };
    expect(await world.write(begun)).toBe('contended');
  });

  it('whose record was written, but no successor sent, has it sent once its time has come', async () => {
    const record = makeRecord({
      event: first.event,
      status: 'pending',
      attempts: makeAttempts(1),
      taskId: first.taskId,
      sequence: 1,
    });
    const early = makeDlqWorld({ lane: claimed(), records: [{ ...record, dueAt: graceEnding(5_000) }] });
    await early.file(first);
    expect(early.sent).toEqual([]);
    const world = makeDlqWorld({ lane: claimed(), records: [{ ...record, dueAt: graceEnding(-5_000) }] });
    await world.file(first);
    await world.file(first);
    expect(world.sent).toMatchObject([
      { via: 'ordered', task: { sequence: 1, attempts: [{ number: 1 }] } },
      { via: 'ordered', task: { sequence: 1, attempts: [{ number: 1 }] } },
    ]);
    // SQS drops the other one.
    expect(world.sent[0]?.task.taskId).toBe(world.sent[1]?.task.taskId);
    expect(world.sent[0]?.task.taskId).not.toBe(first.taskId);
  });

  it('whose record was written without a number, but no successor sent, has it sent: that gets one', async () => {
    const record = makeRecord({ event: first.event, attempts: makeAttempts(1), taskId: first.taskId });
    const world = makeDlqWorld({ records: [record] });
    await world.file(first);
    expect(world.sent).toMatchObject([{ via: 'ordered', task: { attempts: [{ number: 1 }] } }]);
    expect(world.sent[0]?.task.sequence).toBeUndefined();
  });

  it('that waits behind somebody who is at it looks again: that one may not have seen it', async () => {
    const record = makeRecord({
      event: first.event,
      status: 'pending',
      attempts: makeAttempts(1),
      sequence: 1,
      dueAt: instantFromMs(nowMs),
    });
    const lane = takeTurn(claimed(), 2, nowMs + 10_000);
    const world = makeDlqWorld({ lane, records: [record] });
    await world.file(second);
    expect(world.recordOf(second)).toMatchObject({ sequence: 2, reason: 'behind' });
    expect(world.sent).toMatchObject([
      { via: 'ordered', task: { sequence: 2, event: { id: second.event.id } } },
    ]);
    const calm = makeDlqWorld({ lane: takeTurn(claimed(), 1, nowMs + 10_000), records: [record] });
    await calm.file(second);
    expect(calm.sent).toEqual([]);
  });

  it('stays on the DLQ while somebody has its turn', async () => {
    const world = makeDlqWorld({ lane: takeTurn(claimed(), 1, nowMs + 10_000) });
    expect(await world.file(first)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
    expect(world.recordOf(first)).toBeUndefined();
  });

  it('is not taken for new when its delivery was ended, and followed up on, while the lane was being read', async () => {
    const world = makeDlqWorld({ lane: claimed() });
    const over = makeRecord({ event: first.event, status: 'delivered', sequence: 1 });
    world.onRead(() => {
      const next = makeRecord({ event: second.event, status: 'delivered', sequence: 2 });
      for (const record of [over, next]) world.records.set(record.id, record);
      world.setLane(claimNew(claimed(), over, second));
    });
    expect(await world.file(first)).toEqual({ batchItemFailures: [] });
    expect(world.recordOf(first)).toEqual(over);
    expect(world.laneNow()).toMatchObject({ given: 2, head: { sequence: 2 } });
  });

  it('of a lane is filed in it also when an ordinary queue gave it up', async () => {
    const world = makeDlqWorld({ lane: claimed() });
    await world.fileFrom('dlq', { ...first, sequence: 1 });
    expect(world.recordOf(first)).toMatchObject({ sequence: 1, attempts: [{ outcome: 'crashed' }] });
  });
});
