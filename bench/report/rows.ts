import type { Percentiles } from '../measure/percentiles.ts';
import { requestsTo, sum, type FunctionFigures } from '../measure/function-figures.ts';
import { fixed, type Row } from '../scenario.ts';

export const megabytes = (bytes: number): string => fixed(bytes / 1024 ** 2, 0);

/** By label of the endpoints. */
export const latencyRow = (latencyMs: Record<string, Percentiles>): Row[] =>
  Object.entries(latencyMs).map(([label, { p50, p95, p99, max }]): Row => [
    label,
    ms(p50),
    ms(p95),
    ms(p99),
    ms(max),
  ]);

const ms = (value: number): string => fixed(value, 0);

export const costHeader: Row = ['', 'CPU ms', 'AWS requests', 'DynamoDB', 'SQS', 'log bytes'];

/**
 * What an event costs by function and together, and what a delivery takes of `deliver`: CPU milliseconds, requests to AWS, those
 * to DynamoDB and SQS among them, bytes of log.
 */
export function costRows(
  functions: Record<string, FunctionFigures>,
  { events, received }: { events: number; received: number },
): Row[] {
  const used = Object.entries(functions).filter(([, { cpuMs }]) => cpuMs > 0);
  const { DeliverFunction: deliver } = functions;
  return [
    ...used.map(([name, figures]) => costRow(name, [figures], events)),
    costRow(
      'together',
      used.map(([, figures]) => figures),
      events,
    ),
    ...(deliver === undefined ? [] : [costRow('DeliverFunction, a delivery', [deliver], received)]),
  ];
}

const costRow = (name: string, figures: readonly FunctionFigures[], count: number): Row => [
  name,
  fixed(sum(figures.map(({ cpuMs }) => cpuMs)) / count),
  ...['', 'DynamoDB.', 'SQS.'].map((service) => fixed(requestsTo(service, figures) / count)),
  fixed(sum(figures.map(({ logBytes }) => logBytes)) / count, 0),
];
