import { Aws } from 'aws-cdk-lib/core';
import { CfnPolicy, CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnEventInvokeConfig, CfnPermission } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { IngestEnvSchema } from '../functions/ingest/env.ts';
import { acknowledge } from './checks.ts';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow, allowSend } from './permissions.ts';
import { createQueue } from './queue.ts';
import {
  hourly,
  messagesKeptIn,
  minuteMetric,
  minuteSumOfAll,
  ownMetric,
  RunbookAlarm,
} from './runbook-alarm.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface IngestProps extends StageProps {
  readonly storage: Storage;
}

/** A payload that isn't JSON reaches the function whole: `*` would drop it, and its error action knows no reason. */
const ruleSql = `SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, \
timestamp() AS receivedAt, traceid() AS traceId FROM 'towers/+/events'`;

/** From a tower's publication to the commit of its events: IoT rule and policy, function, and where failures rest. */
export class Ingest extends Construct {
  readonly function: TypedFunction<typeof IngestEnvSchema>;
  readonly rule: CfnTopicRule;
  readonly towerPolicy: CfnPolicy;
  readonly dlq: Queue;
  readonly ruleErrors: Queue;

  constructor(scope: Construct, id: string, props: IngestProps) {
    super(scope, id);
    const { config } = props;
    this.dlq = createQueue(this, 'IngestDlq', { config });
    this.ruleErrors = createQueue(this, 'RuleErrorQueue', { config });
    this.function = this.#function(props);
    this.#retries(config);
    this.rule = this.#rule(`towercast_${config.stage}`);
    this.towerPolicy = this.#towerPolicy(this.rule, `towercast_${config.stage}_tower`);
    this.#alarms(props);
  }

