import type { Page, PageRequest } from './services.ts';

/** Rows that one query looks at. Fixed, so that what the caller sees of the list does not tell how long the list is. */
const batchSize = 100;
/** Queries after which a page that has rows may end early. */
const maxQueries = 10;

export interface FilteredList<T> {
  read: (page: PageRequest) => Promise<Page<T>>;
  isVisible: (row: T) => boolean;
  /** Whether the caller may know of a row, though it asked for others. Default: what is visible. */
  mayBeKnown?: (row: T) => boolean;
  /** The key that `read` goes on after. */
  keyOf: (row: T) => string;
}

/**
 * A page of a list that the caller sees only some rows of. A cursor can be read by whoever gets it, so `next` is the key of
 * a row on the page, or of one that the caller may know, never of another one. Hence a page is empty only when nothing
 * follows, or when what was looked at is the caller's own, and not what was asked for.
 */
export async function visiblePage<T>(
  { read, isVisible, mayBeKnown = isVisible, keyOf }: FilteredList<T>,
  { limit, after }: PageRequest,
): Promise<Page<T>> {
  const visible: T[] = [];
  let known: T | undefined;
  let from = after;
  for (let queries = 1; ; queries += 1) {
    const batch = await read({ limit: batchSize, after: from });
    visible.push(...batch.items.filter(isVisible));
    known = batch.items.findLast(mayBeKnown) ?? known;
    from = batch.next;
    if (visible.length > limit) {
      const items = visible.slice(0, limit);
      return { items, next: items.map(keyOf).at(-1) ?? null };
    }
    if (from === null) return { items: visible, next: null };
    if (queries >= maxQueries && known !== undefined) return { items: visible, next: keyOf(known) };
  }
}
