import { ReadMessageSchema } from '../../schemas/booking.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { type DynamoDBDocumentClient, GetCommand } from './aws/documents.ts';
import { entityKey } from './keys.ts';

/** What partners have marked as read: the acknowledgement of the `message-pointer` contract. */
export interface ReadMessages {
  /** When it was, the first time; null when it wasn't. Consistent: who has just marked a message is not told of it again. */
  readAt(eventId: string): Promise<Instant | null>;
}

const MarkSchema = ReadMessageSchema.pick({ readAt: true });

export function createReadMessages({
  documents,
  entitiesTable,
}: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): ReadMessages {
  return {
    async readAt(eventId) {
      const { Item } = await documents.send(
        new GetCommand({
          TableName: entitiesTable,
          Key: entityKey({ kind: 'message', messageId: eventId }),
          ConsistentRead: true,
          ProjectionExpression: 'readAt',
        }),
      );
      return Item === undefined ? null : MarkSchema.parse(Item).readAt;
    },
  };
}
