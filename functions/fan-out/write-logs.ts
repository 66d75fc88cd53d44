import type { DynamoDBRecord } from 'aws-lambda';
import type { DomainEvent } from '../../schemas/event.ts';
import type { PartnerLog } from '../shared/partner-log.ts';
import type { LogEntry } from '../shared/partner-log-page.ts';

export interface WriteLogsDeps {
  log: PartnerLog;
  logger: { error(message: string, fields: Record<string, unknown>): void };
}

/**
 * Puts events into the logs of their audiences: one append for each partner, in the order of the records. Gives the
 * records of partners whose append failed.
 */
export async function writeLogs(
  deps: WriteLogsDeps,
  records: readonly DynamoDBRecord[],
  events: ReadonlyMap<DynamoDBRecord, DomainEvent>,
): Promise<ReadonlySet<DynamoDBRecord>> {
  const byPartner = new Map<string, { record: DynamoDBRecord; entry: LogEntry }[]>();
  for (const record of records) {
    const event = events.get(record);
    if (event === undefined || !isLogged(event)) continue;
    const entry = { eventId: event.id, receivedAt: event.receivedAt };
    for (const partnerId of new Set(event.partnerIds)) {
      const list = byPartner.get(partnerId);
      if (list === undefined) byPartner.set(partnerId, [{ record, entry }]);
      else list.push({ record, entry });
    }
  }
  const failed = new Set<DynamoDBRecord>();
  const appends = [...byPartner].map(async ([partnerId, list]) => {
    try {
      await deps.log.append(
        partnerId,
        list.map(({ entry }) => entry),
      );
    } catch (error) {
      deps.logger.error('log not written', { partnerId, error });
      for (const { record } of list) failed.add(record);
    }
  });
  await Promise.all(appends);
  return failed;
}

/** A sample is for one endpoint, and what a lane skipped is told in that lane. */
const isLogged = ({ test, type }: DomainEvent): boolean => test === undefined && type !== 'sequence.skipped';
