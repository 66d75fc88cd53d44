import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { maxDelaySeconds } from '../../functions/shared/queue.ts';
import { synthesize, synthesizeWith } from './synthesized.ts';

const stack = synthesize('dev');
const runbook = readFileSync(path.join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
/** Text of each section, by its heading. */
const sections = new Map(
  runbook
    .split(/^#+ /m)
    .map(
      (section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n'))] as const,
    ),
);
const alarms = stack.ofType('AWS::CloudWatch::Alarm').map(([id, alarm]) => [id, alarm.Properties] as const);
const watched = alarms.map(([, alarm]) => JSON.stringify(alarm));

describe('alarms', () => {
  it.each(alarms)('%s ends with the section of the runbook that says what to do', (_, alarm) => {
    const [, anchor] =
      / docs\/runbook\.md#([a-z-]+)$/.exec(z.string().parse(alarm['AlarmDescription'])) ?? [];
    const section = sections.get(anchor ?? '') ?? '';
    for (const part of ['**Means.**', '**Look.**', '**Do.**']) expect(section).toContain(part);
  });

  it('each section of the runbook is one that an alarm leads to', () => {
    const leading = watched.join('\n');
    const anchors = [...sections.keys()].filter((heading) => /^[a-z]+(-[a-z]+)+$/.test(heading));
    expect(anchors.length).toBeGreaterThan(20);
    expect(anchors.filter((anchor) => !leading.includes(`docs/runbook.md#${anchor}"`))).toEqual([]);
  });

  it.each(['IngestDlq', 'RuleErrorQueue', 'DeliveryDlq', 'OrderedDeliveryDlq'])(
    // Also while a consumer that fails on them has them in hands, or an operator.
    'messages in %s raise one',
    (queue) => {
      const name = `{"Fn::GetAtt":["${queue}","QueueName"]}`;
      const [raising, ...others] = watched.filter((alarm) => alarm.includes(name));
      expect(raising).toContain('ApproximateNumberOfMessagesVisible');
      expect(raising).toContain('ApproximateNumberOfMessagesNotVisible');
      expect(raising).toContain('"Expression":"visible + inFlight"');
      expect(others).toEqual([]);
    },
  );

  it.each([
    ['ErrorActionFailure', "WHERE RuleName = '"],
    ['RuleNotFound', 'FROM \\"AWS/IoT\\""'],
  ])('the metric %s raises one, whatever dimensions AWS publishes it with', (metric, part) => {
    const query = JSON.stringify(`SELECT SUM(${metric}) FROM "AWS/IoT"`).slice(1, -1);
    expect(watched.filter((alarm) => alarm.includes(query) && alarm.includes(part))).toHaveLength(1);
  });

  it.each(['IteratorAge', 'OnFailureDestinationDeliveredEventCount', 'DroppedEventCount'])(
    'the metric %s raises one',
    (metric) => {
      expect(alarms.filter(([, alarm]) => alarm['MetricName'] === metric)).toHaveLength(1);
    },
  );

  it('what AWS IoT throttles of the rule raises one: no error action hears of it', () => {
    const raising = alarms.filter(([, alarm]) => alarm['MetricName'] === 'RuleMessageThrottled');
    expect(raising.map(([, alarm]) => alarm)).toEqual([
      expect.objectContaining({
        Namespace: 'AWS/IoT',
        Dimensions: [{ Name: 'RuleName', Value: { Ref: 'TowerRule' } }],
        Statistic: 'Sum',
        Threshold: 0,
      }),
    ]);
    expect(raising[0]?.[1]['AlarmDescription']).toContain('docs/runbook.md#ingest-lost');
  });

  it.each([
    ['AsyncEventsDropped', 'IngestFunction', 'ingest-dlq'],
    ['DestinationDeliveryFailures', 'IngestFunction', 'ingest-lost'],
    ['DestinationDeliveryFailures', 'FanOutFunction', 'fan-out-lost'],
  ])('%s of %s raises one: what it gave up on may be nowhere', (metric, id, anchor) => {
    const raising = alarms.filter(
      ([, { MetricName, Dimensions }]) =>
        MetricName === metric && JSON.stringify(Dimensions).includes(`{"Ref":"${id}"}`),
    );
    expect(raising.map(([, alarm]) => alarm)).toEqual([
      expect.objectContaining({ Namespace: 'AWS/Lambda', Threshold: 0 }),
    ]);
    expect(raising[0]?.[1]['AlarmDescription']).toContain(`docs/runbook.md#${anchor}`);
  });

  it('gaps raise one that lasts from one heartbeat to the next', () => {
    const [, gaps] = alarms.find(([, alarm]) => alarm['MetricName'] === 'OldestGapSeconds') ?? [];
    expect(gaps).toMatchObject({ Period: 3_600, EvaluationPeriods: 1, Threshold: 1_800 });
  });

  it.each([
    'MessagesQuarantined',
    'EventsQuarantined',
    'EndpointsUnreadable',
    'TasksQuarantined',
    'DeliveriesRescheduled',
    'DeliveriesHeldUnasked',
    'DeliveriesDead',
    'EndpointsDisabled',
  ])('%s raise one that does not end and come again with each of them', (metric) => {
    const raising = alarms.filter(([, { MetricName }]) => MetricName === metric);
    expect(raising).not.toEqual([]);
    for (const [, alarm] of raising)
      expect(alarm).toMatchObject({ Statistic: 'Sum', Period: 3_600, EvaluationPeriods: 1, Threshold: 0 });
  });

  it.each([
    ['Errors', 'TimersFunction'],
    ['FirstAttemptsLate', 'deliver'],
    ['OldestEntityDueSeconds', 'timers'],
    ['OldestUndeliveredSeconds', 'timers'],
    ['BreakersOpenLong', 'timers'],
  ])('%s of %s in three of five minutes raise one: not all have a run, or an event', (metric, of) => {
    const raising = alarms.filter(
      ([, { MetricName, Dimensions }]) =>
        MetricName === metric && JSON.stringify(Dimensions).includes(`"${of}"`),
    );
    expect(raising.map(([, alarm]) => alarm)).toEqual([
      expect.objectContaining({ EvaluationPeriods: 5, DatapointsToAlarm: 3, Period: 60 }),
    ]);
  });

  it('a backlog that does not drain for an hour raises one, though some minutes have no run', () => {
    const [, age] = alarms.find(([, alarm]) => alarm['MetricName'] === 'OldestDrainingSeconds') ?? [];
    expect(age).toMatchObject({ Statistic: 'Maximum', Period: 300, EvaluationPeriods: 12 });
    expect(age).not.toHaveProperty('DatapointsToAlarm');
  });

  it.each([
    ['MessagesQuarantined', 'ingest'],
    ['DeliveriesDead', 'deliver'],
    ['DeliveriesDead', 'dead-letter'],
    ['DeliveriesDead', 'timers'],
    ['DeliveriesHeldUnasked', 'deliver'],
    ['FirstAttemptsLate', 'deliver'],
    ['TasksFailed', 'deliver'],
    ['DeliveriesRescheduled', 'dead-letter'],
    ['LaneTasksHeldUp', 'deliver'],
    ['LanesStuck', 'deliver'],
    ['TasksQuarantined', 'dead-letter'],
    ['EventsQuarantined', 'fan-out'],
    ['EndpointsUnreadable', 'fan-out'],
    ['OldestGapSeconds', 'ingest'],
    ['BreakersOpenLong', 'timers'],
    ['EndpointsDisabled', 'timers'],
    ['OldestUndeliveredSeconds', 'timers'],
    ['OldestDrainingSeconds', 'timers'],
    ['OldestEntityDueSeconds', 'timers'],
  ])('our own metric %s of %s raises one', (MetricName, service) => {
    const raising = alarms.filter(
      ([, alarm]) =>
        alarm['MetricName'] === MetricName &&
        JSON.stringify(alarm['Dimensions']).includes(`{"Name":"service","Value":"${service}"}`),
    );
    expect(raising.map(([, alarm]) => alarm)).toEqual([
      expect.objectContaining({ Namespace: 'Towercast/dev' }),
    ]);
    // Nobody but this test holds the name in the code and the name in the alarm together.
    const bundle = readFileSync(path.join(stack.outdir, 'bundles', service, 'index.mjs'), 'utf8');
    expect(bundle).toContain(`"${MetricName}"`);
  });

  it.each(['DeliveryQueue', 'SlowDeliveryQueue', 'OrderedDeliveryQueue'])(
    'old messages in %s raise one',
    (queue) => {
      const raising = alarms.filter(
        ([, { MetricName, Dimensions }]) =>
          MetricName === 'ApproximateAgeOfOldestMessage' && JSON.stringify(Dimensions).includes(`"${queue}"`),
      );
      expect(raising).toHaveLength(1);
    },
  );

  it('what is delayed on the queue of the slow, or given again, is not old yet', () => {
    const [, age] =
      alarms.find(
        ([, { MetricName, Dimensions }]) =>
          MetricName === 'ApproximateAgeOfOldestMessage' &&
          JSON.stringify(Dimensions).includes('"SlowDeliveryQueue"'),
      ) ?? [];
    const { VisibilityTimeout, RedrivePolicy } = stack.get('SlowDeliveryQueue').Properties;
    const { maxReceiveCount } = z.looseObject({ maxReceiveCount: z.number() }).parse(RedrivePolicy);
    const explained = maxDelaySeconds + maxReceiveCount * z.number().parse(VisibilityTimeout);
    expect(z.number().parse(age?.['Threshold'])).toBeGreaterThan(explained);
  });

  it('what holds up its lane is tried more often than its alarm looks', () => {
    const [, held] = alarms.find(([, alarm]) => alarm['MetricName'] === 'LaneTasksHeldUp') ?? [];
    const { VisibilityTimeout } = stack.get('OrderedDeliveryQueue').Properties;
    expect(z.number().parse(held?.['Period'])).toBeGreaterThan(z.number().parse(VisibilityTimeout));
  });

  it('what is overdue raises one where its endpoint takes deliveries: where not, its breaker does', () => {
    const [overdue] = alarms.find(([, alarm]) => alarm['MetricName'] === 'OldestUndeliveredSeconds') ?? [];
    const { Dimensions, Statistic } = stack.get(overdue ?? '').Properties;
    expect(Dimensions).toContainEqual({ Name: 'endpointClass', Value: 'healthy' });
    expect(Statistic).toBe('Maximum');
  });

  it('timers that do not run raise one, for then there is nothing to see', () => {
    expect(alarms.filter(([, alarm]) => alarm['MetricName'] === 'Invocations')).toMatchObject([
      [
        expect.stringContaining('Timers'),
        { ComparisonOperator: 'LessThanThreshold', Threshold: 1, TreatMissingData: 'breaching' },
      ],
    ]);
  });

  it.each(stack.ofType('AWS::Lambda::Function').map(([id]) => id))(
    '%s failing or throttled raises one',
    (id) => {
      for (const metric of ['Errors', 'Throttles']) {
        const raising = alarms.filter(
          ([, alarm]) =>
            alarm['MetricName'] === metric && JSON.stringify(alarm['Dimensions']).includes(`"${id}"`),
        );
        expect(raising).toHaveLength(1);
      }
    },
  );

  it('look at nothing that another stage of the account counts, nor does the dashboard, nor do functions count there', () => {
    const functions = stack
      .ofType('AWS::Lambda::Function')
      .map(([, { Properties }]) => Properties['Environment']);
    for (const environment of functions)
      expect(environment).toMatchObject({ Variables: { POWERTOOLS_METRICS_NAMESPACE: 'Towercast/dev' } });
    const metrics = [...watched, JSON.stringify(stack.get('OperationsDashboard').Properties)].join('\n');
    expect(new Set(metrics.match(/(?<=")Towercast[/a-z]*(?=\\?")/g))).toEqual(new Set(['Towercast/dev']));
  });

  it('report to the topic of the stage, if it has one', () => {
    const alarmTopicArn = 'arn:aws:sns:eu-central-1:123456789012:on-call';
    const reporting = synthesizeWith('dev', { overrides: { alarmTopicArn } }).ofType(
      'AWS::CloudWatch::Alarm',
    );
    for (const [, alarm] of reporting)
      expect(alarm.Properties).toMatchObject({ AlarmActions: [alarmTopicArn], OKActions: [alarmTopicArn] });
    for (const [, alarm] of alarms) expect(alarm).not.toHaveProperty('AlarmActions');
  });

  it.each([
    ['prod', {}, ['Alarms tell nobody: set alarmTopicArn. See "Deploy" in README.md.']],
    ['prod', { alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:on-call' }, []],
    ['local', {}, []],
  ] as const)('are missed by nobody without a word when %s has %j', (stage, overrides, said) => {
    const warnings: unknown[] = [];
    synthesizeWith(stage, {
      overrides,
      plant: ({ node }) => {
        for (const { type, data } of node.metadata) if (type === 'aws:cdk:warning') warnings.push(data);
      },
    });
    expect(warnings).toEqual(said.map((text) => `${text} [ack: towercast:alarmTopic]`));
  });
});