  #function(props: IngestProps): TypedFunction<typeof IngestEnvSchema> {
    const { config, storage } = props;
    const ingest = new TypedFunction(this, 'Function', {
      ...props,
      name: 'ingest',
      logicalId: 'IngestFunction',
      description: 'Validates tower messages and commits state and events in one transaction',
      envSchema: IngestEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        EVENTS_TABLE: storage.events.tableName,
        DUE_SHARDS: String(config.dueShards),
        GRACE_HOURS: String(config.graceHours),
        RETENTION_DAYS: String(config.retentionDays),
      },
      timeoutSeconds: config.ingest.timeoutSeconds,
      memoryMb: config.ingest.memoryMb,
      permissions: [
        allow(
          ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem'],
          [storage.entities.tableArn],
        ),
        allow(['dynamodb:PutItem'], [storage.events.tableArn]),
        allow(['iot:Publish'], [topicArn('towers/*/commands'), topicArn('towers/*/acks')]),
        allowSend(this.dlq.queueArn),
      ],
    });
    for (const down of ['commands', 'acks'])
      acknowledge(
        ingest.role ?? ingest,
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:topic/towers/*/${down}]`,
        'It answers every tower of the network, and towers come and go without a deployment.',
      );
    return ingest;
  }

  /** The rule invokes asynchronously, so that its error action never sees an exception in the function. */
  #retries({ ingest }: StageConfig): void {
    fixLogicalId(
      new CfnEventInvokeConfig(this, 'Retries', {
        functionName: this.function.functionName,
        qualifier: '$LATEST',
        maximumRetryAttempts: ingest.maxRetries,
        maximumEventAgeInSeconds: ingest.maxEventAgeSeconds,
        destinationConfig: { onFailure: { destination: this.dlq.queueArn } },
      }),
      'IngestRetries',
    );
  }

  #rule(ruleName: string): CfnTopicRule {
    const role = new Role(this, 'RuleErrorRole', {
      assumedBy: new ServicePrincipal('iot.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
      inlinePolicies: { Least: new PolicyDocument({ statements: [allowSend(this.ruleErrors.queueArn)] }) },
    });
    const rule = new CfnTopicRule(this, 'TowerRule', {
      // Named, because towers that use Basic Ingest have it in their firmware.
      ruleName,
      topicRulePayload: {
        description: 'Hands every publication of every tower to ingest, whatever its bytes are',
        awsIotSqlVersion: '2016-03-23',
        sql: ruleSql,
        ruleDisabled: false,
        actions: [{ lambda: { functionArn: this.function.functionArn } }],
        errorAction: {
          sqs: { queueUrl: this.ruleErrors.queueUrl, roleArn: role.roleArn, useBase64: false },
        },
      },
    });
    fixLogicalId(rule, 'TowerRule');
    new CfnPermission(this, 'RulePermission', {
      action: 'lambda:InvokeFunction',
      functionName: this.function.functionArn,
      principal: 'iot.amazonaws.com',
      sourceArn: rule.attrArn,
      sourceAccount: Aws.ACCOUNT_ID,
    });
    return rule;
  }

  /** A tower may connect, publish and subscribe under its own thing name only. */
  #towerPolicy(rule: CfnTopicRule, policyName: string): CfnPolicy {
    const tower = '${iot:Connection.Thing.ThingName}';
    const policy = new CfnPolicy(this, 'TowerPolicy', {
      policyName,
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          iotStatement('iot:Connect', [iotArn('client', tower)], {
            Bool: { 'iot:Connection.Thing.IsAttached': 'true' },
          }),
          iotStatement('iot:Publish', [
            topicArn(`towers/${tower}/events`),
            topicArn(`$aws/rules/${rule.ref}/towers/${tower}/events`),
          ]),
          iotStatement('iot:Subscribe', [
            iotArn('topicfilter', `towers/${tower}/commands`),
            iotArn('topicfilter', `towers/${tower}/acks`),
          ]),
          iotStatement('iot:Receive', [
            topicArn(`towers/${tower}/commands`),
            topicArn(`towers/${tower}/acks`),
          ]),
        ],
      },
    });
    return fixLogicalId(policy, 'TowerPolicy');
  }

  #alarms({ config }: IngestProps): void {
    const own = { FunctionName: this.function.functionName };
    new RunbookAlarm(this, 'DlqAlarm', {
      config,
      says: 'Tower messages that ingest gave up on wait in the ingest DLQ.',
      anchor: 'ingest-dlq',
      metric: messagesKeptIn(this.dlq),
    });
    // The queue's own alarm goes on while old messages lie there: that more have come, it does not say.
    new RunbookAlarm(this, 'DroppedAlarm', {
      config,
      says: 'Ingest gave up on tower messages: they are in the ingest DLQ.',
      anchor: 'ingest-dlq',
      metric: minuteMetric('AWS/Lambda', 'AsyncEventsDropped', own),
    });
    new RunbookAlarm(this, 'LostAlarm', {
      config,
      says: 'Tower messages that ingest gave up on did not reach the ingest DLQ: they are lost.',
      anchor: 'ingest-lost',
      metric: minuteMetric('AWS/Lambda', 'DestinationDeliveryFailures', own),
    });
    new RunbookAlarm(this, 'RuleThrottledAlarm', {
      config,
      says: 'AWS IoT throttled the rule: tower messages that it had acknowledged are lost.',
      anchor: 'ingest-lost',
      metric: minuteMetric('AWS/IoT', 'RuleMessageThrottled', { RuleName: this.rule.ref }),
    });
    new RunbookAlarm(this, 'RuleErrorsAlarm', {
      config,
      says: 'Tower messages that the IoT rule could not hand over wait in the rule error queue.',
      anchor: 'ingest-rule-errors',
      metric: messagesKeptIn(this.ruleErrors),
    });
    new RunbookAlarm(this, 'ErrorActionAlarm', {
      config,
      says: 'The error action of the IoT rule failed: tower messages are lost.',
      anchor: 'ingest-error-action-failure',
      metric: minuteSumOfAll('AWS/IoT', 'ErrorActionFailure', `RuleName = '${this.rule.ref}'`),
    });
    new RunbookAlarm(this, 'RuleNotFoundAlarm', {
      config,
      says: 'Towers publish to the IoT rule by Basic Ingest and it is not there: tower messages are lost.',
      anchor: 'ingest-rule-not-found',
      // Under the name that was not found, whatever it is.
      metric: minuteSumOfAll('AWS/IoT', 'RuleNotFound'),
    });
    new RunbookAlarm(this, 'QuarantineAlarm', {
      config,
      says: 'Tower messages that can never be valid were quarantined.',
      anchor: 'ingest-quarantine',
      metric: hourly(ownMetric(config, 'MessagesQuarantined', { service: 'ingest' })),
    });
    new RunbookAlarm(this, 'GapsAlarm', {
      config,
      says: 'A tower has not sent again what is missing of its messages, for half an hour of asking.',
      anchor: 'ingest-gaps',
      // A tower tells of its gaps only by heartbeats and arrays: between those the alarm must not end.
      metric: hourly(ownMetric(config, 'OldestGapSeconds', { service: 'ingest' }, 'Maximum')),
      above: 1_800,
    });
  }
}

const iotArn = (type: string, name: string): string =>
  `arn:${Aws.PARTITION}:iot:${Aws.REGION}:${Aws.ACCOUNT_ID}:${type}/${name}`;

const topicArn = (topic: string): string => iotArn('topic', topic);

const iotStatement = (action: string, resources: readonly string[], condition?: Record<string, unknown>) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resources,
  ...(condition === undefined ? {} : { Condition: condition }),
});
