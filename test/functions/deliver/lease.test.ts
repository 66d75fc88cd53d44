import { describe, expect, it } from 'vitest';
import { deliver } from '../../../functions/deliver/delivery.ts';
import type { Entry } from '../../../functions/deliver/gate.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeAttempts, makeRecord, makeTask } from '../../helpers/deliveries.ts';
import { makeWorld, nowMs, received, responds } from './world.ts';

/** 15 s for the attempt, 5 s for what comes before and after it. */
const neededMs = 20_000;
const taskLeasedFor = (ms: number) => makeTask({ leasedUntil: instantFromMs(nowMs + ms) });

describe('a task whose delivery is leased', () => {
  it('is sent as long as an attempt surely ends within the lease', async () => {
    const world = makeWorld();
    await deliver(world.deps, taskLeasedFor(neededMs), received(1));
    expect(world.posts).toHaveLength(1);
  });

  it('is dropped after that: the delivery is due again by itself', async () => {
    const world = makeWorld();
    await deliver(world.deps, taskLeasedFor(neededMs - 1), received(1));
    expect(world.journal).toEqual([]);
    expect(world.observer.total('LeasesOver')).toBe(1);
    expect(world.observer.lines).toMatchObject([
      { message: 'lease over', fields: { eventId: makeTask().event.id, endpointId: 'main' } },
    ]);
  });

  it('has its successor sent though the lease is over: nothing else is left of it', async () => {
    const world = makeWorld({ records: [makeRecord({ attempts: makeAttempts(1) })] });
    await deliver(world.deps, taskLeasedFor(0), received(2));
    expect(world.posts).toEqual([]);
    expect(world.sent.map(({ task }) => task.attempts)).toEqual([makeAttempts(1)]);
  });

  it('has a successor that is not leased', async () => {
    const world = makeWorld({ answer: () => responds(500) });
    await deliver(world.deps, taskLeasedFor(neededMs), received(1));
    expect(world.sent).toHaveLength(1);
    expect(world.sent[0]?.task).not.toHaveProperty('leasedUntil');
  });

  it.each<Entry>([
    { kind: 'later', delaySeconds: 900, slotAt: instantFromMs(nowMs + 900_000), reason: 'rate_limited' },
    { kind: 'divert' },
  ])('keeps its lease when it must come again ($kind)', async (entry) => {
    const world = makeWorld();
    const task = taskLeasedFor(1_800_000);
    await deliver({ ...world.deps, gate: { enter: async () => entry } }, task, received(1));
    expect(world.sent.map((sent) => sent.task.leasedUntil)).toEqual([task.leasedUntil]);
  });

  it('goes to its lane at any time: there, the turn decides', async () => {
    const world = makeWorld();
    const task = { ...taskLeasedFor(0), sequence: 3 };
    await deliver(world.deps, task, received(1));
    expect(world.sent).toEqual([{ task, delaySeconds: 0, via: 'ordered' }]);
  });
});
