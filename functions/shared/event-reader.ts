import { parseEventId, timeToBase36 } from '../../schemas/event-id.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from './aws/documents.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';
import { readItems } from './read-items.ts';

export interface EventReader {
  /** Null when there is none, or its retention is over, or the id is no event id. */
  get(eventId: string): Promise<DomainEvent | null>;
  /** What there is of these, by id. What this release can't read is left out. */
  getMany(eventIds: readonly string[]): Promise<Map<string, DomainEvent>>;
  /** A subject's events (`pk` as in event-id.ts) that occurred at `from` or later, newest first. */
  listBySubject(pk: string, from: Instant, page: PageRequest): Promise<Page<DomainEvent>>;
}

export function createEventReader(options: {
  documents: DynamoDBDocumentClient;
  eventsTable: string;
}): EventReader {
  const { documents, eventsTable } = options;
  return {
    async get(eventId) {
      const key = parseEventId(eventId);
      if (key === null) return null;
      const { Item } = await documents.send(
        new GetCommand({ TableName: eventsTable, Key: key, ConsistentRead: true }),
      );
      return Item === undefined ? null : DomainEventSchema.parse(Item);
    },
    async getMany(eventIds) {
      const keys = eventIds.flatMap((id) => parseEventId(id) ?? []);
      const items = await readItems({ documents, table: eventsTable }, keys);
      const events = items.flatMap((item) => DomainEventSchema.safeParse(item).data ?? []);
      return new Map(events.map((event) => [event.id, event]));
    },
    async listBySubject(pk, from, { limit, after }) {
      const first = timeToBase36(from);
      // Not between the bounds: DynamoDB would refuse the query.
      if (after !== null && after < first) return { items: [], next: null };
      const { Items = [], LastEvaluatedKey } = await documents.send(
        new QueryCommand({
          TableName: eventsTable,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: { ':pk': pk, ':from': first, ':to': after ?? '~' },
          ScanIndexForward: false,
          // BETWEEN includes the row that the page before ended with.
          Limit: limit + 2,
        }),
      );
      const events = Items.map((item) => DomainEventSchema.parse(item));
      const rows = events.filter((event) => sortKeyOf(event) !== after);
      return cutPage({ rows, isCut: LastEvaluatedKey !== undefined }, limit, sortKeyOf);
    },
  };
}

/** What `listBySubject` goes on after. */
export const sortKeyOf = (event: DomainEvent): string => parseEventId(event.id)?.sk ?? '';
