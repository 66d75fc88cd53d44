import * as z from 'zod';
import { type DynamoDBDocumentClient, UpdateCommand } from './aws/documents.ts';

export type CounterKind = 'request' | 'token' | 'booking' | 'position' | 'key' | 'endpoint' | 'ticket';

/** Numbers that partners see. Gaps don't matter; a number is never given twice. */
export interface Counters {
  /** From 1. */
  next(kind: CounterKind): Promise<number>;
}

const CounterSchema = z.object({ last: z.int().min(1) });

/** One item for each kind, in the entities table. */
export function createCounters(options: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): Counters {
  return {
    async next(kind) {
      // The client’s retry of a request whose answer was lost only leaves a gap.
      const { Attributes } = await options.documents.send(
        new UpdateCommand({
          TableName: options.entitiesTable,
          Key: { pk: `counter#${kind}`, sk: 'counter' },
          UpdateExpression: 'ADD #last :one',
          ExpressionAttributeNames: { '#last': 'last' },
          ExpressionAttributeValues: { ':one': 1 },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return CounterSchema.parse(Attributes).last;
    },
  };
}
