import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  AwsError,
  DeleteCommand,
  type DynamoDBDocumentClient,
  UpdateCommand,
} from '../../../functions/shared/aws/documents.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { type LogEntry } from '../../../functions/shared/partner-log-page.ts';
import {
  createPartnerLogReader,
  logStart,
  type PartnerLogReader,
} from '../../../functions/shared/partner-log-reader.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import type { LogPosition } from '../../../schemas/redrive.ts';
import { startDeliveriesTable } from './deliveries-table.ts';
import type { Tables } from './tables.ts';

const start = Date.parse('2026-03-20T09:15:00.000Z');
const entry = (number: number, atMs = start + number): LogEntry => ({
  eventId: `evt_0000000000000001-9_mmykbvk0_b7-${1_000 + number}`,
  receivedAt: instantFromMs(atMs),
});
const entries = (count: number, from = 0): LogEntry[] =>
  Array.from({ length: count }, (_, index) => entry(from + index));
const idsOf = (list: readonly LogEntry[]): string[] => list.map(({ eventId }) => eventId);

/** What an answer of DynamoDB has, as far as it is looked at here. */
const OutputSchema = z.looseObject({
  Items: z.array(z.unknown()).default([]),
  ConsumedCapacity: z.looseObject({ CapacityUnits: z.number() }).optional(),
});

let tables: Tables & { deliveriesTable: string };
let reader: PartnerLogReader;
let partners = 0;
const newPartner = (): string => `partner-${(partners += 1)}`;
const newLog = (now: () => number = () => start) => createPartnerLog({ ...tables, now });

