import * as z from 'zod';
import {
  admit,
  released,
  unlimited,
  unused,
  type Admission,
  type AdmissionRequest,
} from '../domain/endpoint-limits.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
} from './aws/documents.ts';
import { expiresAfter } from './expiry.ts';
import type { ItemKey } from './keys.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { whileVersion } from './optimistic-locking.ts';
import { createStepwiseItem } from './stepwise-item.ts';

/**
 * What is limited: requests to an endpoint; a partner's requests that wait for events, or that count what a redrive would
 * send.
 */
export type Limited = 'endpoint-limits' | 'pull-limits' | 'dry-run-limits';

export interface Limiter {
  /** Asks for one request. A `go` under a concurrency limit must be released; its lease ends by itself after a crash. */
  admit(name: string, request: AdmissionRequest): Promise<Admission>;
  /** `heldMs`: what the request took, where others shall have turns by that. */
  release(name: string, leaseId: string, heldMs: number | null): Promise<void>;
}

export interface LimiterOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Turns and leases are over within minutes: after a week nothing in an item counts any more. */
const keptDays = 7;

const RateStateSchema = z.object({
  nextMs: z.number(),
  nextTurnMs: z.number(),
  perSecond: z.number().default(0),
});
const LimitsItemSchema = RateStateSchema.extend({
  meanMs: z.number().default(0),
  leases: z.record(z.string(), z.number()),
  backlog: RateStateSchema.default(unused),
  version: z.int(),
});
type LimitsItem = z.infer<typeof LimitsItemSchema>;

/** A partition of its own: it is written with each request, and nobody else's items shall wait for that. */
const keyOf = (limited: Limited, name: string): ItemKey => ({ pk: `${limited}#${name}`, sk: 'limits' });

/** One item per name: one write for a request's admission, and one for its end if its number is limited. */
export function createLimiter(options: LimiterOptions, limited: Limited): Limiter {
  const { documents, entitiesTable: TableName, now } = options;
  const items = createStepwiseItem<string, LimitsItem>({
    nameOf: (name) => `${limited} of ${name}`,
    async load(name) {
      const { Item } = await documents.send(
        new GetCommand({ TableName, Key: keyOf(limited, name), ConsistentRead: true }),
      );
      return Item === undefined ? { ...unlimited, version: 0 } : LimitsItemSchema.parse(Item);
    },
    async replace(name, before, after) {
      const stored = { ...after, version: before.version + 1 };
      const expiresAt = expiresAfter(instantFromMs(now()), keptDays);
      try {
        await documents.send(
          new PutCommand({
            TableName,
            Item: { ...keyOf(limited, name), kind: limited, ...stored, expiresAt },
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
    admit: async (name, request) =>
      items.take(name, (item) => {
        const { state, admission } = admit(item, request);
        return { state: state === item ? item : { ...item, ...state }, result: admission };
      }),
    async release(name, leaseId, heldMs) {
      await items.take(name, (item) => {
        const state = released(item, leaseId, heldMs);
        return { state: state === item ? item : { ...item, ...state }, result: undefined };
      });
    },
  };
}
