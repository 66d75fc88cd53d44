import * as z from 'zod';
import { StartError } from './start-error.ts';

/** Properties of AWS::Events::Rule with a schedule and Lambda targets. */
export const ScheduleSchema = z.strictObject({
  Name: z.string().optional(),
  Description: z.string().optional(),
  ScheduleExpression: z.string(),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  Targets: z.array(z.strictObject({ Id: z.string(), Arn: z.string() })).min(1),
});

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Milliseconds of `rate(1 minute)`. Throws StartError for a cron expression. */
export function rateMs(expression: string): number {
  const { count, unit } = /^rate\((?<count>\d+) (?<unit>minute|hour|day)s?\)$/.exec(expression)?.groups ?? {};
  const milliseconds = Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  if (milliseconds > 0) return milliseconds;
  throw new StartError(
    'schedule_expression',
    `the template schedules with ${expression}, which the local stack can't run: see local/schedule.ts`,
  );
}

/** Fires now, so that what came due while nothing ran is picked up, and then at the rate. */
export function startSchedule(expression: string, fire: () => void): { stop: () => void } {
  const timer = setInterval(fire, rateMs(expression));
  fire();
  return { stop: () => clearInterval(timer) };
}

/** The event that EventBridge sends to its targets. Source: EventBridge, "Events". */
export const scheduledEvent = (ruleArn: string, id: string, now: Date, account: string, region: string) => ({
  version: '0',
  id,
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account,
  time: now.toISOString().replace(/\.\d+Z$/, 'Z'),
  region,
  resources: [ruleArn],
  detail: {},
});
