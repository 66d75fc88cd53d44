import * as z from 'zod';
import {
  admit,
  released,
  unlimited,
  type Admission,
  type AdmissionRequest,
} from '../domain/endpoint-limits.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
} from './aws/documents.ts';
import type { ItemKey } from './keys.ts';
import { whileVersion } from './optimistic-locking.ts';
import { createStepwiseItem } from './stepwise-item.ts';

export interface EndpointLimiter {
  /** Asks for one request. A `go` under a concurrency limit must be released; its lease ends by itself after a crash. */
  admit(endpointId: string, request: AdmissionRequest): Promise<Admission>;
  release(endpointId: string, leaseId: string): Promise<void>;
}

export interface EndpointLimiterOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}

const LimitsItemSchema = z.object({
  nextMs: z.number(),
  nextTurnMs: z.number(),
  leases: z.record(z.string(), z.number()),
  version: z.int(),
});
type LimitsItem = z.infer<typeof LimitsItemSchema>;

/** A partition of its own: it is written with each request, and nobody else's items shall wait for that. */
export const endpointLimitsKey = (endpointId: string): ItemKey => ({
  pk: `endpoint-limits#${endpointId}`,
  sk: 'limits',
});

/** One item per limited endpoint: one write for a request's admission, and one for its end if its number is limited. */
export function createEndpointLimiter({ documents, entitiesTable }: EndpointLimiterOptions): EndpointLimiter {
  const items = createStepwiseItem<string, LimitsItem>({
    nameOf: (endpointId) => endpointId,
    async load(endpointId) {
      const { Item } = await documents.send(
        new GetCommand({
          TableName: entitiesTable,
          Key: endpointLimitsKey(endpointId),
          ConsistentRead: true,
        }),
      );
      return Item === undefined ? { ...unlimited, leases: {}, version: 0 } : LimitsItemSchema.parse(Item);
    },
    async replace(endpointId, before, after) {
      const stored = { ...after, version: before.version + 1 };
      try {
        await documents.send(
          new PutCommand({
            TableName: entitiesTable,
            Item: { ...endpointLimitsKey(endpointId), kind: 'endpoint-limits', ...stored },
            ...whileVersion(before.version),
          }),
        );
        return stored;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return null;
        throw error;
      }
    },
  });
  return {
    admit: async (endpointId, request) =>
      items.take(endpointId, (item) => {
        const { state, admission } = admit(item, request);
        return { state: state === item ? item : { ...item, ...state }, result: admission };
      }),
    async release(endpointId, leaseId) {
      await items.take(endpointId, (item) => {
        const state = released(item, leaseId);
        return { state: state === item ? item : { ...item, ...state }, result: undefined };
      });
    },
  };
}
