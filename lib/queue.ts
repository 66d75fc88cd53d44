import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import {
  DeduplicationScope,
  FifoThroughputLimit,
  type IQueue,
  Queue,
  QueueEncryption,
} from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from './checks.ts';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';

export interface StageQueueProps {
  readonly config: StageConfig;
  /** For a consumed queue: the timeout of the function that reads it. */
  readonly consumerTimeoutSeconds?: number;
  /** Keeps the order of each message group. Its DLQ must do so too. */
  readonly fifo?: true;
  readonly deadLetters?: { readonly queue: IQueue; readonly maxReceiveCount: number };
}

/** A queue, encrypted, over TLS only, that keeps what nobody fetches for as long as SQS can: 14 days. */
export function createQueue(scope: Construct, logicalId: string, props: StageQueueProps): Queue {
  const { config, consumerTimeoutSeconds, deadLetters } = props;
  const queue = new Queue(scope, logicalId, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    ...(props.fifo === true && {
      fifo: true,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    }),
    removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    // Six times the timeout, as Lambda asks: its poller retries a throttled batch within the visibility timeout.
    ...(consumerTimeoutSeconds === undefined
      ? {}
      : { visibilityTimeout: Duration.seconds(6 * consumerTimeoutSeconds) }),
    ...(deadLetters === undefined ? {} : { deadLetterQueue: deadLetters }),
  });
  if (deadLetters === undefined && consumerTimeoutSeconds === undefined)
    acknowledge(
      queue,
      'AwsSolutions-SQS3',
      'It holds what failed elsewhere: an alarm watches it and people empty it.',
    );
  return fixLogicalId(queue, logicalId);
}
