import type { Percentiles } from '../measure/percentiles.ts';
import { cpuPerEvent, sum, type FunctionFigures } from '../measure/function-figures.ts';
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

/** CPU, AWS requests and log bytes per event, by function and together. */
export function perEventRows(functions: Record<string, FunctionFigures>, events: number): Row[] {
  const cpu = cpuPerEvent(functions, events);
  const used = Object.entries(functions).filter(([name]) => name in cpu);
  const row = (name: string, figures: readonly FunctionFigures[]): Row => [
    name,
    fixed(cpu[name] ?? 0),
    fixed(sum(figures.flatMap(({ requests }) => Object.values(requests))) / events),
    fixed(sum(figures.map(({ logBytes }) => logBytes)) / events, 0),
  ];
  return [
    ...used.map(([name, figures]) => row(name, [figures])),
    row(
      'together',
      used.map(([, figures]) => figures),
    ),
  ];
}
