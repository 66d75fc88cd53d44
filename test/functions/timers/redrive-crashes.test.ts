import { describe, expect, it } from 'vitest';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import type { RedrivesDeps } from '../../../functions/timers/redrives.ts';

import { idsOf, makeEvents, minuteMs, record, useRedrives } from './redrive-world.ts';

const { world, store, put, makeDeps, runOnce, runToEnd, stored, start, dueLater } = useRedrives();

/** Two of three times it dies before a cursor is moved. */
function mortal(): RedrivesDeps {
  const redrives = createRedriveStore(world.tables);
  let saves = 0;
  return makeDeps({
    redrives: {
      ...redrives,
      save: async (redrive) => {
        saves += 1;
        if (saves % 3 !== 0) throw new Error('killed');
        return redrives.save(redrive);
      },
    },
  });
}

describe('a crash', () => {
  it.each(['undelivered', 'events'] as const)(
    'between any send and its cursor repeats nothing and leaves nothing out (%s)',
    async (source) => {
      const events = makeEvents(60);
      await store(events);
      if (source === 'undelivered') for (const event of events) await put(record(event, { status: 'dead' }));
      await start({}, { source, perSecond: 0.2 });
      expect(await runToEnd(mortal())).toMatchObject({ status: 'done' });
      expect(idsOf(world.sent).sort()).toEqual(events.map(({ id }) => id).sort());
    },
  );

  it.each(['undelivered', 'events'] as const)(
    'at an endpoint that asks for order repeats that page and leaves nothing out (%s)',
    async (source) => {
      const events = makeEvents(60);
      await store(events);
      if (source === 'undelivered') for (const event of events) await put(record(event, { status: 'dead' }));
      await start({ ordered: true }, { source, perSecond: 0.2 });
      const redrive = await runToEnd(mortal());
      expect(new Set(idsOf(world.sent))).toEqual(new Set(events.map(({ id }) => id)));
      expect(world.sent.length).toBeGreaterThan(60);
      expect(redrive).toMatchObject({ status: 'done', sent: 60 });
    },
  );

  it('repeats nothing that is on record by then', async () => {
    const events = makeEvents(10);
    await store(events);
    for (const event of events) await put(record(event, { status: 'dead' }));
    await start();
    const deliver = makeDeps({
      redrives: {
        ...createRedriveStore(world.tables),
        save: async () => Promise.reject(new Error('killed')),
      },
      sender: {
        async send(tasks) {
          world.sent.push(...tasks);
          for (const { task } of tasks)
            await put(record(task.event, { status: 'dead', replay: task.replay ?? null }));
        },
      },
    });
    expect((await runOnce(deliver)).failures).toHaveLength(1);
    await runToEnd();
    expect(idsOf(world.sent)).toEqual(events.map(({ id }) => id));
  });

  it('of the queue leaves the page to the due index, where it comes back when its lease is over', async () => {
    const events = makeEvents(5);
    await store(events);
    await start({}, { source: 'events' });
    const refusing = makeDeps({ sender: { send: async () => Promise.reject(new Error('not sent')) } });
    expect((await runOnce(refusing)).failures).toMatchObject([{ what: 'redrive rdr-1' }]);
    expect(await stored()).toMatchObject({ cursor: null, sent: 0 });
    const leaseMs = 900_000;
    expect(await dueLater(leaseMs - 1)).toEqual([]);
    const due = await dueLater(leaseMs + minuteMs);
    expect(due.map(({ event }) => event.id).sort()).toEqual(events.map(({ id }) => id).sort());
    for (const { replay } of due) expect(replay).toEqual({ redriveId: 'rdr-1', attemptsBefore: 0 });
    expect(await runToEnd()).toMatchObject({ status: 'done' });
  });

  it('of the queue leaves the page of an endpoint that asks for order to the next run', async () => {
    await store(makeEvents(5));
    await start({ ordered: true }, { source: 'events' });
    const refusing = makeDeps({ sender: { send: async () => Promise.reject(new Error('not sent')) } });
    expect((await runOnce(refusing)).failures).toMatchObject([{ what: 'redrive rdr-1' }]);
    expect(await stored()).toMatchObject({ cursor: null, sent: 0 });
    expect(await runToEnd()).toMatchObject({ sent: 5 });
  });
});
