import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { ConditionalCheckFailedException, type DynamoDBDocumentClient, PutCommand } from './aws/documents.ts';
import { forEachAtMost } from './concurrency.ts';
import { deliveryItem, type DeliveryItemOptions } from './delivery-item.ts';
import { recordOfTask } from './delivery-record.ts';

/** A replay that is about to be sent. */
export interface ReplayMark {
  task: DeliveryTask;
  /** What was on record when that was decided. */
  seen: DeliveryRecord | null;
  /** When it is due again, if nothing comes of the task until then. */
  dueAt: Instant;
}

export interface ReplayMarks {
  /**
   * Puts replays on record as pending before they are sent, so that no second one is begun while they are on their way, and
   * `timers` sends those whose task was lost. Gives those that are to be sent: not the ones whose delivery has changed since.
   * A place that a delivery had in a lane is given up.
   */
  mark(marks: readonly ReplayMark[]): Promise<ReadonlySet<ReplayMark>>;
}

export interface ReplayMarksOptions extends DeliveryItemOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
}

const maxConcurrentCalls = 8;

export const createReplayMarks = (options: ReplayMarksOptions): ReplayMarks => ({
  async mark(marks) {
    const marked = new Set<ReplayMark>();
    await forEachAtMost(maxConcurrentCalls, marks, async (one) => {
      if (await markOne(options, one)) marked.add(one);
    });
    return marked;
  },
});

async function markOne(options: ReplayMarksOptions, { task, seen, dueAt }: ReplayMark): Promise<boolean> {
  const { attempts } = task;
  const record = recordOfTask(task, { status: 'pending', reason: null, attempts, dueAt, waitsFor: 'time' });
  try {
    await options.documents.send(
      new PutCommand({
        TableName: options.deliveriesTable,
        Item: deliveryItem(record, options),
        ...asSeen(seen),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** While the record is the one that was seen. */
function asSeen(seen: DeliveryRecord | null) {
  if (seen === null) return { ConditionExpression: 'attribute_not_exists(pk)' };
  return {
    ConditionExpression: '#status = :seen AND taskId = :taskId AND size(attempts) = :attempts',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':seen': seen.status,
      ':taskId': seen.taskId,
      ':attempts': seen.attempts.length,
    },
  };
}
