import type { SendMessageBatchCommandInput } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { createAwsClient, type AwsClientOptions } from './client.ts';

/** Bodies only: attributes with bytes would need another form. */
export type SendMessageBatchInput = Omit<SendMessageBatchCommandInput, 'Entries'> & {
  Entries: Omit<
    NonNullable<SendMessageBatchCommandInput['Entries']>[number],
    'MessageAttributes' | 'MessageSystemAttributes'
  >[];
};

const OutputSchema = z.object({
  Successful: z.array(z.looseObject({ Id: z.string(), MessageId: z.string() })).default([]),
  Failed: z
    .array(
      z.object({
        Id: z.string(),
        /** Sent again as it is, it would fail again. */
        SenderFault: z.boolean(),
        Code: z.string(),
        Message: z.string().optional(),
      }),
    )
    .default([]),
});
export type SendMessageBatchOutput = z.infer<typeof OutputSchema>;

export interface SqsClient {
  /** Up to ten messages and 1 MiB. Throws AwsError; single messages may fail without. */
  sendMessageBatch(input: SendMessageBatchInput): Promise<SendMessageBatchOutput>;
  destroy(): void;
}

/** A request carries up to 1 MiB. */
const requestTimeoutMs = 3_000;

export function createSqsClient(options: AwsClientOptions = {}): SqsClient {
  const client = createAwsClient('sqs', { requestTimeoutMs, ...options });
  return {
    async sendMessageBatch(input) {
      const answer = await client.call({
        path: '/',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'AmazonSQS.SendMessageBatch',
        },
        body: JSON.stringify(input),
      });
      return OutputSchema.parse(answer);
    },
    destroy: () => client.close(),
  };
}
