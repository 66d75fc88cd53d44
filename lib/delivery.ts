import { Duration } from 'aws-cdk-lib/core';
import {
  CfnEventSourceMapping,
  type CfnEventSourceMappingProps,
  type Function as LambdaFunction,
} from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterEnvSchema } from '../functions/dead-letter/env.ts';
import { DeliverEnvSchema } from '../functions/deliver/env.ts';
import { maxDelaySeconds } from '../functions/shared/queue.ts';
import type { HealthPolicy } from '../schemas/endpoint-health.ts';
import type { StageConfig } from './config.ts';
import { DeliveryQueues } from './delivery-queues.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow, allowConsume, allowSend } from './permissions.ts';
import { hourly, messagesKeptIn, oldestIn, ownMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

/** When endpoints count as failing or slow: what functions/domain/endpoint-breaker.ts goes by. */
export const healthPolicyOf = ({ delivery }: StageConfig): HealthPolicy => ({
  failuresToOpen: delivery.breaker.failures,
  failuresToOpenAtOnce: delivery.breaker.failures * 10,
  cacheSeconds: delivery.endpointCacheSeconds,
  openSeconds: delivery.breaker.openSeconds,
  maxOpenSeconds: delivery.breaker.maxOpenSeconds,
  longestStepSeconds: Math.max(...delivery.scheduleSeconds),
  // No probe outlives its function.
  probeSeconds: delivery.timeoutSeconds,
  slowMs: delivery.slow.afterMs,
  slowSeconds: delivery.slow.seconds,
});

export interface DeliveryProps extends StageProps {
  readonly storage: Storage;
  readonly secrets: Secrets;
}

/** The delivery queue, the function that POSTs, the DLQ for what it could not process, and who files that. */
export class Delivery extends Construct {
  readonly queues: DeliveryQueues;
  readonly deliver: TypedFunction<typeof DeliverEnvSchema>;
  readonly deadLetter: TypedFunction<typeof DeadLetterEnvSchema>;

  constructor(scope: Construct, id: string, props: DeliveryProps) {
    super(scope, id);
    this.queues = new DeliveryQueues(this, 'Queues', { config: props.config });
    this.deliver = this.#deliver(props);
    this.deadLetter = this.#deadLetter(props);
    this.#mappings(props);
    this.#alarms(props);
  }

  #deliver(props: DeliveryProps): TypedFunction<typeof DeliverEnvSchema> {
    const { config, storage, secrets } = props;
    const { delivery } = config;
    const { live, slow, ordered, orderedDlq } = this.queues;
    return new TypedFunction(this, 'Deliver', {
      ...props,
      name: 'deliver',
      logicalId: 'DeliverFunction',
      description: 'Renders, signs and POSTs deliveries, records each attempt and schedules the next',
      envSchema: DeliverEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        EVENTS_TABLE: storage.events.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        ...this.queues.env,
        ORDERED_DELIVERY_DLQ_URL: orderedDlq.queueUrl,
        MAX_RECEIVE_COUNT: String(delivery.maxReceiveCount),
        OPERATOR_PARTNER_ID: config.operatorPartnerId,
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
        ALLOWED_PORTS: JSON.stringify(delivery.allowedPorts),
        DRAIN_PER_SECOND: String(config.timers.drainPerSecond),
        HEALTH_POLICY: JSON.stringify(healthPolicyOf(config)),
      },
      timeoutSeconds: delivery.timeoutSeconds,
      memoryMb: delivery.memoryMb,
      permissions: [
        // An endpoint with its health, read messages; health, limits, and what disables an endpoint.
        allow(
          ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
          [storage.entities.tableArn],
        ),
        // Records, and lanes: what no longer waits in one is deleted.
        allow(
          ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem', 'dynamodb:DeleteItem'],
          [storage.deliveries.tableArn],
        ),
        // What tells of a dead delivery, or of an endpoint, is written with it. A lane reads what has waited.
        allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [storage.events.tableArn]),
        ...this.queues.allowSend(),
        // What fails too often, and has its place in its lane.
        allowSend(orderedDlq.queueArn),
        ...[live, slow, ordered].map(({ queueArn }) => allowConsume(queueArn)),
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
        EVENTS_TABLE: storage.events.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        ...this.queues.env,
        OPERATOR_PARTNER_ID: config.operatorPartnerId,
        DUE_SHARDS: String(config.dueShards),
        RETENTION_DAYS: String(config.retentionDays),
        SCHEDULE_SECONDS: JSON.stringify(config.delivery.scheduleSeconds),
        POINTER_SCHEDULE_SECONDS: JSON.stringify(config.delivery.pointerScheduleSeconds),
      },
      timeoutSeconds: config.deadLetter.timeoutSeconds,
      memoryMb: config.deadLetter.memoryMb,
      permissions: [
        allow(['dynamodb:Query', 'dynamodb:BatchWriteItem'], [storage.entities.tableArn]),
        // It reads the record that stands in the way of its own.
        allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], [storage.deliveries.tableArn]),
        allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [storage.events.tableArn]),
        // A lane whose head it gives up goes on.
        allowSend(this.queues.ordered.queueArn),
        allowConsume(this.queues.dlq.queueArn),
        allowConsume(this.queues.orderedDlq.queueArn),
      ],
    });
  }

  #mappings({ config }: DeliveryProps): void {
    const { live, slow, ordered, dlq, orderedDlq } = this.queues;
    const { batchSize, maxConcurrency, slowMaxConcurrency, orderedMaxConcurrency } = config.delivery;
    const deliver = (id: string, queue: Queue, maximumConcurrency: number) =>
      this.#mapping(id, this.deliver, queue, {
        batchSize,
        // Not reserved concurrency: that throttles pollers, and throttled receives count towards the DLQ.
        scalingConfig: { maximumConcurrency },
      });
    deliver('DeliverMapping', live, maxConcurrency);
    deliver('SlowDeliverMapping', slow, slowMaxConcurrency);
    deliver('OrderedDeliverMapping', ordered, orderedMaxConcurrency);
    const { batchSize: deadBatchSize } = config.deadLetter;
    this.#mapping('DeadLetterMapping', this.deadLetter, dlq, { batchSize: deadBatchSize });
    this.#mapping('OrderedDeadLetterMapping', this.deadLetter, orderedDlq, { batchSize: deadBatchSize });
  }

  #mapping(
    logicalId: string,
    consumer: LambdaFunction,
    queue: Queue,
    settings: Pick<CfnEventSourceMappingProps, 'batchSize' | 'scalingConfig'>,
  ): void {
    const mapping = new CfnEventSourceMapping(this, logicalId, {
      functionName: consumer.functionName,
      eventSourceArn: queue.queueArn,
      functionResponseTypes: ['ReportBatchItemFailures'],
      ...settings,
    });
    fixLogicalId(mapping, logicalId);
  }

  #alarms({ config }: DeliveryProps): void {
    for (const [id, queue] of [
      ['DlqAlarm', this.queues.dlq],
      ['OrderedDlqAlarm', this.queues.orderedDlq],
    ] as const)
      new RunbookAlarm(this, id, {
        config,
        says: 'Deliveries stay in a delivery DLQ: dead-letter does not file them.',
        anchor: 'delivery-dlq',
        metric: messagesKeptIn(queue),
        periods: 15,
      });
    new RunbookAlarm(this, 'TasksFailedAlarm', {
      config,
      says: 'Deliver fails on tasks, minute after minute: what it should send or record it can not.',
      anchor: 'delivery-crashed',
      metric: ownMetric(config, 'TasksFailed', { service: 'deliver' }),
      periods: 5,
    });
    new RunbookAlarm(this, 'CrashedAlarm', {
      config,
      says: 'Deliver failed on tasks until the DLQ got them: their partners hear late, or get them again and again.',
      anchor: 'delivery-crashed',
      metric: hourly(ownMetric(config, 'DeliveriesRescheduled', { service: 'dead-letter' })),
    });
    new RunbookAlarm(this, 'UnreadableAlarm', {
      config,
      says: 'Messages on the delivery queue were no tasks that this release knows: they are in quarantine.',
      anchor: 'delivery-unreadable',
      metric: hourly(ownMetric(config, 'TasksQuarantined', { service: 'dead-letter' })),
    });
    new RunbookAlarm(this, 'HeldAlarm', {
      config,
      says: 'Deliveries are held that nobody asked to hold: their endpoint answered 410 or failed for days.',
      anchor: 'delivery-held',
      metric: hourly(ownMetric(config, 'DeliveriesHeldUnasked', { service: 'deliver' })),
    });
    new RunbookAlarm(this, 'LateAlarm', {
      config,
      says: 'First attempts come more than a minute after their events, though their endpoints are well.',
      anchor: 'delivery-late',
      metric: ownMetric(config, 'FirstAttemptsLate', { service: 'deliver' }),
      // One killed function makes some late, once.
      periods: 5,
      atLeast: 3,
    });
    new RunbookAlarm(this, 'QueueAgeAlarm', {
      config,
      says: 'Deliveries to endpoints that answer in time wait in the queue: every partner hears late.',
      anchor: 'delivery-queue-age',
      metric: oldestIn(this.queues.live),
      // As old is a message that is to be delayed when its time comes.
      above: maxDelaySeconds + 300,
      periods: 5,
    });
    const { timeoutSeconds, maxReceiveCount } = config.delivery;
    new RunbookAlarm(this, 'SlowQueueAgeAlarm', {
      config,
      says: 'Deliveries to slow endpoints wait in their queue: these endpoints together are more than it takes.',
      anchor: 'delivery-slow-queue-age',
      metric: oldestIn(this.queues.slow),
      // By twice as much as delays and crashes together explain: who is slow is promised no speed, but an end.
      above: 2 * (maxDelaySeconds + 6 * timeoutSeconds * maxReceiveCount),
      periods: 15,
    });
    this.#laneAlarms(config);
    for (const service of ['deliver', 'dead-letter', 'timers'])
      new RunbookAlarm(this, `DeadAlarm-${service}`, {
        config,
        says: 'Deliveries are dead: a partner did not get events and an operator must retry them.',
        anchor: 'delivery-dead',
        metric: hourly(ownMetric(config, 'DeliveriesDead', { service })),
      });
  }

  /** SQS may leave a message that is given again and again out of its queue's age, so `deliver` tells of it, too. */
  #laneAlarms(config: StageConfig): void {
    const { timeoutSeconds, maxReceiveCount } = config.delivery;
    new RunbookAlarm(this, 'LaneHeldUpAlarm', {
      config,
      says: 'A lane stands still: the place of its next delivery can be neither read nor written.',
      anchor: 'delivery-lane-held-up',
      // Longer than from one try to the next.
      metric: ownMetric(config, 'LaneTasksHeldUp', { service: 'deliver' }).with({
        period: Duration.minutes(10),
      }),
    });
    new RunbookAlarm(this, 'LaneStuckAlarm', {
      config,
      says: 'A lane stands still: its head is neither over nor under way.',
      anchor: 'delivery-lane-stuck',
      metric: ownMetric(config, 'LanesStuck', { service: 'deliver' }),
    });
    new RunbookAlarm(this, 'OrderedQueueAgeAlarm', {
      config,
      says: 'Tasks of lanes wait in the queue that keeps order: a lane stands still, or all of them are late.',
      anchor: 'delivery-lane-held-up',
      metric: oldestIn(this.queues.ordered),
      // Nothing is delayed there. So long a task that crashes is tried before the DLQ gets it.
      above: 6 * timeoutSeconds * maxReceiveCount,
      periods: 5,
    });
  }
}
