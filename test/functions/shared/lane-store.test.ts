import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  claimNew,
  claimWaiting,
  append,
  newLane,
  replaceHead,
  takeTurn,
} from '../../../functions/domain/lane.ts';
import { createDeliveryStore } from '../../../functions/shared/delivery-store.ts';
import { createLaneStore, type LaneStore } from '../../../functions/shared/lane-store.ts';
import { makeAttempts, makeEvent, makeEvents, makeRecord, makeTask } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from './deliveries-table.ts';

const nowMs = Date.parse('2026-03-20T09:15:02.000Z');
let tables: Awaited<ReturnType<typeof startDeliveriesTable>>;
let lanes: LaneStore;
let serial = 0;

beforeAll(async () => {
  tables = await startDeliveriesTable();
  lanes = createLaneStore({ ...tables, now: () => nowMs });
});
afterAll(async () => tables[Symbol.asyncDispose]());
beforeEach(() => tables.takeRequests());

/** A lane of its own, and a name for it. */
function freshLane() {
  serial += 1;
  const ref = { endpointId: 'main', subject: `t-${serial}` };
  return { ref, lane: newLane(ref.endpointId, ref.subject) };
}

describe('a lane', () => {
  it('that was never stored is empty', async () => {
    const { ref, lane } = freshLane();
    expect(await lanes.read(ref)).toEqual(lane);
  });

  it('comes back as it was written', async () => {
    const { ref, lane } = freshLane();
    const claimed = takeTurn(claimNew(lane, null, makeTask()), 1, nowMs + 25_000);
    expect(await lanes.write({ lane: claimed, seen: lane })).toBe('written');
    expect(await lanes.read(ref)).toEqual(claimed);
    expect(claimed).toMatchObject({ given: 1, head: { sequence: 1 }, turn: { attempt: 1 } });
  });

  it('is written by one of two who saw the same version, be it the first', async () => {
    const { ref, lane } = freshLane();
    const [one, other] = makeEvents(2).map((event) => claimNew(lane, null, makeTask({ event })));
    const change = (next = lane) => lanes.write({ lane: next, seen: lane });
    expect((await Promise.all([change(one), change(other)])).toSorted()).toEqual(['contended', 'written']);
    const stored = await lanes.read(ref);
    expect(await lanes.write({ lane: { ...stored, version: 9 }, seen: stored })).toBe('written');
    expect(await lanes.write({ lane: { ...stored, version: 9 }, seen: stored })).toBe('contended');
  });

  it('expires when it has been idle for the retention time', async () => {
    const { lane } = freshLane();
    await lanes.write({ lane: claimNew(lane, null, makeTask()), seen: lane });
    const item = (await tables.scan('deliveries')).find(({ pk }) => pk === `lane#main#${lane.subject}`);
    expect(item?.['expiresAt']).toBe(nowMs / 1_000 + 90 * 86_400);
  });

  it('costs one request to read and one to write', async () => {
    const { ref, lane } = freshLane();
    await lanes.read(ref);
    await lanes.write({ lane: claimNew(lane, null, makeTask()), seen: lane });
    expect(tables.takeRequests()).toEqual(['GetItem', 'PutItem']);
  });
});

/** A lane whose head is the first of two events, with the second behind it. */
async function withOneWaiting() {
  const { ref, lane } = freshLane();
  const [first, second] = makeEvents(2).map((event) => makeTask({ event }));
  if (first === undefined || second === undefined) throw new Error('no events');
  const claimed = claimNew(lane, null, first);
  await lanes.write({ lane: claimed, seen: lane });
  const { lane: next, place } = append(claimed, null, second);
  const record = makeRecord({ event: second.event, attempts: [], reason: 'behind', sequence: 2 });
  const waiting = { ...place, partnerId: 'acme' };
  const written = await lanes.append({ lane: next, seen: claimed }, waiting, record);
  return { ref, lane: next, claimed, waiting, record, written };
}

