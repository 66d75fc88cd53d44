import type { Page, PageRequest } from './services.ts';

/** Rows that one query looks at. Fixed, so that what the caller sees of the list does not tell how long the list is. */
const batchSize = 100;
/** Queries after which a page that has rows may end early. */
const maxQueries = 10;

export interface FilteredList<T> {
  read: (page: PageRequest) => Promise<Page<T>>;
  isVisible: (row: T) => boolean;
  /** The key that `read` goes on after. */
  keyOf: (row: T) => string;
}

/**
 * A page of a list that the caller sees only some rows of. A cursor can be read by whoever gets it, so `next` is the key of
 * a row on the page, never of one that was left out. Hence a page is empty only when nothing follows.
 */
export async function visiblePage<T>(
  { read, isVisible, keyOf }: FilteredList<T>,
  { limit, after }: PageRequest,
): Promise<Page<T>> {
  const visible: T[] = [];
  let from = after;
  for (let queries = 1; ; queries += 1) {
    const batch = await read({ limit: batchSize, after: from });
    visible.push(...batch.items.filter(isVisible));
    from = batch.next;
    const isEnd = from === null;
    if (!isEnd && visible.length <= limit && (visible.length === 0 || queries < maxQueries)) continue;
    const items = visible.slice(0, limit);
    const last = items.at(-1);
    const hasMore = !isEnd || visible.length > limit;
    return { items, next: hasMore && last !== undefined ? keyOf(last) : null };
  }
}
