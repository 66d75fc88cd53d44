import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');

/** The body with a logical id in the place of each reference. */
const BodySchema = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.json())]) });
const joined = BodySchema.parse(stack.get('OperationsDashboard').Properties['DashboardBody']);
const body = joined['Fn::Join'][1]
  .map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', "'")))
  .join('');

const WidgetSchema = z.object({
  type: z.string(),
  properties: z.object({
    title: z.string().optional(),
    markdown: z.string().optional(),
    alarms: z.array(z.string()).optional(),
    metrics: z.array(z.array(z.json())).optional(),
  }),
});
const { widgets } = z.object({ widgets: z.array(WidgetSchema) }).parse(JSON.parse(body));
const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []);
const own = metrics.filter(([namespace]) => namespace === 'Towercast/dev');

const dimensionsOf = (metric: readonly unknown[]): Map<string, string> => {
  const pairs = z.array(z.string()).parse(metric.slice(2).filter((part) => typeof part === 'string'));
  return new Map(pairs.flatMap((name, index) => (index % 2 === 0 ? [[name, pairs[index + 1] ?? '']] : [])));
};

describe('the dashboard', () => {
  it('shows the state of every alarm', () => {
    const shown = widgets.flatMap(({ properties }) => properties.alarms ?? []);
    expect(shown).toHaveLength(stack.ofType('AWS::CloudWatch::Alarm').length);
  });

  it('has a row for each stage, in the order of an event’s way', () => {
    expect(widgets.flatMap(({ properties }) => properties.markdown ?? [])).toEqual(
      ['Ingest', 'Fan-out', 'Delivery', 'Endpoints', 'Timers', 'API'].map((stage) => `## ${stage}`),
    );
  });

  it.each(own.map((metric) => [z.string().parse(metric[1]), dimensionsOf(metric)] as const))(
    'shows %s under dimensions that its function counts it with',
    (name, dimensions) => {
      const service = z.string().parse(dimensions.get('service'));
      const bundle = readFileSync(path.join(stack.outdir, 'bundles', service, 'index.mjs'), 'utf8');
      expect(bundle).toContain(`"${name}"`);
      for (const dimension of Array.from(dimensions.keys()).filter((key) => key !== 'service'))
        expect(bundle).toContain(`"${dimension}"`);
    },
  );

  it('asks what operators ask', () => {
    expect(own.map(([, name]) => name)).toEqual(
      expect.arrayContaining([
        'EventsCommitted',
        'EventsFannedOut',
        'DeliveriesDelivered',
        'DeliveriesDead',
        'PublishToReceiptMs',
        'OldestUndeliveredSeconds',
        'BreakersOpen',
        'GapsDetected',
        'MessagesQuarantined',
      ]),
    );
  });
});

describe('metrics of our own', () => {
  it('have no dimension with as many values as there are towers, endpoints or partners', () => {
    const alarms = stack.ofType('AWS::CloudWatch::Alarm').map(([, alarm]) => alarm.Properties);
    const NamesSchema = z.array(z.object({ Name: z.string() }));
    const inAlarms = alarms
      .filter((alarm) => alarm['Namespace'] === 'Towercast/dev')
      .flatMap((alarm) => NamesSchema.parse(alarm['Dimensions']).map(({ Name }) => Name));
    const inGraphs = own.flatMap((metric) => Array.from(dimensionsOf(metric).keys()));
    expect(new Set([...inAlarms, ...inGraphs])).toEqual(new Set(['service', 'endpointClass']));
  });
});
