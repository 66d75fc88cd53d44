import { PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** Actions on resources, named one by one. */
export function allow(
  actions: readonly string[],
  resources: readonly string[],
  conditions: Record<string, unknown> = {},
): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources], conditions });
}

/** Sending, and nothing else: consumers poll through their event source mapping. */
export const allowSend = (queueArn: string): PolicyStatement => allow(['sqs:SendMessage'], [queueArn]);

/** What an event source mapping does to a queue in the function's name. Source: Lambda's "Using Amazon SQS". */
export const allowConsume = (queueArn: string): PolicyStatement =>
  allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], [queueArn]);
