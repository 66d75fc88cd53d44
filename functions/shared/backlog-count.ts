import { type DynamoDBDocumentClient, QueryCommand } from './aws/documents.ts';
import { backlogShard } from './keys.ts';

/** How many of an endpoint's deliveries are parked; the count ends at `atMost`. The index lags by moments. */
export type CountBacklog = (endpointId: string, atMost: number) => Promise<number>;

export const createBacklogCount =
  (options: { documents: DynamoDBDocumentClient; deliveriesTable: string }): CountBacklog =>
  async (endpointId, atMost) => {
    const { Count = 0 } = await options.documents.send(
      new QueryCommand({
        TableName: options.deliveriesTable,
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :backlog',
        ExpressionAttributeValues: { ':backlog': backlogShard(endpointId) },
        Select: 'COUNT',
        Limit: atMost,
      }),
    );
    return Count;
  };
