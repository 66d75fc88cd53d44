import type { DynamoDBRecord } from 'aws-lambda';
import type { DomainEvent } from '../../schemas/event.ts';
import type { PartnerLog } from '../shared/partner-log.ts';
import type { LogEntry } from '../shared/partner-log-page.ts';

export interface WriteLogsDeps {
  log: PartnerLog;
  logger: { error(message: string, fields: Record<string, unknown>): void };
}

/** The events of each record's turn, in order. Null: there is none, or it could not be read. */
type Lines = ReadonlyMap<DynamoDBRecord, readonly { event: DomainEvent | null }[]>;

/**
 * Puts events into the logs of their audiences: one append for each partner, in the order of the records and of what
 * their turns take along. Gives the records of partners whose append failed.
 */
export async function writeLogs(
  deps: WriteLogsDeps,
  records: readonly DynamoDBRecord[],
  lines: Lines,
): Promise<ReadonlySet<DynamoDBRecord>> {
  const failed = new Set<DynamoDBRecord>();
  const appends = [...entriesByPartner(records, lines)].map(async ([partnerId, entries]) => {
    try {
      await deps.log.append(
        partnerId,
        [...entries.values()].map(({ entry }) => entry),
      );
    } catch (error) {
      deps.logger.error('log not written', { partnerId, error });
      for (const { record } of entries.values()) failed.add(record);
    }
  });
  await Promise.all(appends);
  return failed;
}

/** The entries of an event, and the record whose turn it is in. */
interface Placed {
  record: DynamoDBRecord;
  entry: LogEntry;
}

/** By partner and event: what a turn takes along is there once, though it has a record of its own. */
function entriesByPartner(
  records: readonly DynamoDBRecord[],
  lines: Lines,
): Map<string, Map<string, Placed>> {
  const byPartner = new Map<string, Map<string, Placed>>();
  for (const record of records)
    for (const { event } of lines.get(record) ?? []) {
      if (event === null || !isLogged(event)) continue;
      const entry = { eventId: event.id, receivedAt: event.receivedAt };
      for (const partnerId of event.partnerIds) {
        const entries = byPartner.get(partnerId) ?? new Map<string, Placed>();
        byPartner.set(partnerId, entries);
        if (!entries.has(event.id)) entries.set(event.id, { record, entry });
      }
    }
  return byPartner;
}

/** A sample is for one endpoint, and what a lane skipped is told in that lane. */
const isLogged = ({ test, type }: DomainEvent): boolean => test === undefined && type !== 'sequence.skipped';
