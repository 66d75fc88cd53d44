import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

export type ProcessInGroup = (record: SQSRecord, isFirst: boolean) => Promise<void>;

/**
 * Processes a batch of a FIFO queue: groups side by side, a group's messages one after the other. Once one has failed,
 * the rest of its group is reported as failed unseen, as SQS needs it to keep the order.
 */
export async function processInGroups(
  { Records }: SQSEvent,
  process: ProcessInGroup,
): Promise<SQSBatchResponse> {
  const groups = Map.groupBy(Records, ({ attributes }) => attributes.MessageGroupId ?? '');
  const failed = await Promise.all([...groups.values()].map((group) => processGroup(group, process)));
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** The messages that failed. */
async function processGroup(
  records: readonly SQSRecord[],
  process: ProcessInGroup,
): Promise<readonly SQSRecord[]> {
  for (const [index, record] of records.entries()) {
    try {
      await process(record, index === 0);
    } catch {
      // Who processes has told of it.
      return records.slice(index);
    }
  }
  return [];
}
