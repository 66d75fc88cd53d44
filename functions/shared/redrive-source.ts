import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive, RedriveCursor } from '../../schemas/redrive.ts';
import type { Candidate } from '../domain/redrive.ts';
import type { DynamoDBDocumentClient } from './aws/documents.ts';
import type { EventReader } from './event-reader.ts';
import type { PartnerLogReader } from './partner-log-reader.ts';
import { readOneEvent, readLogWindow } from './redrive-source/log-window.ts';
import { readUndelivered } from './redrive-source/undelivered.ts';

export type RedriveWindow = Pick<
  Redrive,
  'partnerId' | 'endpointId' | 'source' | 'since' | 'until' | 'eventId'
>;

export interface SourcePage {
  /** In the order of the source. What no longer exists is left out. */
  candidates: Candidate[];
  /** Rows of the window that it came past. */
  looked: number;
  cursor: RedriveCursor | null;
  /** Up to which time of receipt it has come: exactly among deliveries, roughly in the log. Null when it came past nothing. */
  readUntil: Instant | null;
  /** Whether the source was at its end, as far as it goes up to now. */
  isEnd: boolean;
}

export interface PageOf {
  cursor: RedriveCursor | null;
  /** Candidates at most. */
  limit: number;
  /** What was received later is left for later: its first delivery may be on its way still. */
  upTo: Instant;
}

export interface RedriveSource {
  /**
   * What follows after a cursor: less than `limit` also before the end, and nothing at all after a long stretch without
   * any. Each source is paged by what it is sorted by, which never changes: the time of receipt of what is dead or held, the
   * place in the partner's log. What becomes of a delivery meanwhile moves nothing. A page ends before what this release
   * can't read; throws TowercastError `redrive_unreadable` when that comes first.
   */
  read(window: RedriveWindow, page: PageOf): Promise<SourcePage>;
}

export interface RedriveSourceOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  log: PartnerLogReader;
  events: Pick<EventReader, 'getMany'>;
}

export function createRedriveSource(options: RedriveSourceOptions): RedriveSource {
  return {
    async read(window, page) {
      const { eventId, source } = window;
      if (eventId !== undefined) return readOneEvent(options, { ...window, eventId }, page);
      return source === 'events'
        ? readLogWindow(options, window, page)
        : readUndelivered(options, window, page);
    },
  };
}