beforeAll(async () => {
  tables = await startDeliveriesTable();
  reader = createPartnerLogReader(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());

/** Pages along to the end of the log. */
async function readAll(partnerId: string, from: LogPosition = logStart, limit = 7): Promise<LogEntry[]> {
  const seen: LogEntry[] = [];
  for (let next = from; ;) {
    const slice = await reader.read(partnerId, next, limit);
    expect(slice.entries.length).toBeLessThanOrEqual(limit);
    seen.push(...slice.entries);
    if (slice.isEnd) return seen;
    next = slice.next;
  }
}

const entriesIn = (page: unknown): number =>
  z.looseObject({ entries: z.array(z.string()) }).parse(page).entries.length;

const pagesOf = async (partnerId: string) =>
  (await tables.scan('deliveries'))
    .filter(({ pk }) => pk === `log#${partnerId}`)
    .sort((a, b) => String(a['sk']).localeCompare(String(b['sk'])));

describe('the log of a partner', () => {
  it('gives what was appended, in that order, whatever the size of the steps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 100 }),
        async (batches, limit) => {
          const partnerId = newPartner();
          const log = newLog();
          let count = 0;
          for (const size of batches) {
            await log.append(partnerId, entries(size, count));
            count += size;
          }
          expect(await readAll(partnerId, logStart, limit)).toMatchObject(entries(count));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('is empty before anything was appended, and goes on from there', async () => {
    const partnerId = newPartner();
    const empty = await reader.read(partnerId, logStart, 10);
    expect(empty).toEqual({ begin: 'there', entries: [], next: logStart, isEnd: true });
    await newLog().append(partnerId, entries(1));
    expect(idsOf((await reader.read(partnerId, empty.next, 10)).entries)).toEqual(idsOf(entries(1)));
  });

  it('is each partner’s own', async () => {
    const [mine, theirs] = [newPartner(), newPartner()];
    await newLog().append(theirs, entries(3));
    expect(await readAll(mine)).toEqual([]);
  });

  it('has each event once, also when a batch is given again by a process that knows nothing of the first', async () => {
    const partnerId = newPartner();
    await newLog().append(partnerId, entries(30));
    await newLog().append(partnerId, entries(45));
    await newLog().append(partnerId, entries(10, 40));
    expect(idsOf(await readAll(partnerId))).toEqual(idsOf(entries(50)));
  });

  it('has each event once when a late batch is given again to a process that has appended since', async () => {
    const partnerId = newPartner();
    let now = start;
    const [one, two] = [newLog(() => now), newLog(() => now)];
    await two.append(partnerId, entries(1));
    // It fills the page, and its process dies.
    await one.append(partnerId, entries(30, 100));
    await two.append(partnerId, entries(1, 200));
    now += 3_000;
    await two.append(partnerId, entries(30, 100));
    const all = await readAll(partnerId);
    expect(all).toHaveLength(32);
    expect(new Set(idsOf(all)).size).toBe(32);
  });

  it('is not looked at before an append of what was received just now', async () => {
    const partnerId = newPartner();
    const log = newLog(() => start + 1_000);
    await log.append(partnerId, entries(1));
    tables.takeRequests();
    await log.append(partnerId, entries(1, 1));
    expect(tables.takeRequests()).toEqual(['UpdateItem']);
  });

  it('has each event once when the answer to an append got lost and it is sent again', async () => {
    const partnerId = newPartner();
    let lost = 0;
    const documents = tables.connect((network) => ({
      ...network,
      async send(request) {
        const answer = await network.send(request);
        if (!request.headers['x-amz-target']?.endsWith('.UpdateItem') || lost >= 3) return answer;
        lost += 1;
        throw new AwsError({ name: 'TimeoutError', message: 'the answer got lost', retry: 'transient' });
      },
    }));
    const log = createPartnerLog({ ...tables, documents, now: () => start });
    for (let count = 0; count < 40; count += 4) await log.append(partnerId, entries(4, count));
    expect(lost).toBe(3);
    expect(idsOf(await readAll(partnerId))).toEqual(idsOf(entries(40)));
    documents.destroy();
  });

  it('keeps its last page for good, and the ones before for the time of retention', async () => {
    const partnerId = newPartner();
    const log = newLog();
    for (let count = 0; count < 60; count += 1) await log.append(partnerId, [entry(count)]);
    const pages = await pagesOf(partnerId);
    expect(pages.length).toBeGreaterThan(2);
    const expiresAt = start / 1_000 + 90 * 86_400;
    expect(pages.slice(0, -1).map((page) => page['expiresAt'])).toEqual(
      pages.slice(0, -1).map(() => expiresAt),
    );
    expect(pages.at(-1)?.['expiresAt']).toBeUndefined();
  });

  it('goes on where it was when its older pages are gone', async () => {
    const partnerId = newPartner();
    await newLog().append(partnerId, entries(20));
    await newLog().append(partnerId, entries(20, 20));
    const [first] = await pagesOf(partnerId);
    await tables.documents.send(
      new DeleteCommand({
        TableName: 'deliveries',
        Key: { pk: first?.['pk'], sk: first?.['sk'] },
      }),
    );
    expect(idsOf(await readAll(partnerId, { page: 0, index: 3 }))).toEqual(idsOf(entries(20, 20)));
    expect(await reader.read(partnerId, { page: 0, index: 3 }, 1)).toMatchObject({ begin: 'cleaned_up' });
    expect(await reader.read(partnerId, { page: 1, index: 20 }, 1)).toMatchObject({ begin: 'there' });
    expect(await reader.read(partnerId, { page: 1, index: 21 }, 1)).toMatchObject({ begin: 'beyond_end' });
    expect(await reader.read(partnerId, { page: 2, index: 0 }, 1)).toMatchObject({ begin: 'beyond_end' });
  });

  it('ends before a page that is gone while older ones are there, and says so when nothing is before it', async () => {
    const partnerId = newPartner();
    for (let count = 0; count < 60; count += 1) await newLog().append(partnerId, [entry(count)]);
    const [first, second] = await pagesOf(partnerId);
    await tables.documents.send(
      new DeleteCommand({ TableName: 'deliveries', Key: { pk: second?.['pk'], sk: second?.['sk'] } }),
    );
    const [ofFirst, ofSecond] = [entriesIn(first), entriesIn(second)];
    const before = await reader.read(partnerId, logStart, 60);
    expect(before).toMatchObject({ begin: 'there', next: { page: 0, index: ofFirst }, isEnd: false });
    expect(before.entries).toHaveLength(ofFirst);
    for (const from of [before.next, { page: 0, index: ofFirst - 1 }]) {
      const slice = await reader.read(partnerId, from, 60);
      const isAtGap = from === before.next;
      expect(slice.begin).toBe(isAtGap ? 'cleaned_up' : 'there');
      expect(slice.entries).toHaveLength(isAtGap ? 60 - ofFirst - ofSecond : 1);
    }
  });

  it('counts a page as full by what the page says, so that two releases agree', async () => {
    const partnerId = newPartner();
    await newLog().append(partnerId, entries(2));
    const [page] = await pagesOf(partnerId);
    await tables.documents.send(
      new UpdateCommand({
        TableName: 'deliveries',
        Key: { pk: page?.['pk'], sk: page?.['sk'] },
        UpdateExpression: 'SET #full = bytes',
        ExpressionAttributeNames: { '#full': 'full' },
      }),
    );
    await newLog().append(partnerId, [entry(2)]);
    expect((await pagesOf(partnerId)).map(({ entries: list }) => list)).toMatchObject([
      { length: 2 },
      { length: 1 },
    ]);
    expect(idsOf(await readAll(partnerId))).toEqual(idsOf(entries(3)));
  });
});

describe('looking for a time', () => {
  it('finds a place before everything received since, and not long before', async () => {
    const partnerId = newPartner();
    let now = start;
    const log = newLog(() => now);
    const minute = 60_000;
    const all = Array.from({ length: 200 }, (_, index) => entry(index, start + index * minute));
    for (const one of all) {
      now = Date.parse(one.receivedAt) + 500;
      await log.append(partnerId, [one]);
    }
    for (const index of [0, 1, 77, 150, 199]) {
      const since = all[index]?.receivedAt ?? '';
      const found = await readAll(partnerId, await reader.seek(partnerId, since));
      const wanted = all.slice(index);
      expect(idsOf(found.slice(-wanted.length))).toEqual(idsOf(wanted));
      expect(found.length - wanted.length).toBeLessThan(25);
    }
    expect(await reader.seek(newPartner(), instantFromMs(start))).toEqual(logStart);
  });
});

describe('with many who append', () => {
  it('no entry ever appears behind a cursor, none is missing and none twice', async () => {
    const partnerId = newPartner();
    const [writers, batchesEach] = [6, 30];
    let writing = true;
    const all: string[] = [];
    const appending = Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const log = newLog();
        for (let batch = 0; batch < batchesEach; batch += 1) {
          const own = entries(1 + ((batch * 7) % 9), writer * 100_000 + batch * 100);
          all.push(...idsOf(own));
          await log.append(partnerId, own);
          // A crash here: the batch is given again, to a process that starts anew.
          if (batch % 11 === 10) await newLog().append(partnerId, own);
        }
      }),
    ).finally(() => {
      writing = false;
    });
    const seen: string[] = [];
    let next = logStart;
    for (let isLast = false; ;) {
      const slice = await reader.read(partnerId, next, 1 + (seen.length % 13));
      seen.push(...idsOf(slice.entries));
      next = slice.next;
      if (isLast && slice.isEnd) break;
      isLast = !writing;
    }
    await appending;
    expect(seen).toHaveLength(new Set(seen).size);
    expect(new Set(seen)).toEqual(new Set(all));
    // Whoever reads it afterwards sees the same in the same order.
    expect(idsOf(await readAll(partnerId))).toEqual(seen);
  }, 60_000);

  it('a page that was filled between the reads of one query is not passed', async () => {
    const partnerId = newPartner();
    const log = newLog();
    await log.append(partnerId, entries(5));
    let isTorn = false;
    const documents = tables.connect((network) => ({
      ...network,
      async send(request) {
        const before = await network.send(request);
        if (!request.headers['x-amz-target']?.endsWith('.Query') || isTorn) return before;
        isTorn = true;
        // The first page as it was, and the others as they are a moment later.
        for (let count = 5; count < 30; count += 1) await log.append(partnerId, [entry(count)]);
        const [old, fresh] = [before, await network.send(request)].map(({ body }) =>
          OutputSchema.parse(JSON.parse(body)),
        );
        const Items = [...(old?.Items.slice(0, 1) ?? []), ...(fresh?.Items.slice(1) ?? [])];
        return { ...before, body: JSON.stringify({ ...fresh, Items }) };
      },
    }));
    const torn = createPartnerLogReader({ ...tables, documents });
    const first = await torn.read(partnerId, logStart, 100);
    expect(isTorn).toBe(true);
    expect(idsOf(first.entries)).toEqual(idsOf(entries(5)));
    expect(idsOf((await torn.read(partnerId, first.next, 100)).entries)).toEqual(idsOf(entries(25, 5)));
    documents.destroy();
  });
});

/** Units of each event, appended in such batches. */
const unitsOf = async (batch: number, count: number): Promise<number> => {
  let units = 0;
  const documents: DynamoDBDocumentClient = {
    ...tables.documents,
    async send(command) {
      Object.assign(command.input, { ReturnConsumedCapacity: 'TOTAL' });
      const result = await tables.documents.send(command);
      units += OutputSchema.parse(result).ConsumedCapacity?.CapacityUnits ?? 0;
      return result;
    },
  };
  const log = createPartnerLog({ ...tables, documents, now: () => start });
  const partnerId = newPartner();
  for (let from = 0; from < count; from += batch) await log.append(partnerId, entries(batch, from));
  return units / count;
};

describe('an append costs', () => {
  it.each([
    [1, 1.15],
    [10, 0.4],
    [100, 0.1],
  ])('in batches of %i at most %f units an event, the page’s end included', async (batch, most) => {
    const units = await unitsOf(batch, 1_000);
    expect(units).toBeLessThanOrEqual(most);
    expect(units).toBeGreaterThan(0);
  });
});
