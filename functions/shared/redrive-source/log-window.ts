import { instantToMs } from '../../../schemas/instant.ts';
import type { LogPosition } from '../../../schemas/redrive.ts';
import { deliveryRecordKey } from '../delivery-item.ts';
import type { PlacedEntry } from '../partner-log-reader.ts';
import type { PageOf, RedriveSourceOptions, RedriveWindow, SourcePage } from '../redrive-source.ts';
import { candidatesOf, nameOf, readRecords } from './rows.ts';

/** Entries that are read at once where none is wanted: a third of the megabyte that one query reads. */
const strideEntries = 5_000;
/** Strides after which a page without anything ends, so that others have their turn and the cursor is kept. */
const maxStrides = 4;
/**
 * How much later than its receipt an event is in the log at the latest: a stream keeps its records for 24 hours. What comes
 * after that, by hand, from where lost batches are kept, goes to the endpoints of that time.
 */
const maxLagMs = 25 * 3_600_000;

/** A page of the partner's log. */
export async function readLogWindow(
  options: RedriveSourceOptions,
  window: RedriveWindow,
  page: PageOf,
): Promise<SourcePage> {
  const { documents, deliveriesTable: table, log, events } = options;
  const { endpointId, partnerId, since } = window;
  const { cursor } = page;
  const from = cursor !== null && 'log' in cursor ? cursor.log : await log.seek(partnerId, since);
  const { wanted, next, isEnd, readUntil } = await findWanted(options, window, { ...page, from });
  const keys = wanted.map(({ eventId: id, receivedAt }) =>
    deliveryRecordKey({ endpointId, event: { id, receivedAt } }),
  );
  const records = await readRecords({ documents, table }, keys);
  const rows = wanted.map(({ eventId }, index) => {
    const key = keys[index];
    return { eventId, record: (key === undefined ? null : records.get(nameOf(key))) ?? null };
  });
  const { candidates, passed } = await candidatesOf(events, rows);
  const looked = passed;
  if (passed === wanted.length) return { candidates, looked, cursor: { log: next }, readUntil, isEnd };
  const last = wanted[passed - 1];
  const position = last?.position ?? from;
  return { candidates, looked, cursor: { log: position }, readUntil: last?.receivedAt ?? null, isEnd: false };
}

interface Found {
  wanted: PlacedEntry[];
  next: LogPosition;
  isEnd: boolean;
  readUntil: string | null;
}

/** The next entries of the window: `limit` at most, and only some strides far. */
async function findWanted(
  { log }: RedriveSourceOptions,
  window: RedriveWindow,
  { from, limit, upTo }: PageOf & { from: LogPosition },
): Promise<Found> {
  const found: Found = { wanted: [], next: from, isEnd: false, readUntil: null };
  for (let strides = 0; strides < maxStrides; strides += 1) {
    const size = strides === 0 ? limit : strideEntries;
    const { entries, next, isEnd } = await log.read(window.partnerId, found.next, size);
    const end = entries.findIndex((entry) => isBeyond(entry, window, upTo));
    const before = end === -1 ? entries : entries.slice(0, end);
    const inWindow = before.filter(
      ({ receivedAt }) => receivedAt >= window.since && receivedAt < window.until,
    );
    found.wanted = inWindow.slice(0, limit);
    const isCut = found.wanted.length < inWindow.length;
    const last = isCut ? found.wanted.at(-1) : before.at(-1);
    found.next = end === -1 && !isCut ? next : (last?.position ?? found.next);
    found.readUntil = last?.receivedAt ?? found.readUntil;
    found.isEnd = !isCut && (end !== -1 || isEnd);
    if (found.wanted.length > 0 || found.isEnd) break;
  }
  return found;
}

/** Its first delivery may be on its way with nothing on record of it yet; or nothing of the window can follow any more. */
const isBeyond = (
  { receivedAt, pageBegunMs }: PlacedEntry,
  { until }: RedriveWindow,
  upTo: string,
): boolean => (receivedAt >= upTo && receivedAt < until) || pageBegunMs > instantToMs(until) + maxLagMs;

/** The one event that a redrive is for: what has a name needs no looking for. */
export async function readOneEvent(
  { documents, deliveriesTable: table, events }: RedriveSourceOptions,
  { endpointId, eventId }: RedriveWindow & { eventId: string },
  { cursor, upTo }: PageOf,
): Promise<SourcePage> {
  const nothing: SourcePage = { candidates: [], looked: 0, cursor, readUntil: null, isEnd: true };
  const { candidates } = await candidatesOf(events, [{ eventId, record: null }]);
  const event = candidates[0]?.event;
  if (event === undefined || event.receivedAt >= upTo) return nothing;
  const key = deliveryRecordKey({ endpointId, event });
  const record = (await readRecords({ documents, table }, [key])).get(nameOf(key)) ?? null;
  const found = await candidatesOf(events, [{ eventId, record }]);
  return { ...nothing, candidates: found.candidates, looked: 1, readUntil: event.receivedAt };
}
