import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { StageConfig } from './config.ts';
import { allowSend } from './permissions.ts';
import { createQueue } from './queue.ts';

/**
 * SQS's highest. At a receive each 3 minutes, that is two days: so long a task that can't get its place in its lane stays in
 * the queue, and nothing overtakes it. What had its turn, `deliver` itself hands to the DLQ, after config's maxReceiveCount.
 */
const orderedMaxReceiveCount = 1_000;

/**
 * The queues that `deliver` reads. `live` is for endpoints that answer in time, `slow` for those that don't: they hold up
 * nobody but themselves there. `ordered` keeps the order of each lane, so its DLQ does too.
 */
export class DeliveryQueues extends Construct {
  readonly live: Queue;
  readonly slow: Queue;
  readonly ordered: Queue;
  readonly dlq: Queue;
  readonly orderedDlq: Queue;

  constructor(scope: Construct, id: string, { config }: { readonly config: StageConfig }) {
    super(scope, id);
    const { timeoutSeconds, maxReceiveCount } = config.delivery;
    const dead = { config, consumerTimeoutSeconds: config.deadLetter.timeoutSeconds };
    this.dlq = createQueue(this, 'DeliveryDlq', dead);
    this.orderedDlq = createQueue(this, 'OrderedDeliveryDlq', { ...dead, fifo: true });
    const consumed = { config, consumerTimeoutSeconds: timeoutSeconds };
    const deadLetters = { queue: this.dlq, maxReceiveCount };
    this.live = createQueue(this, 'DeliveryQueue', { ...consumed, deadLetters });
    this.slow = createQueue(this, 'SlowDeliveryQueue', { ...consumed, deadLetters });
    this.ordered = createQueue(this, 'OrderedDeliveryQueue', {
      ...consumed,
      fifo: true,
      deadLetters: { queue: this.orderedDlq, maxReceiveCount: orderedMaxReceiveCount },
    });
  }

  /** The environment of a function that sends to them: functions/shared/queues-env.ts. */
  get env() {
    return {
      DELIVERY_QUEUE_URL: this.live.queueUrl,
      SLOW_DELIVERY_QUEUE_URL: this.slow.queueUrl,
      ORDERED_DELIVERY_QUEUE_URL: this.ordered.queueUrl,
    };
  }

  allowSend(): PolicyStatement[] {
    return [this.live, this.slow, this.ordered].map(({ queueArn }) => allowSend(queueArn));
  }
}
