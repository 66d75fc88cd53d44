import type { CapacityFigures } from './capacity.ts';
import type { LoadFigures } from './measure-load.ts';
import type { BenchOptions } from './options.ts';

export type Figures = LoadFigures & { options: BenchOptions; capacity: CapacityFigures };

type Row = readonly [label: string, ...values: string[]];

/** What a person reads: one section after the other, columns aligned. */
export function toTable(figures: Figures): string {
  const { options, throughput, latency, functions, bundles, capacity } = figures;
  const sections: readonly (readonly [string, readonly Row[]])[] = [
    [
      `Throughput: ${throughput.events} events from ${options.towers} towers, two endpoints`,
      [
        [
          'events a second, published to last receipt',
          fixed((throughput.events * 1000) / throughput.elapsedMs, 0),
        ],
        ['lost / duplicated / bad signatures', counts(throughput)],
      ],
    ],
    [
      `Latency from publish to receipt, at ${options.rate} events a second`,
      [
        ['p50 / p95 / p99 / max', latencies(latency.latencyMs)],
        ['lost / duplicated / bad signatures', counts(latency)],
      ],
    ],
    [
      'By function',
      [
        ['', 'CPU ms/event', 'AWS requests/event', 'bundle kB', 'import ms'],
        ...Object.entries(functions).map(([name, { cpuMsPerEvent, requestsPerEvent }]): Row => [
          name,
          fixed(cpuMsPerEvent, 2),
          fixed(sum(Object.values(requestsPerEvent)), 2),
          fixed((bundles[name]?.bytes ?? 0) / 1024, 0),
          fixed(bundles[name]?.importMs ?? 0, 0),
        ]),
        [
          'together',
          fixed(sum(Object.values(functions).map(({ cpuMsPerEvent }) => cpuMsPerEvent)), 2),
          fixed(sum(Object.values(functions).flatMap((each) => Object.values(each.requestsPerEvent))), 2),
        ],
      ],
    ],
    [
      'DynamoDB units an event',
      [
        ['write', fixed(capacity.writeUnitsPerEvent, 2)],
        ['read', fixed(capacity.readUnitsPerEvent, 2)],
      ],
    ],
    ['Idle stack', [['resident memory of all processes, MB', fixed(figures.idleBytes / 1024 ** 2, 0)]]],
  ];
  return sections.map(([title, rows]) => `${title}\n${align(rows)}`).join('\n\n');
}

const fixed = (value: number, digits: number): string => value.toFixed(digits);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const counts = (result: LoadFigures['latency']): string =>
  `${result.lost} / ${result.duplicated} / ${result.badSignatures}`;
const latencies = ({ p50, p95, p99, max }: LoadFigures['latency']['latencyMs']): string =>
  `${[p50, p95, p99, max].map((value) => fixed(value, 0)).join(' / ')} ms`;

function align(rows: readonly Row[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) =>
      row.map((cell, index) => Math.max(cell.length, widest[index] ?? 0)).concat(widest.slice(row.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('  '),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}
