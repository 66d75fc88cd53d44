import * as z from 'zod';
import { timeToBase36 } from '../../schemas/event-id.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ItemKey } from './keys.ts';

/** What the log keeps of an event. `receivedAt` has milliseconds, as in a delivery's key. */
export interface LogEntry {
  eventId: string;
  receivedAt: Instant;
}

/** A page of a partner's log as it was read. A full one never changes again. */
export interface LogPage {
  number: number;
  entries: readonly string[];
  isFull: boolean;
  /** Epoch milliseconds, by the clock of whoever began the page: no entry was appended before. */
  startedAt: number;
}

const LogPageItemSchema = z.object({
  sk: z.string().regex(/^\d{12}$/),
  entries: z.array(z.string()),
  bytes: z.int(),
  full: z.int(),
  startedAt: z.int(),
});

/** Pages are in order by number. */
export const logPageKey = (partnerId: string, page: number): ItemKey => ({
  pk: logPartition(partnerId),
  sk: String(page).padStart(12, '0'),
});

export const logPartition = (partnerId: string): string => `log#${partnerId}`;

export function parseLogPage(item: unknown): LogPage {
  const { sk, entries, bytes, full, startedAt } = LogPageItemSchema.parse(item);
  return { number: Number(sk), entries, isFull: bytes >= full, startedAt };
}

/** `mmykbvk0_0000000000000001-9_mmykbvk0_b7-1042`: the same for each repeat of an event, and short. */
export const formatLogEntry = ({ eventId, receivedAt }: LogEntry): string =>
  `${timeToBase36(receivedAt)}_${eventId.slice('evt_'.length)}`;

export const parseLogEntry = (text: string): LogEntry => ({
  eventId: `evt_${text.slice(9)}`,
  receivedAt: instantFromMs(Number.parseInt(text.slice(0, 8), 36)),
});

/** What DynamoDB bills an entry of a list at. Source: "DynamoDB item sizes and formats". */
export const entryBytes = (entry: string): number => Buffer.byteLength(entry) + 1;

/** The same, of a page without entries: names and values of its attributes. */
export const emptyPageBytes = (partnerId: string): number => 95 + partnerId.length;
