import type { DynamoDBDocumentClient } from './aws/documents.ts';
import { backlogShard } from './keys.ts';
import { countDueKeys } from './read-items.ts';

/** How many of an endpoint's deliveries are parked; the count ends at `atMost`. The index lags by moments. */
export type CountBacklog = (endpointId: string, atMost: number) => Promise<number>;

export const createBacklogCount =
  (options: { documents: DynamoDBDocumentClient; deliveriesTable: string }): CountBacklog =>
  async (endpointId, atMost) =>
    countDueKeys(
      { documents: options.documents, table: options.deliveriesTable },
      { partition: backlogShard(endpointId), limit: atMost },
    );
