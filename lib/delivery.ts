import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterEnvSchema } from '../functions/dead-letter/env.ts';
import { DeliverEnvSchema } from '../functions/deliver/env.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow, allowConsume, allowSend } from './permissions.ts';
import { createQueue } from './queue.ts';
import { messagesIn, minuteMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface DeliveryProps extends StageProps {
  readonly storage: Storage;
  readonly secrets: Secrets;
}

/** The delivery queue, the function that POSTs, the DLQ for what it could not process, and who files that. */
export class Delivery extends Construct {
  readonly queue: Queue;
  readonly dlq: Queue;
  readonly deliver: TypedFunction<typeof DeliverEnvSchema>;
  readonly deadLetter: TypedFunction<typeof DeadLetterEnvSchema>;

  constructor(scope: Construct, id: string, props: DeliveryProps) {
    super(scope, id);
    const { config } = props;
    this.dlq = createQueue(this, 'DeliveryDlq', {
      config,
      consumerTimeoutSeconds: config.deadLetter.timeoutSeconds,
    });
    this.queue = createQueue(this, 'DeliveryQueue', {
      config,
      consumerTimeoutSeconds: config.delivery.timeoutSeconds,
      deadLetters: { queue: this.dlq, maxReceiveCount: config.delivery.maxReceiveCount },
    });
    this.deliver = this.#deliver(props);
    this.deadLetter = this.#deadLetter(props);
    this.#mappings(props);
    this.#alarms(props);
  }

  #deliver(props: DeliveryProps): TypedFunction<typeof DeliverEnvSchema> {
    const { config, storage, secrets } = props;
    const { delivery } = config;
    return new TypedFunction(this, 'Deliver', {
      ...props,
      name: 'deliver',
      logicalId: 'DeliverFunction',
      description: 'Renders, signs and POSTs deliveries, records each attempt and schedules the next',
      envSchema: DeliverEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        DELIVERY_QUEUE_URL: this.queue.queueUrl,
        SECRETS_KEY_ARN: secrets.key.keyArn,
        DUE_SHARDS: String(config.dueShards),
        RETENTION_DAYS: String(config.retentionDays),
        SCHEDULE_SECONDS: JSON.stringify(delivery.scheduleSeconds),
        POINTER_SCHEDULE_SECONDS: JSON.stringify(delivery.pointerScheduleSeconds),
        MAX_DELAY_SECONDS: String(delivery.maxDelaySeconds),
        ATTEMPT_TIMEOUT_MS: String(delivery.attemptTimeoutMs),
        ENDPOINT_CACHE_SECONDS: String(delivery.endpointCacheSeconds),
        OPERATOR_TIME_ZONE: config.operatorTimeZone,
        ALLOW_LOOPBACK_HTTP: config.allowLoopbackHttp ? 'true' : 'false',
      },
      timeoutSeconds: delivery.timeoutSeconds,
      memoryMb: delivery.memoryMb,
      permissions: [
        allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [storage.entities.tableArn]),
        allow(
          ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem'],
          [storage.deliveries.tableArn],
        ),
        allowSend(this.queue.queueArn),
        allowConsume(this.queue.queueArn),
        secrets.allowDecrypt(),
      ],
    });
  }

  #deadLetter(props: DeliveryProps): TypedFunction<typeof DeadLetterEnvSchema> {
    const { config, storage } = props;
    return new TypedFunction(this, 'DeadLetter', {
      ...props,
      name: 'dead-letter',
      logicalId: 'DeadLetterFunction',
      description: 'Files deliveries that could not be processed: rescheduled, or dead with a reason',
      envSchema: DeadLetterEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        DUE_SHARDS: String(config.dueShards),
        RETENTION_DAYS: String(config.retentionDays),
        SCHEDULE_SECONDS: JSON.stringify(config.delivery.scheduleSeconds),
        POINTER_SCHEDULE_SECONDS: JSON.stringify(config.delivery.pointerScheduleSeconds),
      },
      timeoutSeconds: config.deadLetter.timeoutSeconds,
      memoryMb: config.deadLetter.memoryMb,
      permissions: [
        allow(['dynamodb:GetItem', 'dynamodb:BatchWriteItem'], [storage.entities.tableArn]),
        // It reads the record that stands in the way of its own.
        allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [storage.deliveries.tableArn]),
        allowConsume(this.dlq.queueArn),
      ],
    });
  }

  #mappings({ config }: DeliveryProps): void {
    const deliver = new CfnEventSourceMapping(this, 'QueueMapping', {
      functionName: this.deliver.functionName,
      eventSourceArn: this.queue.queueArn,
      batchSize: config.delivery.batchSize,
      functionResponseTypes: ['ReportBatchItemFailures'],
      // Not reserved concurrency: that throttles pollers, and throttled receives count towards the DLQ.
      scalingConfig: { maximumConcurrency: config.delivery.maxConcurrency },
    });
    fixLogicalId(deliver, 'DeliverMapping');
    const deadLetter = new CfnEventSourceMapping(this, 'DlqMapping', {
      functionName: this.deadLetter.functionName,
      eventSourceArn: this.dlq.queueArn,
      batchSize: config.deadLetter.batchSize,
      functionResponseTypes: ['ReportBatchItemFailures'],
    });
    fixLogicalId(deadLetter, 'DeadLetterMapping');
  }

  #alarms({ config }: DeliveryProps): void {
    new RunbookAlarm(this, 'DlqAlarm', {
      config,
      says: 'Deliveries stay in the delivery DLQ: dead-letter does not file them.',
      anchor: 'delivery-dlq',
      metric: messagesIn(this.dlq),
      minutes: 15,
    });
    new RunbookAlarm(this, 'UnreadableAlarm', {
      config,
      says: 'Messages on the delivery queue were no tasks that this release knows: they are in quarantine.',
      anchor: 'delivery-unreadable',
      metric: minuteMetric('Towercast', 'TasksQuarantined', { service: 'dead-letter' }),
    });
    new RunbookAlarm(this, 'HeldAlarm', {
      config,
      says: 'Deliveries are held: a partner switched its endpoint off, and gets nothing.',
      anchor: 'delivery-held',
      metric: minuteMetric('Towercast', 'DeliveriesHeld', { service: 'deliver' }),
    });
    for (const service of ['deliver', 'dead-letter'])
      new RunbookAlarm(this, `DeadAlarm-${service}`, {
        config,
        says: 'Deliveries are dead: a partner did not get events and an operator must retry them.',
        anchor: 'delivery-dead',
        metric: minuteMetric('Towercast', 'DeliveriesDead', { service }),
      });
  }
}
