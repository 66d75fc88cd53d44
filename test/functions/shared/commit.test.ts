import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toEvent } from '../../../functions/domain/event.ts';
import {
  AwsError,
  type DynamoDBDocumentClient,
  TransactionCanceledException,
} from '../../../functions/shared/aws/documents.ts';
import { createCommittedEventReader } from '../../../functions/shared/committed-event-reader.ts';
import { countingCommit, createCommit, type Commit } from '../../../functions/shared/commit.ts';
import { createEntityStore, type EntityStore } from '../../../functions/shared/entity-store.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { locker as lockerNine, reservationWith, towerId } from '../domain/samples.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
let commit: Commit;
let entities: EntityStore;
let nextSeq = 0;

beforeAll(async () => {
  tables = await startTables();
  commit = createCommit(tables);
  entities = createEntityStore(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());

function doorEvent(seq = (nextSeq += 1), locker = 9): DomainEvent {
  const at = '2026-03-20T09:15:00.000Z';
  return toEvent(
    {
      occurredAt: at,
      receivedAt: '2026-03-20T09:15:01.000Z',
      cause: 'tower',
      late: false,
      towerId,
      locker,
      partnerIds: ['owner'],
      source: { boot: 'b7', seq },
    },
    { type: 'locker.opened', data: { lockerStatus: 'available' } },
  );
}

const freshReservation = () =>
  reservationWith({ reservationId: `RES-${(nextSeq += 1)}`, version: 0, status: 'NEW' });

const load = async (reservationId: string) =>
  (await entities.getMany([{ kind: 'reservation', reservationId }])).get({
    kind: 'reservation',
    reservationId,
  });

const storedEvents = async (event: DomainEvent) =>
  (await tables.scan('events')).filter((item) => item['id'] === event.id);

describe('commit', () => {
  it('stores state and event in one transaction, the entity as its next version', async () => {
    const [reservation, event] = [freshReservation(), doorEvent()];
    tables.takeRequests();
    expect(await commit({ changes: [reservation], events: [event] })).toEqual({ kind: 'committed' });
    expect(tables.takeRequests()).toEqual(['TransactWriteItems']);
    expect(await load(reservation.reservationId)).toEqual({ ...reservation, version: 1 });
    expect(await storedEvents(event)).toHaveLength(1);
  });

  it('tells how many events it has stored, and of none that it has not', async () => {
    const counts: number[] = [];
    const counting = countingCommit(commit, (events) => counts.push(events));
    const event = doorEvent();
    await counting({ changes: [freshReservation()], events: [event, doorEvent()] });
    await counting({ changes: [freshReservation()], events: [] });
    expect(await counting({ changes: [], events: [event] })).toMatchObject({ kind: 'rejected' });
    expect(counts).toEqual([2]);
  });

  it('stores an event by its id’s key, to be deleted retentionDays after its receipt', async () => {
    const event = doorEvent();
    await commit({ changes: [], events: [event] });
    const [item] = await storedEvents(event);
    const expiresAt = Date.parse('2026-06-18T09:15:01.000Z') / 1_000;
    expect(item).toMatchObject({ ...event, pk: `${towerId}-9`, expiresAt });
    expect(event.id).toBe(`evt_${String(item?.['pk'])}_${String(item?.['sk'])}`);
  });

  it('notes with each event which one of its subject comes before it, for the stream does not tell', async () => {
    const here = [doorEvent(), doorEvent(), doorEvent()];
    const elsewhere = [doorEvent(undefined, 3), doorEvent(undefined, 3)];
    const [a, b, c, d, e] = [here[0], elsewhere[0], here[1], here[2], elsewhere[1]];
    const events = [a, b, c, d, e].filter((event) => event !== undefined);
    await commit({ changes: [], events });
    const reader = createCommittedEventReader(tables);
    const after = async (event: DomainEvent | undefined) => (await reader.get(event?.id ?? ''))?.after;
    expect(await Promise.all(events.map(after))).toEqual([null, null, a?.id, c?.id, b?.id]);
    // It is no part of the event.
    expect((await reader.get(d?.id ?? ''))?.event).toEqual(d);
  });

  it('spends a plain put on a single event', async () => {
    tables.takeRequests();
    await commit({ changes: [], events: [doorEvent()] });
    expect(tables.takeRequests()).toEqual(['PutItem']);
  });

  it('sends nothing for nothing', async () => {
    tables.takeRequests();
    expect(await commit({ changes: [], events: [] })).toEqual({ kind: 'committed' });
    expect(tables.takeRequests()).toEqual([]);
  });

  it('rejects a single event that exists, and leaves the first as it was', async () => {
    const event = doorEvent();
    await commit({ changes: [], events: [event] });
    const again = { ...event, receivedAt: '2026-03-21T00:00:00.000Z' };
    expect(await commit({ changes: [], events: [again] })).toEqual({
      kind: 'rejected',
      repeats: new Set([event.id]),
      conflicts: false,
    });
    expect(await storedEvents(event)).toMatchObject([{ receivedAt: event.receivedAt }]);
  });

  it('stores nothing of a transaction in which one event exists, and names that one', async () => {
    const [known, fresh, reservation] = [doorEvent(), doorEvent(), freshReservation()];
    await commit({ changes: [], events: [known] });
    expect(await commit({ changes: [reservation], events: [fresh, known] })).toEqual({
      kind: 'rejected',
      repeats: new Set([known.id]),
      conflicts: false,
    });
    expect(await storedEvents(fresh)).toHaveLength(0);
    expect(await load(reservation.reservationId)).toBeNull();
  });

  it('rejects an entity that is no longer at the version it was loaded at, together with its events', async () => {
    const reservation = freshReservation();
    await commit({ changes: [reservation], events: [doorEvent()] });
    const current = { ...reservation, version: 1 };
    await commit({ changes: [current], events: [doorEvent()] });
    const event = doorEvent();
    for (const stale of [current, reservation]) {
      expect(await commit({ changes: [stale], events: [event] })).toEqual({
        kind: 'rejected',
        repeats: new Set(),
        conflicts: true,
      });
    }
    expect(await storedEvents(event)).toHaveLength(0);
  });

  it('gives one of many that race for an entity, and loses no update', async () => {
    const place = { ...lockerNine, locker: 77, version: 0 };
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => commit({ changes: [place], events: [doorEvent()] })),
    );
    expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
  });
});

const failingWith = (error: Error): Commit => {
  const documents: DynamoDBDocumentClient = {
    ...tables.documents,
    async send() {
      throw error;
    },
  };
  return createCommit({ ...tables, documents });
};
const canceled = (...codes: string[]) =>
  new TransactionCanceledException({
    message: 'canceled',
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
const unit = () => ({ changes: [freshReservation()], events: [doorEvent()] });

describe('commit when DynamoDB pushes back', () => {
  it.each([
    canceled('TransactionConflict', 'None'),
    canceled('None', 'ThrottlingError'),
    canceled('None', 'ProvisionedThroughputExceeded'),
    new AwsError({ name: 'ThrottlingException', message: '' }),
    new AwsError({ name: 'TransactionInProgressException', message: '' }),
  ])('asks to decide again: %o', async (error) => {
    expect(await failingWith(error)(unit())).toEqual({
      kind: 'rejected',
      repeats: new Set(),
      conflicts: true,
    });
  });

  it.each([canceled('ValidationError', 'None'), canceled(), new Error('socket hang up')])(
    'throws what would not pass another time: %o',
    async (error) => {
      await expect(failingWith(error)(unit())).rejects.toBe(error);
    },
  );
});
