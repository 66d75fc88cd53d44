import { type DynamoDBDocumentClient, GetCommand } from './aws/documents.ts';
import { entityKey } from './keys.ts';

/** What partners have marked as read: the acknowledgement of the `message-pointer` contract. */
export interface ReadMessages {
  /** Consistent: who has just marked a message as read is not told of it again. */
  isRead(eventId: string): Promise<boolean>;
}

export function createReadMessages({
  documents,
  entitiesTable,
}: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): ReadMessages {
  return {
    async isRead(eventId) {
      const { Item } = await documents.send(
        new GetCommand({
          TableName: entitiesTable,
          Key: entityKey({ kind: 'message', messageId: eventId }),
          ConsistentRead: true,
          ProjectionExpression: 'pk',
        }),
      );
      return Item !== undefined;
    },
  };
}
