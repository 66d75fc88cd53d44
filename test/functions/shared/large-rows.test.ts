import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import type { Page } from '../../../functions/shared/page.ts';
import { makeEvents, makeRedrive } from '../../helpers/deliveries.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

/** So large that a query, which reads 1 MB, has room for ten. */
const padding = 'x'.repeat(100_000);
const count = 25;

async function walk<T>(read: (after: string | null) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const page = await read(after);
    items.push(...page.items);
    after = page.next;
  } while (after !== null);
  return items;
}

describe('pages of rows that are so large that a query ends before its limit', () => {
  it('have all entities of a partition', async () => {
    const redriveIds = Array.from({ length: count }, (_, index) => `rdr-${100 + index}`);
    for (const redriveId of redriveIds)
      await tables.put('entities', { ...entityItem(makeRedrive({ redriveId }), 4), padding });
    const lists = createEntityLists(tables);
    const found = await walk((after) =>
      lists.listInPartition('redrive', 'partner#acme', { limit: 100, after }),
    );
    expect(found.map((redrive) => redrive.redriveId)).toEqual(redriveIds);
  });

  it('have all events of a subject', async () => {
    const events = makeEvents(count);
    for (const event of events) await tables.put('events', { ...eventItem(event, 90), padding });
    const reader = createEventReader(tables);
    const found = await walk((after) =>
      reader.listBySubject('0000000000000001-9', '2026-01-01T00:00:00.000Z', { limit: 100, after }),
    );
    expect(found.map(({ id }) => id).toSorted()).toEqual(events.map(({ id }) => id).toSorted());
  });
});
