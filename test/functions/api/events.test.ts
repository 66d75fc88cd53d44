import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { eventOperations } from '../../../functions/api/resources/events.ts';
import type { Services } from '../../../functions/api/services.ts';
import { formatLogCursor } from '../../../functions/api/log-cursor.ts';
import { DeleteCommand } from '../../../functions/shared/aws/documents.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { logPageKey } from '../../../functions/shared/partner-log-page.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { makeEvent } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import { makeApi, makeServices, partnerClaims, partnerNamed, putEntities } from './foundation.ts';

const [listEvents] = eventOperations;
if (listEvents === undefined) throw new Error('there is no list');
const AnswerSchema = z.strictObject({
  items: z.array(z.looseObject({ id: z.string() })),
  next: z.string(),
  atEnd: z.boolean(),
});
const startMs = Date.parse('2026-03-20T09:15:00.000Z');

let tables: Tables & { deliveriesTable: string };
let partners = 0;
beforeAll(async () => {
  tables = await startDeliveriesTable();
});
afterAll(async () => tables[Symbol.asyncDispose]());

async function newPartner(): Promise<string> {
  const partnerId = `partner-${(partners += 1)}`;
  await putEntities(tables, ...partnerNamed(partnerId));
  return partnerId;
}

/** Events one second apart. */
const eventsFor = (partnerIds: string[], count: number, from = 0): DomainEvent[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({
      id: `evt_0000000000000001-9_mmykbvk0_${partnerIds.join('')}-${1_000 + from + index}`,
      receivedAt: instantFromMs(startMs + (from + index) * 1_000),
      partnerIds,
      ...(index % 5 === 4 && { type: 'locker.opened', data: { lockerStatus: 'rented' }, locker: 2 }),
    }),
  );

async function commit(events: readonly DomainEvent[]): Promise<void> {
  for (const event of events) {
    await tables.put('events', eventItem(event, 90));
    const log = createPartnerLog({ ...tables, now: () => Date.parse(event.receivedAt) + 200 });
    for (const partnerId of event.partnerIds)
      await log.append(partnerId, [{ eventId: event.id, receivedAt: event.receivedAt }]);
  }
}

async function pull(
  partnerId: string,
  query: Record<string, string> = {},
  overrides: Partial<Services> = {},
) {
  const api = makeApi(tables, eventOperations, makeServices(tables, overrides));
  const answer = await api.send(listEvents!, { query, claims: partnerClaims(`${partnerId}-backend`) });
  return answer.statusCode === 200 ? AnswerSchema.parse(answer.json) : answer;
}

async function page(...args: Parameters<typeof pull>): Promise<z.infer<typeof AnswerSchema>> {
  return AnswerSchema.parse(await pull(...args));
}
const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);

