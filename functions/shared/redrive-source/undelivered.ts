import { parseEventId } from '../../../schemas/event-id.ts';
import { addMs } from '../../../schemas/instant.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import type { ReceiptPosition } from '../../../schemas/redrive.ts';
import { dueText, isUndelivered } from '../delivery-item.ts';
import { undeliveredPartition } from '../keys.ts';
import {
  queryDueKeys,
  type DueKey,
  type DueKeysPage,
  type Position,
  type TableOptions,
} from '../read-items.ts';
import type { PageOf, RedriveSourceOptions, RedriveWindow, SourcePage } from '../redrive-source.ts';
import { candidatesOf, nameOf, readRecords, type Row } from './rows.ts';

/**
 * A page of what an endpoint has dead or held, by time of receipt. The index knows no order among what was received at the
 * same moment, and the messages of one array are: there the numbers that they had in their lanes tell, as long as they
 * have some.
 */
export async function readUndelivered(
  { documents, deliveriesTable: table, events }: RedriveSourceOptions,
  { endpointId, since, until }: RedriveWindow,
  { cursor, limit, upTo }: PageOf,
): Promise<SourcePage> {
  const to = dueText(upTo < until ? upTo : until);
  const from = cursor !== null && 'receivedAt' in cursor ? cursor : { receivedAt: dueText(since), after: '' };
  if (from.receivedAt >= to) return { candidates: [], looked: 0, cursor: from, readUntil: null, isEnd: true };
  const { keys, isAll } = await queryInstants(
    { documents, table },
    { partition: undeliveredPartition(endpointId), since: from.receivedAt, to, limit },
  );
  const records = await readRecords({ documents, table }, keys);
  const rows = keys
    .flatMap((key) => placed(key, records.get(nameOf(key)) ?? null))
    .filter((row) => row.record === 'unreadable' || isAfter(row.position, from))
    .sort((a, b) => (isAfter(a.position, b.position) ? 1 : -1));
  const taken = rows.slice(0, limit);
  const { candidates, passed } = await candidatesOf(events, taken);
  const isEnd = isAll && passed === rows.length;
  const last = taken[passed - 1]?.position;
  const position = isEnd ? { receivedAt: to, after: '' } : (last ?? pastAll(keys) ?? from);
  return { candidates, looked: passed, cursor: position, readUntil: position.receivedAt, isEnd };
}

interface PlacedRow extends Row {
  position: ReceiptPosition;
}

/** Nothing if it is dead or held no longer: the index lags. */
function placed({ dueAt: receivedAt, sk }: DueKey, record: Row['record']): PlacedRow[] {
  // The key of a delivery is its time of receipt and its event.
  const eventId = sk.slice(sk.indexOf('_') + 1);
  // First of its moment, so that nothing is passed before it.
  if (record === 'unreadable') return [{ eventId, record, position: { receivedAt, after: '' } }];
  if (record === null || !isUndelivered(record)) return [];
  const number = record.sequence === undefined ? '~' : String(record.sequence).padStart(16, '0');
  const after = `${parseEventId(eventId)?.pk ?? ''}|${number}|${eventId}`;
  return [{ eventId, record, position: { receivedAt, after } }];
}

const isAfter = (a: ReceiptPosition, b: ReceiptPosition): boolean =>
  a.receivedAt === b.receivedAt ? a.after > b.after : a.receivedAt > b.receivedAt;

/** None of them is there any more. */
function pastAll(keys: readonly DueKey[]): ReceiptPosition | null {
  const last = keys.at(-1);
  return last === undefined ? null : { receivedAt: addMs(last.dueAt, 1), after: '' };
}

interface InstantsQuery {
  partition: string;
  since: Instant;
  /** Excluded. */
  to: Instant;
  limit: number;
}

/** The keys of the first moments that together have `limit` deliveries, or more: all of each moment. */
async function queryInstants(
  table: TableOptions,
  { partition, since, to, limit }: InstantsQuery,
): Promise<{ keys: DueKey[]; isAll: boolean }> {
  const keys: DueKey[] = [];
  let from: Position | null = null;
  do {
    const query = { partition, since, until: addMs(to, -1), limit: limit + 1, from };
    const page: DueKeysPage = await queryDueKeys(table, query);
    keys.push(...page.keys);
    from = page.next;
    const lastWanted = keys[limit - 1];
    const end = lastWanted === undefined ? -1 : keys.findIndex(({ dueAt }) => dueAt > lastWanted.dueAt);
    if (end !== -1) return { keys: keys.slice(0, end), isAll: false };
  } while (from !== null);
  return { keys, isAll: true };
}
