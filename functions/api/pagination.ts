import * as z from 'zod';
import { Problem } from './problem.ts';
import type { Page, PageRequest } from './services.ts';

/** Query parameters of every list: spread it into the operation's z.strictObject. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(25),
  /** `nextCursor` of the page before. */
  cursor: z.string().min(1).max(2048).optional(),
};

/** The body of every list. `nextCursor` is null after the last page. A page may be short, or empty, before that. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/**
 * Where a page starts. A cursor is the sort key of the last row shown, so that rows that come and go meanwhile neither
 * repeat nor skip another. It is bound to its list by `list` (any text that names it). Throws 400 for any other text.
 *
 * It is encoded, not sealed: the caller can read it and make its own. So it may name only a row that the caller saw
 * (visible-page.ts), and a list must take any key, and give nobody's rows but the caller's for it.
 */
export function toPageRequest(
  query: { limit: number; cursor?: string | undefined },
  list: string,
): PageRequest {
  return { limit: query.limit, after: query.cursor === undefined ? null : readCursor(query.cursor, list) };
}

/** The body of a list operation; `show` makes a row's public form. */
export function toPageBody<T, R>(page: Page<T>, list: string, show: (item: T) => R) {
  const nextCursor = page.next === null ? null : formatCursor(page.next, list);
  return { items: page.items.map(show), nextCursor };
}

/** What DynamoDB takes as a sort key: it refuses queries with anything else. */
const isSortKey = (text: string): boolean => text.isWellFormed() && Buffer.byteLength(text) <= 1024;

const CursorSchema = z.tuple([z.string(), z.string().min(1).refine(isSortKey)]);

export const formatCursor = (after: string, list: string): string =>
  Buffer.from(JSON.stringify([list, after])).toString('base64url');

/** What `formatCursor` put into a cursor of this list. Throws 400 for any other text, which stood at `pointer`. */
export function readCursor(cursor: string, list: string, pointer = '/query/cursor'): string {
  try {
    const [of, after] = CursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (of === list) return after;
  } catch {
    // What is no cursor is told in one way, however it fails to be one.
  }
  throw new Problem(400, 'validation_failed', 'One field is not valid.', {
    errors: [{ pointer, detail: 'is no cursor of this list' }],
  });
}
