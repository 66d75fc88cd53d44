import { parseEventId, timeToBase36 } from '../../schemas/event-id.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from './aws/documents.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';
import type { ItemKey } from './keys.ts';
import { keyOf, readItems } from './read-items.ts';

/** Some events. What doesn't exist, or is no event id, is in neither. */
export interface KnownEvents {
  /** By id. */
  events: ReadonlyMap<string, DomainEvent>;
  /** Ids of those that are there, and that this release can't read: another one can. */
  unreadable: ReadonlySet<string>;
}

export interface EventReader {
  /** Null when there is none, or its retention is over, or the id is no event id. */
  get(eventId: string): Promise<DomainEvent | null>;
  getMany(eventIds: readonly string[]): Promise<KnownEvents>;
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
      const found = new Map(items.map((item) => [nameOf(keyOf(item)), DomainEventSchema.safeParse(item)]));
      const events = new Map<string, DomainEvent>();
      const unreadable = new Set<string>();
      for (const id of eventIds) {
        const key = parseEventId(id);
        const parsed = key === null ? undefined : found.get(nameOf(key));
        if (parsed?.success === true) events.set(id, parsed.data);
        else if (parsed !== undefined) unreadable.add(id);
      }
      return { events, unreadable };
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

const nameOf = ({ pk, sk }: ItemKey): string => `${pk}|${sk}`;

/** What `listBySubject` goes on after. */
export const sortKeyOf = (event: DomainEvent): string => parseEventId(event.id)?.sk ?? '';
