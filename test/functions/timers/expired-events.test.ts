import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newLane } from '../../../functions/domain/lane.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { addMs } from '../../../schemas/instant.ts';
import type { Lane } from '../../../schemas/lane.ts';
import { makeAttempt, makeEndpoint, makeEvent, makeRecord } from '../../helpers/deliveries.ts';
import { start, startWorld, type TimersWorld } from './world.ts';

let world: TimersWorld;
beforeEach(async () => {
  world = await startWorld();
  await world.seed(makeEndpoint());
});
afterEach(async () => world[Symbol.asyncDispose]());

const due = { dueAt: addMs(start, -1_000) };
const dead = { status: 'dead', reason: 'event_expired', dueAt: null };
const types = async () => (await world.events()).map(({ type }) => type);

/** Records without their events. */
const put = async (...records: readonly DeliveryRecord[]): Promise<void> => {
  for (const record of records) await world.store.put(record);
};

describe('a due delivery whose event was cleaned up', () => {
  it('is dead, which is told and counted, and never comes up again', async () => {
    const record = makeRecord(due);
    await put(record);
    await world.run();
    expect(await world.record(record)).toEqual({ ...record, ...dead });
    expect(await world.events()).toMatchObject([
      {
        type: 'delivery.dead',
        partnerIds: ['acme', 'operator'],
        data: { deliveryId: record.id, reason: 'event_expired', attempts: 1 },
      },
    ]);
    expect(world.state.metrics.get('DeliveriesDead')).toBe(1);
    world.pass(3_600);
    await world.run();
    expect(world.state.sent).toEqual([]);
    expect(world.state.errors).toEqual([]);
  });

  it('stops no other', async () => {
    const others = [1, 2, 3].map((seq) =>
      makeRecord({ ...due, event: makeEvent({ id: `evt_t-9_mmykbvk0_b7-${seq}` }) }),
    );
    await put(makeRecord(due));
    await world.seedDeliveries(others);
    await world.run();
    expect(world.state.sent).toHaveLength(3);
  });

  it('stays delivered if it was before, and was asked for again', async () => {
    const record = makeRecord({
      ...due,
      attempts: [makeAttempt({ outcome: 'delivered', status: 204, reason: null })],
      replay: { redriveId: null, attemptsBefore: 1 },
    });
    await put(record);
    await world.run();
    expect(await world.record(record)).toMatchObject({ status: 'delivered', reason: null, dueAt: null });
    expect(await types()).toEqual([]);
  });

  it('that an attempt has settled meanwhile is left as that has it', async () => {
    const record = makeRecord(due);
    await put(record);
    const delivered: DeliveryRecord = {
      ...record,
      status: 'delivered',
      dueAt: null,
      attempts: [...record.attempts, makeAttempt({ number: 2, outcome: 'delivered' })],
    };
    const { events } = world.deps;
    await world.run({
      events: {
        ...events,
        async get(eventId) {
          await world.store.put(delivered);
          return events.get(eventId);
        },
      },
    });
    expect(await world.record(record)).toEqual(delivered);
    expect(await types()).toEqual([]);
  });
});

describe('a due delivery whose event is there', () => {
  it('and can’t be read waits for a release that can, and is told of', async () => {
    const record = makeRecord(due);
    await put(record);
    const event = { ...eventItem(makeEvent(), 90), type: 'locker.teleported' };
    await world.tables.put('events', event);
    await expect(world.run()).rejects.toMatchObject({ code: 'timers_failed' });
    expect(await world.record(record)).toMatchObject({ status: 'pending' });
    expect(world.state.errors).toHaveLength(1);
  });
});

const place = (sequence: number, { id, receivedAt }: DeliveryRecord['event']) => ({
  sequence,
  eventId: id,
  receivedAt,
  replay: null,
});

