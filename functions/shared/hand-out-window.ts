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
  /**
   * Takes what nobody has of the seconds that begin now. So none is ever further ahead than that: what is said to be taken
   * further ahead was said by a clock that was wrong, and is not.
   */
  claim(now: Instant, seconds: number): Promise<HandOutWindow>;
}

const WindowSchema = z.object({ until: InstantSchema });
/** By so much the clocks of two hosts may differ. */
const toleranceMs = 5_000;
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
      const plausible = addMs(until, toleranceMs);
      const taken = await replaceEnd(options, { until, plausible });
      const isTaken = taken !== null && taken > from && taken <= plausible;
      return { from: isTaken ? taken : from, until };
    },
  };
}

/**
 * Moves the end of what is taken: back only if it was later than is plausible, and then for one of all that find it so. Gives
 * the one before, `until` if it was no earlier, null if there was none.
 */
async function replaceEnd(
  { documents, entitiesTable }: { documents: DynamoDBDocumentClient; entitiesTable: string },
  { until, plausible }: { until: Instant; plausible: Instant },
): Promise<Instant | null> {
  try {
    const { Attributes } = await documents.send(
      new UpdateCommand({
        TableName: entitiesTable,
        Key: key,
        UpdateExpression: 'SET #until = :until',
        ConditionExpression: 'attribute_not_exists(pk) OR #until < :until OR #until > :plausible',
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: { ':until': until, ':plausible': plausible },
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