describe('what waits in a lane', () => {
  it('is stored with its record and the lane, or not at all', async () => {
    const { ref, lane, claimed, waiting, record, written } = await withOneWaiting();
    expect(written).toBe('written');
    expect(await lanes.read(ref)).toEqual(lane);
    expect(await lanes.waiting(ref, 2)).toEqual(waiting);
    const store = createDeliveryStore(tables);
    expect(await store.get(record)).toEqual(record);

    const third = makeTask({ event: makeEvent({ id: `evt_t-1_mmykbvk0_late-${serial}` }) });
    const late = append(claimed, null, third);
    const lateRecord = makeRecord({ event: third.event, attempts: [], reason: 'behind', sequence: 2 });
    const change = { lane: late.lane, seen: claimed };
    expect(await lanes.append(change, { ...late.place, partnerId: 'acme' }, lateRecord)).toBe('contended');
    expect(await lanes.waiting(ref, 2)).toEqual(waiting);
    expect(await store.get(lateRecord)).toBeNull();
  });

  it.each([
    ['delivered', { status: 'delivered' as const }],
    ['attempted once more', { attempts: makeAttempts(1) }],
  ])('does not replace a record by which it was %s, and then nothing is stored', async (_, further) => {
    const { ref, lane } = freshLane();
    const task = makeTask({ event: makeEvent({ id: `evt_t-1_mmykbvk0_further-${serial}` }) });
    const store = createDeliveryStore(tables);
    const current = makeRecord({ event: task.event, attempts: [], ...further });
    await store.put(current);
    const { lane: next, place } = append(lane, null, task);
    const record = makeRecord({ event: task.event, attempts: [], reason: 'behind', sequence: 1 });
    const waiting = { ...place, partnerId: 'acme' };
    expect(await lanes.append({ lane: next, seen: lane }, waiting, record)).toBe('contended');
    expect(await store.get(current)).toEqual(current);
    expect(await lanes.read(ref)).toEqual(lane);
    expect(await lanes.waiting(ref, 1)).toBeNull();
  });

  it('replaces the record of before it was asked for again', async () => {
    const { lane } = freshLane();
    const task = makeTask({ event: makeEvent({ id: `evt_t-1_mmykbvk0_replayed-${serial}` }) });
    const store = createDeliveryStore(tables);
    const attempts = makeAttempts(1);
    await store.put(makeRecord({ event: task.event, status: 'delivered', attempts }));
    const { lane: next, place } = append(lane, null, task);
    const replay = { redriveId: 'r1', attemptsBefore: 1 };
    const record = makeRecord({ event: task.event, attempts, replay, reason: 'behind', sequence: 1 });
    const change = { lane: next, seen: lane };
    expect(await lanes.append(change, { ...place, partnerId: 'acme' }, record)).toBe('written');
    expect(await store.get(record)).toEqual(record);
  });

  it('waits no longer once it has the turn', async () => {
    const { ref, lane, waiting } = await withOneWaiting();
    const { partnerId: _, ...place } = waiting;
    const next = claimWaiting(lane, null, place);
    expect(await lanes.writeFromWaiting({ lane: next, seen: lane })).toBe('written');
    expect(await lanes.waiting(ref, 2)).toBeNull();
    expect((await lanes.read(ref)).head).toEqual(place);
    expect(await lanes.writeFromWaiting({ lane: next, seen: lane })).toBe('contended');
  });
});

it('an event that only the lane sends is stored with the lane that names it, or not at all', async () => {
  const { ref, lane } = freshLane();
  const claimed = claimNew(lane, null, makeTask());
  await lanes.write({ lane: claimed, seen: lane });
  const event = makeEvent({ id: `evt_endpoint~main_mmykbvk0_ntc~${serial}~1` });
  const next = replaceHead(claimed, event);
  expect(await lanes.writeWithEvent({ lane: next, seen: claimed }, event)).toBe('written');
  expect((await lanes.read(ref)).head?.eventId).toBe(event.id);
  const other = makeEvent({ id: `evt_endpoint~main_mmykbvk0_ntc~other-${serial}~1` });
  expect(await lanes.writeWithEvent({ lane: replaceHead(claimed, other), seen: claimed }, other)).toBe(
    'contended',
  );
  const stored = (await tables.scan('events')).map(({ id }) => id);
  expect(stored).toContain(event.id);
  expect(stored).not.toContain(other.id);
});
