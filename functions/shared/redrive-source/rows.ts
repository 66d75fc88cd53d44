import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { Candidate } from '../../domain/redrive.ts';
import { parseDeliveryItem } from '../delivery-item.ts';
import { TowercastError } from '../errors.ts';
import type { EventReader } from '../event-reader.ts';
import type { ItemKey } from '../keys.ts';
import { keyOf, readItems, type TableOptions } from '../read-items.ts';

/** A record, or that there is one, and that this release can't read it. */
export type Recorded = DeliveryRecord | 'unreadable';

/** Something that a source has come to. */
export interface Row {
  eventId: string;
  record: Recorded | null;
}

export const nameOf = ({ pk, sk }: ItemKey): string => `${pk}|${sk}`;

/** What is on record under these keys, by `nameOf`. */
export async function readRecords(
  table: TableOptions,
  keys: readonly ItemKey[],
): Promise<Map<string, Recorded>> {
  const items = await readItems(table, keys);
  return new Map(items.map((item) => [nameOf(keyOf(item)), recordOf(item)]));
}

function recordOf(item: unknown): Recorded {
  try {
    return parseDeliveryItem(item);
  } catch {
    return 'unreadable';
  }
}

/**
 * What can be sent again of these rows, and how many of them are passed: all, or those before the first that this release
 * can't read. To pass that would be to lose it. Throws TowercastError `redrive_unreadable` when it is the first of all.
 */
export async function candidatesOf(
  events: Pick<EventReader, 'getMany'>,
  rows: readonly Row[],
): Promise<{ candidates: Candidate[]; passed: number }> {
  const known = await events.getMany(rows.map(({ eventId }) => eventId));
  const candidates: Candidate[] = [];
  for (const [index, { eventId, record }] of rows.entries()) {
    if (record === 'unreadable' || known.unreadable.has(eventId)) {
      if (index > 0) return { candidates, passed: index };
      throw new TowercastError('redrive_unreadable', `${eventId} or its delivery is of another release`);
    }
    const event = known.events.get(eventId);
    if (event !== undefined) candidates.push({ event, record });
  }
  return { candidates, passed: rows.length };
}
