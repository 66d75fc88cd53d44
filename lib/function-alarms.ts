import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { StageConfig } from './config.ts';
import { minuteMetric, RunbookAlarm } from './runbook-alarm.ts';

export interface FunctionAlarmsProps {
  readonly config: StageConfig;
  /** By the name of their stage. */
  readonly functions: Readonly<Record<string, LambdaFunction>>;
  /** Those whose stage has an alarm of its own for what they throw. */
  readonly watchedAlready: readonly LambdaFunction[];
}

/** What goes wrong in every function alike, for longer than its retries explain. */
export class FunctionAlarms extends Construct {
  constructor(scope: Construct, id: string, { config, functions, watchedAlready }: FunctionAlarmsProps) {
    super(scope, id);
    for (const [name, fn] of Object.entries(functions)) {
      const dimensions = { FunctionName: fn.functionName };
      if (!watchedAlready.includes(fn))
        new RunbookAlarm(this, `${name}-errors`, {
          config,
          says: `The function ${name} goes on failing.`,
          anchor: 'function-errors',
          metric: minuteMetric('AWS/Lambda', 'Errors', dimensions),
          periods: 5,
        });
      new RunbookAlarm(this, `${name}-throttles`, {
        config,
        says: `The function ${name} is throttled: the account has no concurrency left for it.`,
        anchor: 'function-throttles',
        metric: minuteMetric('AWS/Lambda', 'Throttles', dimensions),
        periods: 5,
      });
    }
  }
}
