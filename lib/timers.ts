import { Aws, Duration } from 'aws-cdk-lib/core';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { CfnEventInvokeConfig, CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { TimersEnvSchema } from '../functions/timers/env.ts';
import type { DeliveryQueues } from './delivery-queues.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow } from './permissions.ts';
import { hourly, minuteMetric, ownMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface TimersProps extends StageProps {
  readonly storage: Storage;
  readonly deliveryQueues: DeliveryQueues;
}

/** Whatever is due, every minute. */
export class Timers extends Construct {
  readonly function: TypedFunction<typeof TimersEnvSchema>;

  constructor(scope: Construct, id: string, props: TimersProps) {
    super(scope, id);
    this.function = this.#function(props);
    this.#schedule();
    this.#alarms(props);
  }

  #alarms({ config }: TimersProps): void {
    const own = { FunctionName: this.function.functionName };
    const service = { service: 'timers' };
    new RunbookAlarm(this, 'ErrorsAlarm', {
      config,
      says: 'Timers fail: late retries, expiries and ends of grace periods wait.',
      anchor: 'timers-errors',
      metric: minuteMetric('AWS/Lambda', 'Errors', own),
      // It runs once a minute, and some minutes hold no run, or two.
      periods: 5,
      atLeast: 3,
    });
    new RunbookAlarm(this, 'NotRunningAlarm', {
      config,
      says: 'Timers do not run: late retries, expiries, ends of grace periods and backlogs wait.',
      anchor: 'timers-not-running',
      metric: minuteMetric('AWS/Lambda', 'Invocations', own),
      below: 1,
      periods: 5,
    });
    new RunbookAlarm(this, 'EntitiesLateAlarm', {
      config,
      says: 'Expiries, ends of grace periods and time slots are overdue for more than five minutes.',
      anchor: 'timers-entities-late',
      metric: ownMetric(config, 'OldestEntityDueSeconds', service, 'Maximum'),
      above: 300,
      // Some minutes hold no run.
      periods: 5,
      atLeast: 3,
    });
    new RunbookAlarm(this, 'OldestUndeliveredAlarm', {
      config,
      says: 'Retries to endpoints that take deliveries are overdue for a quarter of an hour.',
      anchor: 'delivery-oldest-undelivered',
      metric: ownMetric(
        config,
        'OldestUndeliveredSeconds',
        { ...service, endpointClass: 'healthy' },
        'Maximum',
      ),
      above: 900,
      // Some minutes hold no run.
      periods: 5,
      atLeast: 3,
    });
    new RunbookAlarm(this, 'BreakersOpenAlarm', {
      config,
      says: 'An endpoint has failed for more than an hour: its deliveries wait for it.',
      anchor: 'delivery-breaker-open',
      metric: ownMetric(config, 'BreakersOpenLong', service, 'Maximum'),
      periods: 5,
      atLeast: 3,
    });
    new RunbookAlarm(this, 'BacklogAgeAlarm', {
      config,
      says: 'Parked deliveries of a day ago wait for an endpoint that takes requests: its backlog does not drain.',
      anchor: 'delivery-backlog-age',
      // Some minutes hold no run; no five do.
      metric: ownMetric(config, 'OldestDrainingSeconds', service, 'Maximum').with({
        period: Duration.minutes(5),
      }),
      above: 86_400,
      periods: 12,
    });
    new RunbookAlarm(this, 'EndpointsDisabledAlarm', {
      config,
      says: 'An endpoint was switched off, since it failed for days: its deliveries are held.',
      anchor: 'delivery-endpoint-disabled',
      metric: hourly(ownMetric(config, 'EndpointsDisabled', service)),
    });
  }

  #function(props: TimersProps): TypedFunction<typeof TimersEnvSchema> {
    const { config, storage, deliveryQueues } = props;
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
        ...deliveryQueues.env,
        DUE_SHARDS: String(config.dueShards),
        RETENTION_DAYS: String(config.retentionDays),
        GRACE_HOURS: String(config.graceHours),
        LEASE_SECONDS: String(config.timers.leaseSeconds),
        CATCH_UP_PER_SECOND: String(config.timers.catchUpPerSecond),
        DRAIN_PER_SECOND: String(config.timers.drainPerSecond),
        DISABLE_AFTER_HOURS: String(config.timers.disableAfterHours),
        OPERATOR_PARTNER_ID: config.operatorPartnerId,
        REDRIVE_SETTLE_SECONDS: String(config.redrive.settleSeconds),
        REDRIVE_MAX_PER_SECOND: String(config.redrive.maxPerSecond),
      },
      timeoutSeconds: config.timers.timeoutSeconds,
      memoryMb: config.timers.memoryMb,
      permissions: [
        allow(
          ['dynamodb:Query'],
          [`${storage.entities.tableArn}/index/due`, `${storage.deliveries.tableArn}/index/due`],
        ),
        // Query: a tower's last sign of life tells whether a command expired or its outcome is unknown. ConditionCheckItem: an
        // endpoint is switched off only while its health is as bad as it was read.
        allow(
          [
            'dynamodb:BatchGetItem',
            'dynamodb:ConditionCheckItem',
            'dynamodb:GetItem',
            'dynamodb:PutItem',
            'dynamodb:Query',
            'dynamodb:UpdateItem',
          ],
          [storage.entities.tableArn],
        ),
        // A due delivery's event is sent again from there.
        allow(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem'], [storage.events.tableArn]),
        // Leases are PartiQL: 25 in one request, each under its own condition. Query: what redrives send again. GetItem,
        // PutItem, DeleteItem: what can't be sent any more is given up, and its lane goes on.
        allow(
          [
            'dynamodb:BatchGetItem',
            'dynamodb:PartiQLUpdate',
            'dynamodb:Query',
            'dynamodb:UpdateItem',
            'dynamodb:GetItem',
            'dynamodb:PutItem',
            'dynamodb:DeleteItem',
          ],
          [storage.deliveries.tableArn],
        ),
        ...deliveryQueues.allowSend(),
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
