import { Duration } from 'aws-cdk-lib/core';
import {
  Alarm,
  type AlarmActionConfig,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { StageConfig } from './config.ts';

export interface RunbookAlarmProps {
  readonly config: StageConfig;
  /** What is wrong, for whoever is woken by it. */
  readonly says: string;
  /** The section of docs/runbook.md that says what to do. */
  readonly anchor: string;
  readonly metric: IMetric;
  /** Fires above this. 0 by default. */
  readonly above?: number;
  /** Fires below this instead, and when there is nothing to see. */
  readonly below?: number;
  /** How many of the metric's periods are looked at: minutes, as a rule. 1 by default. */
  readonly periods?: number;
  /** In how many of those it must be above. All by default. */
  readonly atLeast?: number;
}

/** An alarm whose description leads to what to do about it. Reports to the stage's topic, if it has one. */
export class RunbookAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: RunbookAlarmProps) {
    super(scope, id, {
      alarmDescription: `${props.says} docs/runbook.md#${props.anchor}`,
      metric: props.metric,
      ...(props.below === undefined
        ? {
            comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold: props.above ?? 0,
            treatMissingData: TreatMissingData.NOT_BREACHING,
          }
        : {
            comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold: props.below,
            treatMissingData: TreatMissingData.BREACHING,
          }),
      evaluationPeriods: props.periods ?? 1,
      ...(props.atLeast !== undefined && { datapointsToAlarm: props.atLeast }),
    });
    const { alarmTopicArn } = props.config;
    if (alarmTopicArn !== undefined) {
      const action: AlarmActionConfig = { alarmActionArn: alarmTopicArn };
      this.addAlarmAction({ bind: () => action });
      this.addOkAction({ bind: () => action });
    }
  }
}

/** A metric by the minute. `statistic` is CloudWatch's name for it; the sum by default. */
export function minuteMetric(
  namespace: string,
  metricName: string,
  dimensionsMap: Record<string, string>,
  statistic: 'Sum' | 'Maximum' | 'p50' | 'p99' = 'Sum',
): Metric {
  return new Metric({ namespace, metricName, dimensionsMap, statistic, period: Duration.minutes(1) });
}

/** Of the metrics that our functions count: two stages of one account must not wake each other's operators. */
export const metricNamespaceOf = ({ stage }: Pick<StageConfig, 'stage'>): string => `Towercast/${stage}`;

/** What a function of ours counts, by the minute. `service` is the function's folder. */
export const ownMetric = (
  config: Pick<StageConfig, 'stage'>,
  metricName: string,
  dimensions: { service: string } & Record<string, string>,
  statistic: 'Sum' | 'Maximum' | 'p50' | 'p99' = 'Sum',
): Metric => minuteMetric(metricNamespaceOf(config), metricName, dimensions, statistic);

/**
 * The same by the hour, for what happens now and then: its alarm comes within minutes all the same, and lasts from one time to
 * the next, so that it tells of trouble that goes on once and not every few minutes.
 */
export const hourly = (metric: Metric): Metric => metric.with({ period: Duration.hours(1) });

/**
 * Messages that are in a queue, those included that somebody has in hands: a consumer that fails each time keeps them there,
 * all but a moment of every visibility timeout, and so does an operator who puts them back one by one.
 */
export const messagesKeptIn = (queue: Queue): MathExpression =>
  new MathExpression({
    expression: 'visible + inFlight',
    usingMetrics: {
      visible: messagesIn(queue),
      inFlight: minuteMetric(
        'AWS/SQS',
        'ApproximateNumberOfMessagesNotVisible',
        { QueueName: queue.queueName },
        'Maximum',
      ),
    },
    period: Duration.minutes(1),
    label: 'Messages in the queue or in flight',
  });

/** Seconds since the oldest message of a queue was sent. */
export const oldestIn = (queue: Queue): Metric =>
  minuteMetric('AWS/SQS', 'ApproximateAgeOfOldestMessage', { QueueName: queue.queueName }, 'Maximum');

/** Messages that wait in a queue. */
export const messagesIn = (queue: Queue): Metric =>
  minuteMetric('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: queue.queueName }, 'Maximum');

/**
 * A sum over every set of dimensions that a metric is published with, by CloudWatch Metrics Insights: for metrics of
 * AWS whose dimensions differ by action type. `where` is its condition.
 */
export const minuteSumOfAll = (namespace: string, metricName: string, where?: string): MathExpression =>
  new MathExpression({
    expression: `SELECT SUM(${metricName}) FROM "${namespace}"${where === undefined ? '' : ` WHERE ${where}`}`,
    period: Duration.minutes(1),
    label: metricName,
  });
