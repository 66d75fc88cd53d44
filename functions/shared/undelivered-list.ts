import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { deliveryRecordKey, isUndelivered, parseDeliveryItem } from './delivery-item.ts';
import { undeliveredPartition } from './keys.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';
import {
  queryDueKeys,
  readItems,
  type DueKey,
  type DueKeysPage,
  type Position,
  type TableOptions,
} from './read-items.ts';

/** Of whom, and of which day of receipt (`2026-03-20`); null: of all that are kept. */
export interface UndeliveredQuery {
  endpointId: string;
  day: string | null;
}

/**
 * What an endpoint has dead or held, newest first. The pages' keys are the records' own sort keys, which begin with the time of
 * receipt, as the index sorts by. What left the index a moment ago is left out, so a page may be short.
 */
export async function listUndelivered(
  table: TableOptions,
  { endpointId, day }: UndeliveredQuery,
  { limit, after }: PageRequest,
): Promise<Page<DeliveryRecord>> {
  const since = day === null ? '' : `${day}T00:00:00.000Z`;
  const lastOfAll = day === null ? '9999' : `${day}T23:59:59.999Z`;
  const until = after === null ? lastOfAll : receiptOf(after);
  // It is no key of this list: nothing comes after it.
  if (until === null || until < since || until > lastOfAll) return { items: [], next: null };
  const keys = await newestKeys(table, {
    partition: undeliveredPartition(endpointId),
    ...(day !== null && { since }),
    until,
    limit: limit + 1,
    after,
  });
  const page = cutPage({ rows: keys, isCut: false }, limit, ({ sk }) => sk);
  const records = (await readItems(table, page.items)).map(parseDeliveryItem).filter(isUndelivered);
  return { items: records.sort((a, b) => (skOf(a) < skOf(b) ? 1 : -1)), next: page.next };
}

const skOf = (record: DeliveryRecord): string => deliveryRecordKey(record).sk;

/** When what has this sort key was received, as the index holds it; null for what is no sort key of a delivery. */
function receiptOf(sk: string): Instant | null {
  const [, time] = /^([0-9a-z]{8})_/.exec(sk) ?? [];
  return time === undefined ? null : instantFromMs(Number.parseInt(time, 36));
}

interface NewestKeysQuery {
  partition: string;
  since?: Instant;
  until: Instant;
  /** How many there are at least, as far as there are so many. */
  limit: number;
  after: string | null;
}

/**
 * The newest keys before `after`, in order. The index knows no order among what was received at the same moment, so it is
 * read until a moment is over.
 */
async function newestKeys(table: TableOptions, query: NewestKeysQuery): Promise<DueKey[]> {
  const { after, limit, ...range } = query;
  const keys: DueKey[] = [];
  let from: Position | null = null;
  do {
    const page: DueKeysPage = await queryDueKeys(table, { ...range, limit, from, newestFirst: true });
    keys.push(...page.keys.filter(({ sk }) => after === null || sk < after));
    from = page.next;
    const lastWanted = keys[limit - 1];
    const last = keys.at(-1);
    if (lastWanted !== undefined && last !== undefined && last.dueAt < lastWanted.dueAt) break;
  } while (from !== null);
  return keys.sort((a, b) => (a.sk < b.sk ? 1 : -1));
}
