import type { SQSRecord } from 'aws-lambda';
import type { SqsClient } from '../../shared/aws/sqs.ts';
import { TowercastError } from '../../shared/errors.ts';

/** Hands a message to the DLQ of the queue that keeps order. Rejects if it may not have got there. */
export type HandOver = (record: SQSRecord) => Promise<void>;

/** As SQS itself would move it: the same body, in the same group, under the same name, so that a repeat is dropped. */
export function createHandOver({ sqs, dlqUrl }: { sqs: SqsClient; dlqUrl: string }): HandOver {
  return async ({ messageId, body, attributes: { MessageGroupId, MessageDeduplicationId = messageId } }) => {
    const { Failed } = await sqs.sendMessageBatch({
      QueueUrl: dlqUrl,
      Entries: [{ Id: '0', MessageBody: body, MessageGroupId, MessageDeduplicationId }],
    });
    const [failure] = Failed;
    if (failure !== undefined)
      throw new TowercastError('task_not_sent', `SQS did not accept the dead letter: ${failure.Code}`);
  };
}
