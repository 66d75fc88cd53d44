import { assert, array, asyncProperty, boolean, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Page, PageRequest } from '../../../functions/api/services.ts';
import { visiblePage } from '../../../functions/api/visible-page.ts';

interface Row {
  key: string;
  isOwn: boolean;
}

const rowsOf = (own: readonly boolean[]): Row[] =>
  own.map((isOwn, index) => ({ key: String(index).padStart(6, '0'), isOwn }));

function listOf(rows: readonly Row[]) {
  const limits: number[] = [];
  const read = async ({ limit, after }: PageRequest): Promise<Page<Row>> => {
    limits.push(limit);
    const rest = rows.filter(({ key }) => after === null || key > after);
    const items = rest.slice(0, limit);
    return { items, next: rest.length > limit ? (items.at(-1)?.key ?? null) : null };
  };
  return { limits, list: { read, isVisible: ({ isOwn }: Row) => isOwn, keyOf: ({ key }: Row) => key } };
}

async function walk(rows: readonly Row[], limit: number) {
  const { list } = listOf(rows);
  const pages: Page<Row>[] = [];
  let after: string | null = null;
  do {
    const page: Page<Row> = await visiblePage(list, { limit, after });
    pages.push(page);
    after = page.next;
  } while (after !== null);
  return pages;
}

describe('the pages of a list that has others’ rows too', () => {
  it('have every own row once, in order, and cursors of own rows only', async () => {
    await assert(
      asyncProperty(
        array(boolean(), { maxLength: 400, size: 'max' }),
        integer({ min: 1, max: 100 }),
        async (own, limit) => {
          const rows = rowsOf(own);
          const pages = await walk(rows, limit);
          expect(pages.flatMap(({ items }) => items)).toEqual(rows.filter(({ isOwn }) => isOwn));
          for (const { items, next } of pages.slice(0, -1)) expect(next).toBe(items.at(-1)?.key);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('may be empty before the end where what was looked at may be known, so that no page takes for ever', async () => {
    const rows = rowsOf([...Array.from({ length: 2_500 }, () => false), true]);
    const { list, limits } = listOf(rows);
    const known = { ...list, mayBeKnown: ({ key }: Row) => key < '000900' };
    const first = await visiblePage(known, { limit: 5, after: null });
    expect(first).toEqual({ items: [], next: '000899' });
    expect(limits).toHaveLength(10);
    // Of what follows none may be named, but what is asked for.
    expect((await visiblePage(known, { limit: 5, after: first.next })).items).toEqual([rows.at(-1)]);
  });

  it('go past any number of others’ rows', async () => {
    const rows = rowsOf([true, ...Array.from({ length: 2_500 }, () => false), true]);
    const pages = await walk(rows, 5);
    expect(pages.map(({ items }) => items.length)).toEqual([1, 1]);
    expect(pages[0]?.next).toBe(rows[0]?.key);
  });

  it('are read in batches of one size, and no more of them than it takes', async () => {
    const { limits, list } = listOf(rowsOf(Array.from({ length: 500 }, () => true)));
    await visiblePage(list, { limit: 7, after: null });
    expect(limits).toEqual([100]);
  });
});