describe('pulling', () => {
  it('gives all of a partner’s events in order of receipt, and goes on from `next`', async () => {
    const partnerId = await newPartner();
    const events = eventsFor([partnerId], 45);
    await commit(events);
    const first = await page(partnerId, { limit: '20' });
    expect(ids(first.items)).toEqual(ids(events.slice(0, 20)));
    expect(first.atEnd).toBe(false);
    const rest = await page(partnerId, { limit: '100', after: first.next });
    expect(ids(rest.items)).toEqual(ids(events.slice(20)));
    expect(rest.atEnd).toBe(true);

    const nothing = await page(partnerId, { after: rest.next });
    expect(nothing).toEqual({ items: [], next: rest.next, atEnd: true });
    const more = eventsFor([partnerId], 1, 45);
    await commit(more);
    expect(ids((await page(partnerId, { after: nothing.next })).items)).toEqual(ids(more));
  });

  it('gives nothing of others, nor who else hears of an event', async () => {
    const [partnerId, other] = [await newPartner(), await newPartner()];
    await commit([...eventsFor([other], 3), ...eventsFor([partnerId, other], 2)]);
    const { items } = await page(partnerId);
    expect(ids(items)).toEqual(ids(eventsFor([partnerId, other], 2)));
    // Ids are made of both partners' here.
    expect(JSON.stringify(items).replaceAll(partnerId + other, '')).not.toContain(other);
    expect(items.every((item) => !('partnerIds' in item))).toBe(true);
    // Another's cursor is none of this log, and another's log is not named.
    const theirs = await page(other);
    expect(await pull(partnerId, { after: theirs.next })).toMatchObject({ statusCode: 400 });
    expect(await pull(partnerId, { partnerId: other })).toMatchObject({ statusCode: 404 });
  });

  it.each([
    [{ types: 'locker.*' }, 9],
    [{ types: 'locker.opened,reservation.stocked' }, 45],
    [{ locker: '2' }, 9],
    [{ towerId: '0000000000000001', locker: '9' }, 36],
    [{ towerId: 'elsewhere' }, 0],
  ])('passes on only what the filter %j lets through, and reaches the end', async (filter, count) => {
    const partnerId = await newPartner();
    await commit(eventsFor([partnerId], 45));
    const found = await page(partnerId, { ...filter, limit: '100' });
    expect(found.items).toHaveLength(count);
    expect(found.atEnd).toBe(true);
    expect(found.next).toBe((await page(partnerId, { limit: '100' })).next);
  });

  it('starts at a time', async () => {
    const partnerId = await newPartner();
    const events = eventsFor([partnerId], 60);
    await commit(events);
    const since = events[50]?.receivedAt ?? '';
    expect(ids((await page(partnerId, { since, limit: '4' })).items)).toEqual(ids(events.slice(50, 54)));
  });

  it.each([
    { types: 'nothing.ever' },
    { after: 'garbage' },
    { wait: '21' },
    { limit: '0' },
    { since: 'yesterday' },
    { locker: '0' },
  ])('refuses %j', async (query) => {
    expect(await pull(await newPartner(), query)).toMatchObject({ statusCode: 400 });
  });
});

/** A log whose second page is gone, while the first and those after are there. */
async function cleanedUpInBetween() {
  const partnerId = await newPartner();
  const events = eventsFor([partnerId], 60);
  await commit(events);
  const { pk, sk } = logPageKey(partnerId, 1);
  await tables.documents.send(new DeleteCommand({ TableName: 'deliveries', Key: { pk, sk } }));
  return { partnerId, events };
}

describe('a cursor', () => {
  it('beyond the end of the log is none that it gave', async () => {
    const partnerId = await newPartner();
    const beyond = (index: number, page = 0) => ({ after: formatLogCursor(partnerId, { page, index }) });
    const unknown = { statusCode: 400, json: { code: 'cursor_unknown' } };
    expect(await pull(partnerId, beyond(1))).toMatchObject(unknown);
    expect(await pull(partnerId, beyond(0))).toMatchObject({ items: [] });
    await commit(eventsFor([partnerId], 2));
    expect(await pull(partnerId, beyond(2))).toMatchObject({ items: [] });
    expect(await pull(partnerId, beyond(3))).toMatchObject(unknown);
    expect(await pull(partnerId, beyond(0, 1))).toMatchObject(unknown);
  });

  it('of before what is kept says so, and a pull without one begins with the oldest', async () => {
    const partnerId = await newPartner();
    await commit(eventsFor([partnerId], 60));
    const { next } = await page(partnerId, { limit: '2' });
    const { pk, sk } = logPageKey(partnerId, 0);
    await tables.documents.send(new DeleteCommand({ TableName: 'deliveries', Key: { pk, sk } }));
    expect(await pull(partnerId, { after: next })).toMatchObject({
      statusCode: 410,
      json: { code: 'cursor_expired' },
    });
    const oldest = await page(partnerId, { limit: '2' });
    expect(oldest.items).toHaveLength(2);
    expect((await page(partnerId, { after: oldest.next })).items.length).toBeGreaterThan(0);
  });

  it('says so as well when the page after its own went first, once it has come so far', async () => {
    const { partnerId, events } = await cleanedUpInBetween();
    const { next } = await page(partnerId, { limit: '2' });
    const rest = await page(partnerId, { after: next, limit: '100' });
    const given = [...events.slice(0, 2), ...rest.items];
    expect(ids(given)).toEqual(ids(events.slice(0, given.length)));
    expect(rest.atEnd).toBe(false);
    expect(await pull(partnerId, { after: rest.next })).toMatchObject({
      statusCode: 410,
      json: { code: 'cursor_expired' },
    });
  });

  it('is never such a one when a pull has begun with the oldest that is kept', async () => {
    const { partnerId, events } = await cleanedUpInBetween();
    // The last page but one was begun long enough ago, so that all before it may go.
    const later = { now: () => instantFromMs(startMs + 90 * 86_400_000 + 60_000 + 59_000) };
    for (const since of [{}, { since: instantFromMs(startMs) }]) {
      const seen: string[] = [];
      let query: Record<string, string> = { ...since, limit: '2' };
      for (let isOver = false; !isOver;) {
        const { items, next, atEnd } = await page(partnerId, query, later);
        seen.push(...ids(items));
        query = { after: next, limit: '2' };
        isOver = atEnd;
      }
      expect(seen.length).toBeGreaterThan(2);
      expect(seen).toEqual(ids(events.slice(-seen.length)));
    }
  });
});

