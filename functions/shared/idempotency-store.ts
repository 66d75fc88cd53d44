import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import {
  ConditionalCheckFailedException,
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
} from './aws/documents.ts';
import type { CommitUnit } from './commit.ts';

/** One request that must have one effect. */
export interface Claim {
  /** Names the request: a hash of who calls and of the key that was sent. */
  id: string;
  /** Of everything that the request asks for. */
  requestHash: string;
  /** Names this attempt at it. */
  owner: string;
  /** Milliseconds since 1970. */
  nowMs: number;
}

export type ClaimOutcome =
  | { kind: 'claimed' }
  /** The same key came with another request. */
  | { kind: 'reused' }
  | { kind: 'in_flight' }
  /** `answer` is null when the process died between its commit and its answer. */
  | { kind: 'done'; answer: Uint8Array | null };

export interface IdempotencyStore {
  /** Takes the request, for a minute, unless it was taken or done before. */
  claim(claim: Claim): Promise<ClaimOutcome>;
  /** What a transaction must store beside its changes, so that the request is never done again. */
  markOf(claim: Claim, answer: Uint8Array | null): NonNullable<CommitUnit['beside']>;
  /** Keeps the answer for whoever asks again within a day. */
  finish(claim: Claim, answer: Uint8Array): Promise<void>;
  /** Gives the request back: nothing came of it. Does nothing when something did. */
  release(claim: Claim): Promise<void>;
}

const keptMs = 24 * 3_600_000;
/** Longer than a function may run: whoever holds a claim after this is dead. */
const claimedMs = 60_000;

const RecordSchema = z.object({
  requestHash: z.string(),
  owner: z.string(),
  state: z.enum(['in_flight', 'done']),
  answer: z.instanceof(Uint8Array).optional(),
});

/** Keeps its records in the entities table. */
export function createIdempotencyStore(options: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): IdempotencyStore {
  const { documents, entitiesTable } = options;
  const owned = {
    TableName: entitiesTable,
    ConditionExpression: '#owner = :owner',
    ExpressionAttributeNames: { '#owner': 'owner' },
  };
  const markOf: IdempotencyStore['markOf'] = (claim, answer) => ({
    ...owned,
    Item: { ...itemOf(claim, 'done'), ...(answer !== null && { answer }) },
    ExpressionAttributeValues: { ':owner': claim.owner },
  });
  return {
    claim: (claim) => takeClaim(documents, entitiesTable, claim),
    markOf,
    finish: (claim, answer) => unlessTaken(documents.send(new PutCommand(markOf(claim, answer)))),
    release: (claim) =>
      unlessTaken(
        documents.send(
          new DeleteCommand({
            ...owned,
            Key: keyOf(claim.id),
            ConditionExpression: '#owner = :owner AND #state = :inFlight',
            ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
            ExpressionAttributeValues: { ':owner': claim.owner, ':inFlight': 'in_flight' },
          }),
        ),
      ),
  };
}

const keyOf = (id: string) => ({ pk: `idempotency#${id}`, sk: 'idempotency' });

const itemOf = ({ id, requestHash, owner, nowMs }: Claim, state: 'in_flight' | 'done') => ({
  ...keyOf(id),
  requestHash,
  owner,
  state,
  claimedUntilMs: nowMs + claimedMs,
  expiresAt: Math.floor((nowMs + keptMs) / 1_000),
});

/** TTL removes items days late, so one that expired is as good as absent. */
async function takeClaim(
  documents: DynamoDBDocumentClient,
  table: string,
  claim: Claim,
): Promise<ClaimOutcome> {
  try {
    await documents.send(
      new PutCommand({
        TableName: table,
        Item: itemOf(claim, 'in_flight'),
        ConditionExpression:
          'attribute_not_exists(pk) OR expiresAt <= :nowSeconds' +
          ' OR (#state = :inFlight AND claimedUntilMs <= :nowMs AND requestHash = :hash)',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':nowSeconds': Math.floor(claim.nowMs / 1_000),
          ':nowMs': claim.nowMs,
          ':inFlight': 'in_flight',
          ':hash': claim.requestHash,
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return { kind: 'claimed' };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    return outcomeOf(claim, unmarshall(error.Item));
  }
}

function outcomeOf(claim: Claim, item: unknown): ClaimOutcome {
  const { requestHash, owner, state, answer } = RecordSchema.parse(item);
  if (requestHash !== claim.requestHash) return { kind: 'reused' };
  if (state === 'done') return { kind: 'done', answer: answer ?? null };
  // The answer to our own write got lost, and the client sent it again.
  return owner === claim.owner ? { kind: 'claimed' } : { kind: 'in_flight' };
}

/** Another attempt took the claim when this one was thought dead: its outcome is the one that counts. */
async function unlessTaken(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}
