import { describe, expect, it } from 'vitest';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { createPartnerLogReader } from '../../../functions/shared/partner-log-reader.ts';
import { createRedriveSource } from '../../../functions/shared/redrive-source.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeEvent } from '../../helpers/deliveries.ts';

import { idsOf, makeEvents, minuteMs, record, startMs, useRedrives } from './redrive-world.ts';

const { world, store, put, makeDeps, runOnce, runToEnd, stored, start } = useRedrives();

/** One entry a minute, the last of them now. */
async function storeMinutes(count: number): Promise<DomainEvent[]> {
  const events = Array.from({ length: count }, (_, index) =>
    makeEvent({
      id: `evt_0000000000000001-9_mmykbvk0_b7-${1_000 + index}`,
      receivedAt: instantFromMs(world.nowMs - (count - 1 - index) * minuteMs),
    }),
  );
  let atMs = 0;
  const log = createPartnerLog({ ...world.tables, now: () => atMs });
  for (const batch of Array.from({ length: count / 100 }, (_, at) =>
    events.slice(at * 100, at * 100 + 100),
  )) {
    atMs = Date.parse(batch[0]?.receivedAt ?? '');
    await log.append(
      'acme',
      batch.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
    );
  }
  return events;
}

describe('a window of the log', () => {
  it('that is small and old costs a step, and no reading to the log’s end', async () => {
    const events = await storeMinutes(8_000);
    const [wanted] = events;
    if (wanted === undefined) throw new Error('no event');
    await world.tables.put('events', eventItem(wanted, 90));
    const until = instantFromMs(Date.parse(wanted.receivedAt) + minuteMs);
    await start({}, { source: 'events', since: wanted.receivedAt, until });
    const log = createPartnerLogReader(world.tables);
    let entriesRead = 0;
    let saves = 0;
    const deps = makeDeps();
    await runOnce({
      ...deps,
      redrives: { ...deps.redrives, save: async (redrive) => ((saves += 1), deps.redrives.save(redrive)) },
      redriveSource: createRedriveSource({
        ...world.tables,
        events: createEventReader(world.tables),
        log: {
          ...log,
          async read(...args) {
            const slice = await log.read(...args);
            entriesRead += slice.entries.length;
            return slice;
          },
        },
      }),
    });
    expect(await stored()).toMatchObject({ status: 'done', sent: 1 });
    expect(saves).toBe(2);
    // Two short pages, and one stride.
    expect(entriesRead).toBeLessThanOrEqual(5_200);
  });

  it('has what came into the log a day late, and nothing that came later', async () => {
    const [first, late, last] = makeEvents(3);
    if (first === undefined || late === undefined || last === undefined) throw new Error('no events');
    for (const event of [first, late, last]) await world.tables.put('events', eventItem(event, 90));
    let atMs = Date.parse(first.receivedAt);
    const log = createPartnerLog({ ...world.tables, now: () => atMs });
    const logged = async ({ id, receivedAt }: DomainEvent, lagHours: number): Promise<void> => {
      atMs = Date.parse(last.receivedAt) + lagHours * 3_600_000;
      // Pages of others in between.
      const others = Array.from({ length: 40 }, (_, index) => ({
        eventId: `evt_0000000000000002-9_mmykbvk0_b7-${lagHours * 100 + index}`,
        receivedAt: instantFromMs(atMs),
      }));
      await log.append('acme', [...others.slice(0, 20), { eventId: id, receivedAt }, ...others.slice(20)]);
    };
    await logged(first, 0);
    await logged(late, 24);
    await logged(last, 30);
    world.nowMs = startMs + 60 * 3_600_000;
    const until = instantFromMs(Date.parse(last.receivedAt) + 1);
    await start({}, { source: 'events', until });
    await runToEnd();
    expect(idsOf(world.sent)).toEqual([first.id, late.id]);
  });

  it('goes to an endpoint that did not exist, as far as it wants it, delivered before or not', async () => {
    const events = makeEvents(40);
    await store(events);
    const [, second, third] = events;
    if (second === undefined || third === undefined) throw new Error('no events');
    await put(record(second, { status: 'delivered' }));
    await put(record(third, { status: 'pending' }));
    const since = events[1]?.receivedAt ?? '';
    const until = events[30]?.receivedAt ?? '';
    await start({ filter: { lockers: [2, 3] } }, { source: 'events', since, until });
    await runToEnd();
    const wanted = events.slice(1, 30).filter((event) => event.locker !== 1 && event !== third);
    expect(idsOf(world.sent)).toEqual(wanted.map(({ id }) => id));
    expect(world.sent[0]?.task).toMatchObject({ attempts: [{ number: 1 }], replay: { attemptsBefore: 1 } });
    expect(world.sent[1]?.task).toMatchObject({ attempts: [], replay: { attemptsBefore: 0 } });
  });

  it('leaves what was received just now to the next run: it may be on its way for the first time', async () => {
    const events = makeEvents(10);
    await store(events);
    world.nowMs = Date.parse(events[8]?.receivedAt ?? '') + 30_000;
    await start({}, { source: 'events', until: instantFromMs(world.nowMs + 1) });
    await runOnce();
    expect(idsOf(world.sent)).toEqual(events.slice(0, 8).map(({ id }) => id));
    const ninth = events[8];
    if (ninth === undefined) throw new Error('no event');
    await put(record(ninth, { status: 'delivered' }));
    expect(await runToEnd()).toMatchObject({ status: 'done', sent: 9 });
    expect(idsOf(world.sent)).toEqual(events.slice(0, 9).map(({ id }) => id));
  });

  it('has what happened while an endpoint was not known everywhere yet, and nothing else twice', async () => {
    const [before, missed, seen] = makeEvents(3);
    if (before === undefined || missed === undefined || seen === undefined) throw new Error('no events');
    await store([before, missed, seen]);
    const createdAt = missed.receivedAt;
    world.nowMs = Date.parse(createdAt);
    const until = instantFromMs(Date.parse(seen.receivedAt) + 1);
    await start({}, { source: 'events', createdAt, until });
    // It was delivered as it happened.
    await put(record(seen, { status: 'delivered' }));
    await runToEnd();
    expect(idsOf(world.sent)).toEqual([before.id, missed.id]);
  });

  it('is narrowed down by the redrive’s own filter, its towers included', async () => {
    const events = makeEvents(20);
    for (const [index, event] of events.entries()) event.towerId = `000000000000000${1 + (index % 4)}`;
    await store(events);
    await start({}, { source: 'events', filter: { towerIds: ['0000000000000002', '0000000000000004'] } });
    await runToEnd();
    const wanted = events.filter((_, index) => index % 2 === 1);
    expect(idsOf(world.sent)).toEqual(wanted.map(({ id }) => id));
  });

  it('is narrowed down by the redrive’s own filter', async () => {
    const events = makeEvents(20);
    await store(events);
    await start({}, { source: 'events', filter: { lockers: [1], types: ['reservation.*'] } });
    await runToEnd();
    expect(idsOf(world.sent)).toEqual(events.filter(({ locker }) => locker === 1).map(({ id }) => id));
  });
});
