import * as z from 'zod';
import { addMs, instantFromMs, instantToMs } from '../../schemas/instant.ts';
import { InstantSchema, type Instant } from '../../schemas/primitives.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  UpdateCommand,
} from './aws/documents.ts';

/** Time into which one run hands out deliveries: whole seconds, none where `from` is `until`. */
export interface HandOutWindow {
  from: Instant;
  until: Instant;
}

/** The time into which deliveries are handed out: each second of it belongs to one run, whichever runs overlap. */
export interface HandOutWindows {
  /** Takes what nobody has of the seconds that begin now. So none is ever further ahead than that. */
  claim(now: Instant, seconds: number): Promise<HandOutWindow>;
}

const WindowSchema = z.object({ until: InstantSchema });
const key = { pk: 'timers#window', sk: 'window' };

/** One item in the entities table. */
export function createHandOutWindows(options: {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
}): HandOutWindows {
  return {
    async claim(now, seconds) {
      const from = startOfSecond(now);
      const until = addMs(from, seconds * 1_000);
      const taken = await replaceEnd(options, until);
      return { from: taken !== null && taken > from ? taken : from, until };
    },
  };
}

/** Moves the end of what is taken, never back; gives the one before, `until` if it was no earlier, null if there was none. */
async function replaceEnd(
  { documents, entitiesTable }: { documents: DynamoDBDocumentClient; entitiesTable: string },
  until: Instant,
): Promise<Instant | null> {
  try {
    const { Attributes } = await documents.send(
      new UpdateCommand({
        TableName: entitiesTable,
        Key: key,
        UpdateExpression: 'SET #until = :until',
        ConditionExpression: 'attribute_not_exists(pk) OR #until < :until',
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: { ':until': until },
        ReturnValues: 'UPDATED_OLD',
      }),
    );
    return Attributes === undefined ? null : WindowSchema.parse(Attributes).until;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return until;
    throw error;
  }
}

const startOfSecond = (now: Instant): Instant => instantFromMs(Math.floor(instantToMs(now) / 1_000) * 1_000);
