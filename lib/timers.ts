import { Aws } from 'aws-cdk-lib/core';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { CfnEventInvokeConfig, CfnPermission } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { TimersEnvSchema } from '../functions/timers/env.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow, allowSend } from './permissions.ts';
import { minuteMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface TimersProps extends StageProps {
  readonly storage: Storage;
  readonly deliveryQueue: Queue;
}

/** Whatever is due, every minute. */
export class Timers extends Construct {
  readonly function: TypedFunction<typeof TimersEnvSchema>;

  constructor(scope: Construct, id: string, props: TimersProps) {
    super(scope, id);
    this.function = this.#function(props);
    this.#schedule();
    new RunbookAlarm(this, 'ErrorsAlarm', {
      config: props.config,
      says: 'Timers fail: late retries, expiries and ends of grace periods wait.',
      anchor: 'timers-errors',
      metric: minuteMetric('AWS/Lambda', 'Errors', { FunctionName: this.function.functionName }),
      minutes: 3,
    });
  }

  #function(props: TimersProps): TypedFunction<typeof TimersEnvSchema> {
    const { config, storage, deliveryQueue } = props;
    return new TypedFunction(this, 'Function', {
      ...props,
      name: 'timers',
      logicalId: 'TimersFunction',
      description:
        'Sends due deliveries and commits what time itself causes: expiries and ends of grace periods',
      envSchema: TimersEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        EVENTS_TABLE: storage.events.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        DELIVERY_QUEUE_URL: deliveryQueue.queueUrl,
        DUE_SHARDS: String(config.dueShards),
        RETENTION_DAYS: String(config.retentionDays),
        GRACE_HOURS: String(config.graceHours),
        LEASE_SECONDS: String(config.timers.leaseSeconds),
      },
      timeoutSeconds: config.timers.timeoutSeconds,
      memoryMb: config.timers.memoryMb,
      permissions: [
        allow(
          ['dynamodb:Query'],
          [`${storage.entities.tableArn}/index/due`, `${storage.deliveries.tableArn}/index/due`],
        ),
        // Query: a tower's last sign of life tells whether a command expired or its outcome is unknown.
        allow(['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query'], [storage.entities.tableArn]),
        allow(['dynamodb:PutItem'], [storage.events.tableArn]),
        allow(['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], [storage.deliveries.tableArn]),
        allowSend(deliveryQueue.queueArn),
      ],
    });
  }

  #schedule(): void {
    const rule = new CfnRule(this, 'EveryMinute', {
      description: 'Runs timers',
      scheduleExpression: 'rate(1 minute)',
      state: 'ENABLED',
      targets: [{ id: 'timers', arn: this.function.functionArn }],
    });
    fixLogicalId(rule, 'TimersSchedule');
    new CfnPermission(this, 'SchedulePermission', {
      action: 'lambda:InvokeFunction',
      functionName: this.function.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
      sourceAccount: Aws.ACCOUNT_ID,
    });
    const retries = new CfnEventInvokeConfig(this, 'Retries', {
      functionName: this.function.functionName,
      qualifier: '$LATEST',
      // The next minute's run is the retry.
      maximumRetryAttempts: 0,
      maximumEventAgeInSeconds: 60,
    });
    fixLogicalId(retries, 'TimersRetries');
  }
}
