import { parseEventId } from '../../schemas/event-id.ts';
import { type DynamoDBDocumentClient, GetCommand } from './aws/documents.ts';
import { parseEventItem, type CommittedEvent } from './event-item.ts';

export interface CommittedEventReader {
  /**
   * Null when there is none, or its retention is over, or the id is no event id. What a commit stored is there as soon
   * as anything of it is in the stream. Source: DynamoDB, "Transactions: how it works".
   */
  get(eventId: string): Promise<CommittedEvent | null>;
}

export function createCommittedEventReader(options: {
  documents: DynamoDBDocumentClient;
  eventsTable: string;
}): CommittedEventReader {
  return {
    async get(eventId) {
      const key = parseEventId(eventId);
      if (key === null) return null;
      const { Item } = await options.documents.send(
        new GetCommand({ TableName: options.eventsTable, Key: key, ConsistentRead: true }),
      );
      return Item === undefined ? null : parseEventItem(Item);
    },
  };
}
