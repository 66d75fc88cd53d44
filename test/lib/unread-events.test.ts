import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');

const AlarmSchema = z.looseObject({
  AlarmDescription: z.string(),
  EvaluationPeriods: z.int(),
  Metrics: z.array(
    z.object({
      Id: z.string(),
      Expression: z.string().optional(),
      MetricStat: z.object({ Metric: z.json(), Period: z.int(), Stat: z.literal('Sum') }).optional(),
    }),
  ),
});

const alarms = stack
  .ofType('AWS::CloudWatch::Alarm')
  .filter(([, { Properties }]) => JSON.stringify(Properties).includes('docs/runbook.md#fan-out-not-reading'))
  .map(([, { Properties }]) => AlarmSchema.parse(Properties));

/** How many periods in a row an alarm asks for, and of how many seconds. */
interface Shape {
  periods: number;
  seconds: number;
}

const shapes = alarms.map(({ EvaluationPeriods: periods, Metrics }): Shape => {
  // CloudWatch takes one period for all metrics of an expression.
  const [seconds = 0] = Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? []);
  return { periods, seconds };
});

/** Whether an alarm of this shape is on at some minute. Times are seconds. */
function isRaised(
  { periods, seconds }: Shape,
  committed: readonly number[],
  read: readonly number[],
): boolean {
  const within = (times: readonly number[], from: number) =>
    times.some((time) => time >= from && time < from + seconds);
  const minutes = Math.ceil((Math.max(0, ...committed, ...read) + seconds) / 60);
  return Array.from({ length: minutes }, (_, minute) => minute * 60).some((now) =>
    Array.from({ length: periods }, (__, index) => now - (index + 1) * seconds).every(
      (from) => within(committed, from) && !within(read, from),
    ),
  );
}

const committedBy = (service: string) => ({
  Namespace: 'Towercast/dev',
  MetricName: 'EventsCommitted',
  Dimensions: [{ Name: 'service', Value: service }],
});

/** For four hours. */
const each = (seconds: number): number[] =>
  Array.from({ length: (4 * 3_600) / seconds }, (_, index) => index * seconds);

describe('the alarms of events that fan-out does not read', () => {
  it('see what each function commits, and whether fan-out is called', () => {
    expect(alarms).toHaveLength(2);
    const expected = new Map<string, unknown>([
      ['towers', committedBy('ingest')],
      ['calls', committedBy('api')],
      ['time', committedBy('timers')],
      [
        'read',
        {
          Namespace: 'AWS/Lambda',
          MetricName: 'Invocations',
          Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'FanOutFunction' } }],
        },
      ],
    ]);
    for (const { Metrics, ...alarm } of alarms) {
      expect(alarm).toMatchObject({ Threshold: 0, TreatMissingData: 'notBreaching' });
      expect(alarm).not.toHaveProperty('DatapointsToAlarm');
      expect(Metrics.flatMap(({ Expression }) => Expression ?? [])).toEqual([
        'IF((FILL(towers, 0) + FILL(calls, 0) + FILL(time, 0)) > 0 AND FILL(read, 0) == 0, 1, 0)',
      ]);
      const stats = Metrics.flatMap(({ Id, MetricStat }) =>
        MetricStat === undefined ? [] : [[Id, MetricStat.Metric] as const],
      );
      expect(new Map(stats)).toEqual(expected);
      expect(new Set(Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? [])).size).toBe(1);
    }
  });

  it.each(['ingest', 'api', 'timers'])('look at what %s counts', (service) => {
    const bundle = readFileSync(path.join(stack.outdir, 'bundles', service, 'index.mjs'), 'utf8');
    expect(bundle.includes('"EventsCommitted"')).toBe(true);
  });

  it('say nothing of events that are read within minutes, whenever they come', () => {
    const event = fc.record({ at: fc.nat(4 * 3_600), delay: fc.nat(290) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const committed = events.map(({ at }) => at);
        const read = events.map(({ at, delay }) => at + delay);
        for (const shape of shapes) expect(isRaised(shape, committed, read)).toBe(false);
      }),
    );
  });

  it('come before the first of them are too old to be read, also where one comes every half hour', () => {
    expect(shapes.map((shape) => isRaised(shape, each(120), []))).toEqual([true, true]);
    expect(shapes.some((shape) => isRaised(shape, each(1_800), []))).toBe(true);
    const { MaximumRecordAgeInSeconds } = stack.get('FanOutMapping').Properties;
    for (const { periods, seconds } of shapes)
      expect(2 * periods * seconds).toBeLessThan(z.number().parse(MaximumRecordAgeInSeconds));
  });
});
