import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { LogPosition } from '../../schemas/redrive.ts';
import { type DynamoDBDocumentClient, QueryCommand } from './aws/documents.ts';
import {
  logPageKey,
  logPartition,
  parseLogEntry,
  parseLogPage,
  type LogEntry,
  type LogPage,
} from './partner-log-page.ts';

export const logStart: LogPosition = { page: 0, index: 0 };

/** An entry, and the position right after it. */
export interface PlacedEntry extends LogEntry {
  position: LogPosition;
  /** When its page was begun, in epoch milliseconds: it was appended later. */
  pageBegunMs: number;
}

export interface LogSlice {
  /**
   * Whether the log has what follows the position. `beyond_end`: it has never come so far. `cleaned_up`: at least one entry
   * after it is gone, with its page; then the oldest that is kept after that follows.
   */
  begin: 'there' | 'beyond_end' | 'cleaned_up';
  entries: PlacedEntry[];
  /** Where to go on, also when there was nothing: no entry will ever appear before it. */
  next: LogPosition;
  /** Whether nothing followed at the time. */
  isEnd: boolean;
}

export interface PartnerLogReader {
  /** At most `limit` entries after a position, in the order in which they were appended. Ends before a page that is gone. */
  read(partnerId: string, from: LogPosition, limit: number): Promise<LogSlice>;
  /** A position before everything received at `since` or later, and not long before. */
  seek(partnerId: string, since: Instant): Promise<LogPosition>;
}

/** How far the clocks of two functions may be apart. */
const clockSkewMs = 60_000;
/** A page holds some twenty entries: one query for them, and a page that was read up to its end. */
const entriesPerPage = 15;

export function createPartnerLogReader(options: {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
}): PartnerLogReader {
  const { documents, deliveriesTable } = options;

  const query = async (
    partnerId: string,
    bounds: { from?: number; order: 'forward' | 'backward'; limit: number },
  ): Promise<{ pages: LogPage[]; hasMore: boolean }> => {
    const { Items = [], LastEvaluatedKey } = await documents.send(
      new QueryCommand({
        TableName: deliveriesTable,
        KeyConditionExpression: `pk = :pk${bounds.from === undefined ? '' : ' AND sk >= :from'}`,
        ExpressionAttributeValues: {
          ':pk': logPartition(partnerId),
          ...(bounds.from !== undefined && { ':from': logPageKey(partnerId, bounds.from).sk }),
        },
        ScanIndexForward: bounds.order === 'forward',
        Limit: bounds.limit,
        // A replica that lags behind might show a page without its last entries, and the next page.
        ConsistentRead: true,
      }),
    );
    return { pages: Items.map(parseLogPage), hasMore: LastEvaluatedKey !== undefined };
  };

  return {
    async read(partnerId, from, limit) {
      const slice: LogSlice = { begin: 'there', entries: [], next: from, isEnd: false };
      let isEnd: boolean | null = null;
      let page = from.page;
      while (isEnd === null) {
        const wanted = Math.ceil((limit - slice.entries.length) / entriesPerPage) + 1;
        const { pages, hasMore } = await query(partnerId, { from: page, order: 'forward', limit: wanted });
        if (page === from.page && slice.next === from) slice.begin = beginAt(from, pages[0]);
        isEnd = take(slice, pages, limit) ?? (hasMore ? null : true);
        page = (pages.at(-1)?.number ?? page) + 1;
      }
      return { ...slice, isEnd };
    },

    async seek(partnerId, since) {
      const latestStart = instantToMs(since) - clockSkewMs;
      const pageAt = async (from: number) =>
        (await query(partnerId, { from, order: 'forward', limit: 1 })).pages[0];
      const first = await pageAt(0);
      if (first !== undefined && first.startedAt > latestStart) return { page: first.number, index: 0 };
      const last = (await query(partnerId, { order: 'backward', limit: 1 })).pages[0];
      if (first === undefined || last === undefined) return logStart;
      // What was received at `since` was appended later: on the last page begun before, or after it.
      let [low, high] = [first.number, last.number];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const page = await pageAt(middle);
        if (page !== undefined && page.startedAt <= latestStart) low = page.number;
        else high = middle - 1;
      }
      return { page: low, index: 0 };
    },
  };
}

/**
 * `first` is the first page from there on. A cursor names a page that there is, for the last one is never cleaned up; only
 * that of a log without any has none. A page is cleaned up so long after the next one was begun, so that this one has had
 * entries which are gone, too.
 */
function beginAt(from: LogPosition, first: LogPage | undefined): LogSlice['begin'] {
  if (first === undefined) return from.page === 0 && from.index === 0 ? 'there' : 'beyond_end';
  if (first.number > from.page) return 'cleaned_up';
  return from.index > first.entries.length ? 'beyond_end' : 'there';
}

/**
 * Adds what these pages have. Gives whether the log is at its end there, or null when that depends on the pages after.
 *
 * A query is no snapshot: between its reading of a page and of the next, the first may have been filled and the other
 * begun. So a page is passed only if it was full as read, and what was read of the next one is forgotten. Old pages are
 * cleaned up in any order, or may stay for good (see `retire`): a page that doesn't follow the last one is told of when it
 * comes first.
 */
function take(slice: LogSlice, pages: readonly LogPage[], limit: number): boolean | null {
  for (const page of pages) {
    if (page.number > slice.next.page + 1) {
      if (slice.entries.length > 0) return false;
      slice.begin = 'cleaned_up';
    }
    const begin = page.number === slice.next.page ? slice.next.index : 0;
    for (const [offset, text] of page.entries.slice(begin).entries()) {
      if (slice.entries.length === limit) return false;
      slice.next = { page: page.number, index: begin + offset + 1 };
      slice.entries.push({ ...parseLogEntry(text), position: slice.next, pageBegunMs: page.startedAt });
    }
    if (!page.isFull) return true;
  }
  return slice.entries.length === limit ? false : null;
}
