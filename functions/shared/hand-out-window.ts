import * as z from 'zod';
import { addMs } from '../../schemas/instant.ts';
import { InstantSchema, type Instant } from '../../schemas/primitives.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  UpdateCommand,
} from './aws/documents.ts';
import { TowercastError } from './errors.ts';

/** The time into which deliveries are handed out. Each window belongs to one run, whichever runs overlap. */
export interface HandOutWindows {
  /**
   * Takes the first window of so many seconds that nobody has, from now on: its start. Null, and nothing is taken, when it
   * would start later than `latest`.
   */
  claim(window: { now: Instant; seconds: number; latest: Instant }): Promise<Instant | null>;
}

const WindowSchema = z.object({ until: InstantSchema });
const key = { pk: 'timers#window', sk: 'window' };
/** Runs are a minute apart: more than two at a time would be extraordinary. */
const maxAttempts = 5;

/** One item in the entities table. Throws TowercastError `window_contended`. */
export function createHandOutWindows(options: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): HandOutWindows {
  return {
    async claim({ now, seconds, latest }) {
      let from = now;
      for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
        const taken = await claimFrom(options, from, seconds);
        if (taken === null) return from;
        if (taken > latest) return null;
        from = taken;
      }
      throw new TowercastError('window_contended', `gave up after ${maxAttempts} attempts to claim a window`);
    },
  };
}

/** Null when it is taken over, else the end of the window that is in the way. */
async function claimFrom(
  { documents, entitiesTable }: { documents: DynamoDBDocumentClient; entitiesTable: string },
  from: Instant,
  seconds: number,
): Promise<Instant | null> {
  try {
    await documents.send(
      new UpdateCommand({
        TableName: entitiesTable,
        Key: key,
        UpdateExpression: 'SET #until = :to',
        ConditionExpression: 'attribute_not_exists(pk) OR #until <= :from',
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: {
          ':from': from,
          ':to': addMs(from, seconds * 1_000),
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return null;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return WindowSchema.parse({ until: error.Item?.['until']?.S }).until;
  }
}
