import type { LogPosition } from '../../schemas/redrive.ts';
import { formatCursor, readCursor } from './pagination.ts';
import { invalidField } from './problem.ts';

const listOf = (partnerId: string): string => `events ${partnerId}`;

/** A position in a partner's log, as it is handed out. */
export const formatLogCursor = (partnerId: string, { page, index }: LogPosition): string =>
  formatCursor(`${page}-${index}`, listOf(partnerId));

/** Throws 400 for what is no cursor of this partner's log. */
export function readLogCursor(partnerId: string, cursor: string): LogPosition {
  const text = readCursor(cursor, listOf(partnerId), '/query/after');
  const [, page, index] = /^(\d{1,12})-(\d{1,6})$/.exec(text) ?? [];
  if (page === undefined || index === undefined)
    throw invalidField('/query/after', 'is no cursor of this list');
  return { page: Number(page), index: Number(index) };
}
