import { openBed, warmUpMessages } from '../bed.ts';
import type { Audit, RunResult } from '../load/protocol.ts';
import type { PlanInput } from '../load/plan.ts';
import { fixed, none, type Check, type Row, type ScenarioContext, type ScenarioResult } from '../scenario.ts';
import { cpuPerEvent, type FunctionFigures } from './function-figures.ts';
import { megabytes } from '../report/rows.ts';

/** The same load on networks of different sizes. */
export interface FlatnessOptions {
  readonly name: string;
  /** What the sizes count, such as "towers". */
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly planOf: (size: number, messages: number) => PlanInput['groups'][number];
  readonly messages: number;
  readonly perSecond: number;
  /** Messages before; default: what compiles all of the code. */
  readonly warmUp?: number;
  /** The most that CPU may differ between the sizes; null: it is only reported. */
  readonly limit: number | null;
}

interface Size {
  size: number;
  result: RunResult;
  audit: Audit;
  functions: Record<string, FunctionFigures>;
  cpuMsPerEvent: Record<string, number>;
  cpuMsPerDelivery: number;
  memory: { before: Record<string, number>; after: Record<string, number> };
}

/** Runs the sizes one after the other, each on a stack of its own that is warm. */
export async function measureFlatness(
  context: ScenarioContext,
  options: FlatnessOptions,
): Promise<ScenarioResult> {
  const sizes: Size[] = [];
  for (const size of options.sizes) {
    context.say(`${size} ${options.unit}`);
    sizes.push(await measureSize(context, options, size));
  }
  return {
    figures: sizes,
    checks: [
      ...(options.limit === null ? [] : [spreadCheck(options, sizes, options.limit)]),
      none(
        `${options.name}: lost`,
        sizes.reduce((sum, { audit }) => sum + audit.lost, 0),
      ),
      none(
        `${options.name}: duplicated`,
        sizes.reduce((sum, { audit }) => sum + audit.duplicated, 0),
      ),
    ],
    sections: [
      {
        title: `CPU milliseconds, and the largest process of each function at the end of its run`,
        header: [
          options.unit,
          'ingest/event',
          'fan-out/event',
          'deliver/event',
          'event',
          'delivery',
          'ingest MB',
          'fan-out MB',
          'deliver MB',
        ],
        rows: sizes.map(rowOf),
      },
    ],
  };
}

const counted = ['IngestFunction', 'FanOutFunction', 'DeliverFunction'];

async function measureSize(
  context: ScenarioContext,
  { name, planOf, messages, perSecond, warmUp = warmUpMessages(context) }: FlatnessOptions,
  size: number,
): Promise<Size> {
  const group = planOf(size, messages + warmUp);
  await using bed = await openBed(context, { name: `${name}-${size}`, plan: { groups: [group] } });
  // At the same rate: what is batched in a burst is not compiled for what comes one by one.
  await bed.load.run({ group: group.name, messages: warmUp, perSecond: 2 * perSecond });
  const before = bed.memory();
  const { result, functions } = await bed.measure(() =>
    bed.load.run({ group: group.name, messages, perSecond }),
  );
  const busy = Object.fromEntries(counted.flatMap((id) => (functions[id] ? [[id, functions[id]]] : [])));
  const cpuMsPerEvent = cpuPerEvent(busy, result.events);
  const deliveries = result.received / result.events;
  return {
    size,
    result,
    audit: await bed.load.audit(),
    functions,
    cpuMsPerEvent,
    cpuMsPerDelivery: (cpuMsPerEvent['DeliverFunction'] ?? 0) / deliveries,
    memory: { before, after: bed.memory() },
  };
}

function spreadCheck({ name }: FlatnessOptions, sizes: readonly Size[], limit: number): Check {
  const values = sizes.map(({ cpuMsPerEvent }) => cpuMsPerEvent['together'] ?? Number.NaN);
  const first = values[0] ?? Number.NaN;
  const worst = Math.max(...values.map((value) => Math.abs(value / first - 1)));
  return {
    what: `${name}: CPU of an event against the smallest size, at most`,
    measured: `${fixed(worst * 100, 1)} % apart`,
    aim: `≤ ${limit * 100} %`,
    holds: worst <= limit,
  };
}

function rowOf({ size, cpuMsPerEvent, cpuMsPerDelivery, memory }: Size): Row {
  return [
    String(size),
    ...counted.map((id) => fixed(cpuMsPerEvent[id] ?? 0)),
    fixed(cpuMsPerEvent['together'] ?? 0),
    fixed(cpuMsPerDelivery),
    ...counted.map((id) => megabytes(memory.after[id] ?? 0)),
  ];
}
