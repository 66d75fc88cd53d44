/** Rows of a listing, and where the next page starts: null after the last one. */
export interface Page<T> {
  items: T[];
  /** The sort key of the last row looked at. */
  next: string | null;
}

export interface PageRequest {
  /** 1 to 100. */
  limit: number;
  /** `next` of the page before; null for the first. */
  after: string | null;
}

/** What a query gave: it ends at 1 MB, too, before its limit and before the last row. */
export interface QueriedRows<T> {
  rows: readonly T[];
  isCut: boolean;
}

/** The first `limit` rows of a query that asked for one more, so that it is known whether there are others. */
export function cutPage<T>(
  { rows, isCut }: QueriedRows<T>,
  limit: number,
  sortKeyOf: (row: T) => string,
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const hasMore = isCut || rows.length > limit;
  return { items, next: hasMore && last !== undefined ? sortKeyOf(last) : null };
}
