import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { timeToBase36 } from '../../schemas/event-id.ts';
import { addMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive, RedriveCursor } from '../../schemas/redrive.ts';
import type { Candidate } from '../domain/redrive.ts';
import { type DynamoDBDocumentClient, QueryCommand } from './aws/documents.ts';
import { deliveryRecordKey, parseDeliveryItem } from './delivery-item.ts';
import type { EventReader } from './event-reader.ts';
import type { PartnerLogReader } from './partner-log-reader.ts';
import { keyOf, readItems, type Item } from './read-items.ts';

export type RedriveWindow = Pick<Redrive, 'partnerId' | 'endpointId' | 'source' | 'since' | 'until'>;

export interface SourcePage {
  /** In the order of the source. What no longer exists, or this release can't read, is left out. */
  candidates: Candidate[];
  /** Rows that it came past. */
  looked: number;
  cursor: RedriveCursor | null;
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
   * What follows after a cursor. Each source is paged by the key that it is sorted by, which never changes: time of receipt
   * and event in a day of the endpoint's deliveries, the place in the partner's log. What becomes of a delivery meanwhile
   * moves nothing.
   */
  read(window: RedriveWindow, page: PageOf): Promise<SourcePage>;
}

export interface RedriveSourceOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  log: PartnerLogReader;
  events: Pick<EventReader, 'getMany'>;
}

/** Rows that one query looks at: 1 MB at most. */
const rowsPerQuery = 1_000;
const dayMs = 86_400_000;

export function createRedriveSource(options: RedriveSourceOptions): RedriveSource {
  return {
    read: async (window, page) =>
      window.source === 'events' ? readLog(options, window, page) : readUndelivered(options, window, page),
  };
}

async function readLog(
  { documents, deliveriesTable, log, events }: RedriveSourceOptions,
  { partnerId, endpointId, since, until }: RedriveWindow,
  { cursor, limit, upTo }: PageOf,
): Promise<SourcePage> {
  const from = cursor !== null && 'log' in cursor ? cursor.log : await log.seek(partnerId, since);
  const read = await log.read(partnerId, from, limit);
  // Its delivery may be on its way for the first time, and nothing on record of it yet.
  const young = read.entries.findIndex(({ receivedAt }) => receivedAt >= upTo && receivedAt < until);
  const { entries, next, isEnd } =
    young === -1
      ? read
      : {
          entries: read.entries.slice(0, young),
          next: read.entries[young - 1]?.position ?? from,
          isEnd: true,
        };
  const wanted = entries.filter(({ receivedAt }) => receivedAt >= since && receivedAt < until);
  const refs = wanted.map(({ eventId, receivedAt }) => ({ endpointId, event: { id: eventId, receivedAt } }));
  const [{ events: known }, items] = await Promise.all([
    events.getMany(wanted.map(({ eventId }) => eventId)),
    readItems({ documents, table: deliveriesTable }, refs.map(deliveryRecordKey)),
  ]);
  const records = recordsByKey(items);
  const candidates = refs.flatMap((ref): Candidate[] => {
    const event = known.get(ref.event.id);
    const record = records.get(nameOf(deliveryRecordKey(ref)));
    // A record that can't be read is not overwritten.
    return event === undefined || record === 'unreadable' ? [] : [{ event, record: record ?? null }];
  });
  return { candidates, looked: wanted.length, cursor: { log: next }, isEnd };
}

async function readUndelivered(
  options: RedriveSourceOptions,
  { endpointId, since, until }: RedriveWindow,
  { cursor, limit, upTo }: PageOf,
): Promise<SourcePage> {
  const end = upTo < until ? upTo : until;
  const { day, after } =
    cursor !== null && 'day' in cursor ? cursor : { day: since.slice(0, 10), after: timeToBase36(since) };
  const to = timeToBase36(end);
  if (day > end.slice(0, 10) || after >= to)
    return { candidates: [], looked: 0, cursor: { day, after }, isEnd: true };

  const rows = await queryUndelivered(options, `${endpointId}#${day}`, { after, to });
  const taken = rows.items.slice(0, limit);
  const records = taken.flatMap((item) => recordOf(item) ?? []);
  const { events: known } = await options.events.getMany(records.map(({ event }) => event.id));
  const candidates = records.flatMap((record): Candidate[] => {
    const event = known.get(record.event.id);
    return event === undefined ? [] : [{ event, record }];
  });
  const isCut = taken.length < rows.items.length;
  const last = taken.at(-1);
  if (isCut && last !== undefined)
    return { candidates, looked: taken.length, cursor: { day, after: keyOf(last).sk }, isEnd: false };
  if (rows.lastKey !== null)
    return { candidates, looked: taken.length, cursor: { day, after: rows.lastKey }, isEnd: false };
  return { candidates, looked: taken.length, ...nextDay(day, end) };
}

/** Where to go on when a day is over, or as much of it as there is so far. */
function nextDay(day: string, end: Instant): { cursor: RedriveCursor; isEnd: boolean } {
  if (day >= end.slice(0, 10)) return { cursor: { day, after: timeToBase36(end) }, isEnd: true };
  const next = addMs(`${day}T00:00:00.000Z`, dayMs);
  return {
    cursor: { day: next.slice(0, 10), after: timeToBase36(next) },
    isEnd: instantToMs(next) >= instantToMs(end),
  };
}

/** Dead and held deliveries of a partition; `lastKey` is the last row looked at, null at the range's end. */
async function queryUndelivered(
  { documents, deliveriesTable }: RedriveSourceOptions,
  pk: string,
  { after, to }: { after: string; to: string },
): Promise<{ items: Item[]; lastKey: string | null }> {
  const { Items = [], LastEvaluatedKey } = await documents.send(
    new QueryCommand({
      TableName: deliveriesTable,
      // A time alone sorts before every key of that time, so that `to` is excluded. A filter may not name keys.
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :after AND :to',
      FilterExpression: '#status IN (:dead, :held)',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':pk': pk, ':after': after, ':to': to, ':dead': 'dead', ':held': 'held' },
      Limit: rowsPerQuery,
      ConsistentRead: true,
    }),
  );
  const items = Items.filter((item) => keyOf(item).sk !== after);
  return { items, lastKey: LastEvaluatedKey === undefined ? null : keyOf(LastEvaluatedKey).sk };
}

const nameOf = ({ pk, sk }: { pk: string; sk: string }): string => `${pk}|${sk}`;

function recordOf(item: Item): DeliveryRecord | null {
  try {
    return parseDeliveryItem(item);
  } catch {
    return null;
  }
}

const recordsByKey = (items: readonly Item[]): Map<string, DeliveryRecord | 'unreadable'> =>
  new Map(items.map((item) => [nameOf(keyOf(item)), recordOf(item) ?? 'unreadable']));