describe('an event that this release can’t read', () => {
  it('is not passed: a pull ends before it, and has to be sent again when it is the first', async () => {
    const partnerId = await newPartner();
    const events = eventsFor([partnerId], 5);
    await commit(events);
    const third = events[2];
    if (third === undefined) throw new Error('no event');
    await tables.put('events', { ...eventItem(third, 90), type: 'parcel.weighed' });
    const warnings: unknown[] = [];
    const warn = (message: string, detail: unknown) => void warnings.push([message, detail]);
    for (const query of [{}, { types: 'reservation.stocked' }, { wait: '20' }]) {
      const before = await page(partnerId, query, { warn });
      expect(ids(before.items)).toEqual(ids(events.slice(0, 2)));
      expect(before.atEnd).toBe(false);
      const stuck = await pull(partnerId, { ...query, after: before.next }, { warn });
      expect(stuck).toMatchObject({
        statusCode: 503,
        json: { code: 'event_unreadable' },
        headers: { 'retry-after': '30' },
      });
    }
    expect(warnings).toHaveLength(6);
    expect(warnings).toContainEqual(['event unreadable', { partnerId, eventId: third.id }]);
    // What was received before `since` is nobody's concern.
    const since = events[3]?.receivedAt ?? '';
    expect(ids((await page(partnerId, { since })).items)).toEqual(ids(events.slice(3)));
    // The next release.
    const { next } = await page(partnerId, { limit: '2' });
    await tables.put('events', eventItem(third, 90));
    expect(ids((await page(partnerId, { after: next })).items)).toEqual(ids(events.slice(2)));
  });
});

describe('waiting', () => {
  it('ends by the clock, also when looking is what takes the time', async () => {
    const partnerId = await newPartner();
    let ms = startMs;
    const services = makeServices(tables);
    const log: Services['log'] = {
      ...services.log,
      async read(...args) {
        ms += 300;
        return services.log.read(...args);
      },
    };
    const pause = async (pausedMs: number): Promise<void> => void (ms += pausedMs);
    const api = makeApi(tables, eventOperations, { ...services, log, pause, now: () => instantFromMs(ms) });
    await api.send(listEvents, { query: { wait: '20' }, claims: partnerClaims(`${partnerId}-backend`) });
    expect(ms - startMs).toBeLessThanOrEqual(20_300);
    expect(ms - startMs).toBeGreaterThanOrEqual(20_000);
  });

  it('ends with the first event', async () => {
    const partnerId = await newPartner();
    const waited: number[] = [];
    const pause = async (ms: number): Promise<void> => {
      waited.push(ms);
      if (waited.length === 3) await commit(eventsFor([partnerId], 1));
    };
    const { items } = await page(partnerId, { wait: '20' }, { pause });
    expect(items).toHaveLength(1);
    expect(waited).toHaveLength(3);
  });

  it('ends after so many seconds, with a cursor and nothing else', async () => {
    const partnerId = await newPartner();
    let waitedMs = 0;
    const pause = async (ms: number): Promise<void> => {
      waitedMs += ms;
    };
    expect(await page(partnerId, { wait: '3' }, { pause })).toMatchObject({ items: [], atEnd: true });
    expect(waitedMs).toBe(3_000);
  });

  it('is not needed when there is something', async () => {
    const partnerId = await newPartner();
    await commit(eventsFor([partnerId], 1));
    const impatient = { pause: async () => Promise.reject(new Error('waited')) };
    expect((await page(partnerId, { wait: '20' }, impatient)).items).toHaveLength(1);
  });
});