describe('in a lane, a due delivery whose event was cleaned up', () => {
  const subject = '0000000000000001-9';
  const headEvent = makeEvent();
  const nextEvent = makeEvent({ id: 'evt_0000000000000001-9_mmykbvk0_b7-1043' });
  const head = makeRecord({ ...due, event: headEvent, sequence: 1 });
  const next = makeRecord({ event: nextEvent, attempts: [], reason: 'behind', sequence: 2 });

  /** The head, and one that waits behind it, whose event is there. */
  async function seedLane(kept = [nextEvent]): Promise<void> {
    const empty = newLane('main', subject);
    const lane: Lane = { ...empty, version: 1, given: 1, head: place(1, head.event) };
    await put(head);
    for (const event of kept) await world.tables.put('events', eventItem(event, 90));
    expect(await world.lanes.write({ lane, seen: empty })).toBe('written');
    const behind = { lane: { ...lane, version: 2, given: 2 }, seen: lane };
    const waiting = { ...place(2, next.event), partnerId: 'acme' };
    expect(await world.lanes.append(behind, waiting, next)).toBe('written');
  }

  /** What waits next looks in a minute, whatever becomes of this run. */
  const looksLater = { via: 'live', delaySeconds: 60, task: { sequence: 2, event: { id: nextEvent.id } } };

  it('has what waits behind it look later, before it is on record as over: this run may die then', async () => {
    await seedLane();
    world.lanes.writeWithEvent = () => Promise.reject(new Error('died'));
    await expect(world.run()).rejects.toMatchObject({ code: 'timers_failed' });
    expect(await world.record(head)).toMatchObject(dead);
    expect(world.state.sent).toMatchObject([looksLater]);
  });

  it('has the first look that has an event still', async () => {
    const event = makeEvent({ id: 'evt_0000000000000001-9_mmykbvk0_b7-1044' });
    await seedLane([event]);
    const third = makeRecord({ event, attempts: [], reason: 'behind', sequence: 3 });
    const seen = await world.lanes.read({ endpointId: 'main', subject });
    const waiting = { ...place(3, third.event), partnerId: 'acme' };
    await world.lanes.append({ lane: { ...seen, version: 3, given: 3 }, seen }, waiting, third);
    await world.run();
    expect(world.state.sent[0]).toMatchObject({ via: 'live', task: { sequence: 3 } });
  });

  it('is replaced by what says so, where the contract can', async () => {
    await seedLane();
    await world.run();
    expect(await world.record(head)).toMatchObject(dead);
    expect(await types()).toEqual(expect.arrayContaining(['delivery.dead', 'sequence.skipped']));
    expect(world.state.sent).toMatchObject([
      looksLater,
      { via: 'ordered', task: { sequence: 1, event: { type: 'sequence.skipped' } } },
    ]);
  });

  it('lets what waits behind it have its turn, where it can’t', async () => {
    await world.seed(makeEndpoint({ contract: 'reservation-status', version: 2 }));
    await seedLane();
    await world.run();
    expect(world.state.sent).toMatchObject([
      looksLater,
      { via: 'ordered', task: { sequence: 2, event: { id: nextEvent.id } } },
    ]);
  });

  it('lets it go on also when others change it at the same time', async () => {
    await seedLane();
    const lanes = { ...world.lanes };
    let tries = 0;
    world.lanes.writeWithEvent = async (change, event) =>
      (tries += 1) === 1 ? 'contended' : lanes.writeWithEvent(change, event);
    await world.run();
    expect(tries).toBe(2);
    expect(world.state.sent).toMatchObject([looksLater, { task: { event: { type: 'sequence.skipped' } } }]);
  });

  it('whose attempt is being made is left to that, and comes up again', async () => {
    await seedLane();
    const lane = await world.lanes.read({ endpointId: 'main', subject });
    const taken = { ...lane, version: lane.version + 1, turn: { attempt: 2, until: addMs(start, 20_000) } };
    await world.lanes.write({ lane: taken, seen: lane });
    await world.run();
    expect(await world.record(head)).toMatchObject({ status: 'pending' });
    expect(world.state.sent).toEqual([]);
    world.pass(900);
    await world.run();
    expect(await world.record(head)).toMatchObject(dead);
    expect(world.state.sent).toHaveLength(2);
  });

  it('that is not its head any more wakes nobody', async () => {
    await seedLane();
    const lane = await world.lanes.read({ endpointId: 'main', subject });
    const later = { ...lane, version: lane.version + 1, head: place(2, next.event) };
    await world.lanes.write({ lane: later, seen: lane });
    await world.run();
    expect(world.state.sent).toEqual([]);
  });
});
