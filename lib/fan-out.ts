import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { FanOutEnvSchema } from '../functions/fan-out/env.ts';
import { acknowledge } from './checks.ts';
import type { StageConfig } from './config.ts';
import type { DeliveryQueues } from './delivery-queues.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow } from './permissions.ts';
import { hourly, minuteMetric, ownMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface FanOutProps extends StageProps {
  readonly storage: Storage;
  readonly deliveryQueues: DeliveryQueues;
}

/** From the events table's stream to one delivery task per endpoint. */
export class FanOut extends Construct {
  readonly function: TypedFunction<typeof FanOutEnvSchema>;
  readonly failures: Bucket;

  constructor(scope: Construct, id: string, props: FanOutProps) {
    super(scope, id);
    this.failures = this.#failuresBucket(props);
    this.function = this.#function(props);
    const mapping = this.#mapping(props);
    this.#alarms(props, mapping);
  }

  /** Holds the records of batches that fan-out gave up on. An SQS destination would get no records, only a pointer. */
  #failuresBucket({ config }: FanOutProps): Bucket {
    const bucket = new Bucket(this, 'Failures', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      // Emptying it at `cdk destroy` would take a function of its own; outside production it empties itself in a day.
      lifecycleRules: [{ expiration: Duration.days(config.retainData ? config.retentionDays : 1) }],
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    acknowledge(bucket, 'AwsSolutions-S1', 'Only fan-out writes to it and only operators read it.');
    return fixLogicalId(bucket, 'FanOutFailuresBucket');
  }

  #function(props: FanOutProps): TypedFunction<typeof FanOutEnvSchema> {
    const { config, storage, deliveryQueues } = props;
    const streamArn = storage.events.tableStreamArn ?? '';
    const fanOut = new TypedFunction(this, 'Function', {
      ...props,
      name: 'fan-out',
      logicalId: 'FanOutFunction',
      description:
        'Matches each event with the endpoints of its audience, queues one delivery for each, and writes the partner logs',
      envSchema: FanOutEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        EVENTS_TABLE: storage.events.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        ...deliveryQueues.env,
        RETENTION_DAYS: String(config.retentionDays),
        ENDPOINT_CACHE_SECONDS: String(config.delivery.endpointCacheSeconds),
      },
      timeoutSeconds: config.fanOut.timeoutSeconds,
      memoryMb: config.fanOut.memoryMb,
      permissions: [
        allow(['dynamodb:Query', 'dynamodb:BatchWriteItem'], [storage.entities.tableArn]),
        // What a commit has before an event whose record came first.
        allow(['dynamodb:GetItem'], [storage.events.tableArn]),
        // The partner logs.
        allow(['dynamodb:Query', 'dynamodb:UpdateItem'], [storage.deliveries.tableArn]),
        ...deliveryQueues.allowSend(),
        allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], [streamArn]),
        allow(['dynamodb:ListStreams'], [`${storage.events.tableArn}/stream/*`]),
        allow(['s3:PutObject'], [this.failures.arnForObjects('*')]),
        allow(['s3:ListBucket'], [this.failures.bucketArn]),
      ],
    });
    acknowledge(
      fanOut.role ?? fanOut,
      'AwsSolutions-IAM5[Resource::<FanOutFailuresBucket.Arn>/*]',
      'Lambda names the objects of an on-failure destination itself.',
    );
    acknowledge(
      fanOut.role ?? fanOut,
      'AwsSolutions-IAM5[Resource::<EventsTable.Arn>/stream/*]',
      'Listing the streams of this one table, which Lambda asks for, names no stream.',
    );
    return fanOut;
  }

  #mapping({ config: { fanOut }, storage }: FanOutProps): CfnEventSourceMapping {
    const mapping = new CfnEventSourceMapping(this, 'EventsStream', {
      functionName: this.function.functionName,
      eventSourceArn: storage.events.tableStreamArn ?? '',
      startingPosition: 'TRIM_HORIZON',
      batchSize: fanOut.batchSize,
      // With more, Lambda keeps the order within an item only, and each event is an item: a locker's next one could be
      // sent first. Source: Lambda, "Using Lambda with DynamoDB".
      parallelizationFactor: 1,
      functionResponseTypes: ['ReportBatchItemFailures'],
      // Every event is removed once, when its retention ends: that is no news, and need not wake anybody.
      filterCriteria: { filters: [{ pattern: JSON.stringify({ eventName: ['INSERT'] }) }] },
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: fanOut.maxRetryAttempts,
      maximumRecordAgeInSeconds: fanOut.maxRecordAgeSeconds,
      destinationConfig: { onFailure: { destination: this.failures.bucketArn } },
      metricsConfig: { metrics: ['EventCount'] },
    });
    return fixLogicalId(mapping, 'FanOutMapping');
  }

  #alarms({ config }: FanOutProps, mapping: CfnEventSourceMapping): void {
    const ofMapping = { EventSourceMappingUUID: mapping.ref };
    const ofFunction = { FunctionName: this.function.functionName };
    new RunbookAlarm(this, 'FailuresAlarm', {
      config,
      says: 'Fan-out gave up on events: their records are in the failures bucket and reached nobody.',
      anchor: 'fan-out-failures',
      metric: minuteMetric('AWS/Lambda', 'OnFailureDestinationDeliveredEventCount', ofMapping),
    });
    // What goes to the bucket is not among the dropped.
    for (const [metricName, dimensions] of [
      ['DroppedEventCount', ofMapping],
      ['DestinationDeliveryFailures', ofFunction],
    ] as const)
      new RunbookAlarm(this, `${metricName}Alarm`, {
        config,
        says: 'Fan-out gave up on events, and their records did not reach the failures bucket.',
        anchor: 'fan-out-lost',
        metric: minuteMetric('AWS/Lambda', metricName, dimensions),
      });
    for (const metricName of ['EventsQuarantined', 'EndpointsUnreadable'])
      new RunbookAlarm(this, `${metricName}Alarm`, {
        config,
        says: 'Fan-out met events or endpoints that this release does not know: somebody hears nothing.',
        anchor: 'fan-out-unreadable',
        metric: hourly(ownMetric(config, metricName, { service: 'fan-out' })),
      });
    new RunbookAlarm(this, 'IteratorAgeAlarm', {
      config,
      says: 'Fan-out is more than a minute behind the events table.',
      anchor: 'fan-out-iterator-age',
      metric: minuteMetric('AWS/Lambda', 'IteratorAge', ofFunction, 'Maximum'),
      above: 60_000,
      periods: 5,
    });
    // IteratorAge is there only while fan-out is called. What is committed at the end of one period is read in the next one, so
    // that one period says nothing. On a quiet stage only hours have an event each.
    for (const [id, period, periods] of [
      ['NotReadingAlarm', Duration.minutes(5), 3],
      ['NotReadingQuietlyAlarm', Duration.hours(1), 2],
    ] as const)
      new RunbookAlarm(this, id, {
        config,
        says: 'Events are committed, and fan-out does not read their stream: no partner hears of them.',
        anchor: 'fan-out-not-reading',
        metric: this.#unreadEvents(config, period),
        periods,
      });
  }

  /** 1 for a period in which events were committed and fan-out was not called at all, whatever came of its calls. */
  #unreadEvents(config: StageConfig, period: Duration): MathExpression {
    const committed = (service: string) => ownMetric(config, 'EventsCommitted', { service });
    return new MathExpression({
      expression: 'IF((FILL(towers, 0) + FILL(calls, 0) + FILL(time, 0)) > 0 AND FILL(read, 0) == 0, 1, 0)',
      usingMetrics: {
        towers: committed('ingest'),
        calls: committed('api'),
        time: committed('timers'),
        read: minuteMetric('AWS/Lambda', 'Invocations', { FunctionName: this.function.functionName }),
      },
      period,
      label: 'Events, and nobody reads them',
    });
  }
}
