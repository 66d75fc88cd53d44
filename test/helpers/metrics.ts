import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

/** A metric as CloudWatch tells it from others: `service=deliver` or `endpointClass=healthy service=timers`. */
export interface MetricName {
  namespace: string;
  name: string;
  dimensions: string;
}

export interface EmittedMetric extends MetricName {
  unit: string;
}

const dimensionsText = (dimensions: readonly (readonly [string, string])[]): string =>
  dimensions
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ');

const ValueSchema = z.union([z.number(), z.array(z.number()).min(1)]);
const EmfSchema = z
  .looseObject({
    _aws: z.object({
      CloudWatchMetrics: z.array(
        z.object({
          Namespace: z.string(),
          Dimensions: z.array(z.array(z.string())),
          Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
        }),
      ),
    }),
  })
  .transform(({ _aws: { CloudWatchMetrics: directives }, ...values }) => ({ directives, values }));

/**
 * What CloudWatch makes of a line: one metric for each set of dimensions. Throws for a metric or dimension without a value,
 * which CloudWatch would leave out. Source: "Specification: Embedded metric format".
 */
export function metricsOfLine(line: string): EmittedMetric[] {
  const { directives, values } = EmfSchema.parse(JSON.parse(line));
  return directives.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name: name, Unit: unit }) => {
      ValueSchema.parse(values[name]);
      return Dimensions.map((names) => ({
        namespace,
        name,
        unit,
        dimensions: dimensionsText(names.map((one) => [one, z.string().min(1).parse(values[one])])),
      }));
    }),
  );
}

const ResourceSchema = z.object({ Type: z.string(), Properties: z.record(z.string(), z.json()).default({}) });

/** The resources of a template, by logical id. */
export type Resources = Readonly<Record<string, z.infer<typeof ResourceSchema>>>;

export function readResources(assembly: string, stackName: string): Resources {
  const text = readFileSync(path.join(assembly, `${stackName}.template.json`), 'utf8');
  return z.object({ Resources: z.record(z.string(), ResourceSchema) }).parse(JSON.parse(text)).Resources;
}

const AlarmMetricSchema = z.object({
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.object({ Name: z.string(), Value: z.json() })).default([]),
  Unit: z.string().optional(),
});
const AlarmSchema = z.union([
  AlarmMetricSchema.transform((metric) => [metric]),
  z
    .object({
      Metrics: z.array(z.object({ MetricStat: z.object({ Metric: AlarmMetricSchema }).optional() })),
    })
    .transform(({ Metrics }) => Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])),
]);

/** The body of a dashboard, with a logical id in the place of each reference. */
const BodySchema = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.json())]) });
const WidgetsSchema = z.object({
  widgets: z.array(z.object({ properties: z.object({ metrics: z.array(z.array(z.json())).default([]) }) })),
});

function shownIn(dashboard: Resources[string]): MetricName[] {
  const [, parts] = BodySchema.parse(dashboard.Properties['DashboardBody'])['Fn::Join'];
  const body = parts
    .map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', "'")))
    .join('');
  return WidgetsSchema.parse(JSON.parse(body)).widgets.flatMap(({ properties }) =>
    properties.metrics.map((metric) => {
      // The last one says how it is drawn.
      const [namespace = '', name = '', ...rest] = metric.filter((part) => typeof part === 'string');
      const pairs = rest.flatMap((one, index) =>
        index % 2 === 0 ? [[one, rest[index + 1] ?? ''] as const] : [],
      );
      return { namespace, name, dimensions: dimensionsText(pairs) };
    }),
  );
}

/** Every metric that an alarm or a widget of the dashboard looks at: `unit` where it asks for one. */
export function watchedMetrics(resources: Resources): (MetricName & { unit?: string | undefined })[] {
  return Object.values(resources).flatMap((resource) => {
    if (resource.Type === 'AWS::CloudWatch::Dashboard') return shownIn(resource);
    if (resource.Type !== 'AWS::CloudWatch::Alarm') return [];
    return AlarmSchema.parse(resource.Properties).map(({ Namespace, MetricName, Dimensions, Unit }) => ({
      namespace: Namespace,
      name: MetricName,
      dimensions: dimensionsText(
        Dimensions.map(({ Name, Value }) => [
          Name,
          typeof Value === 'string' ? Value : JSON.stringify(Value),
        ]),
      ),
      unit: Unit,
    }));
  });
}

/** A row of the table in docs/metrics.md. */
export interface DocumentedMetric {
  name: string;
  service: string;
  unit: string;
  /** Dimensions besides `service`. */
  by: string[];
}

const wordsIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '');

/** One for each function that a row names. */
export function documentedMetrics(): DocumentedMetric[] {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => {
    const [, name = '', services = '', unit = '', by = ''] = row.split('|');
    return wordsIn(services).map((service) => ({
      name: wordsIn(name).join(' '),
      service,
      unit: unit.trim(),
      by: wordsIn(by),
    }));
  });
}
