import { type Bed, openBed, warmUpMessages } from '../bed.ts';
import type { Audit, RunResult } from '../load/protocol.ts';
import type { PlanInput } from '../load/plan.ts';
import { fixed, none, type Check, type Row, type ScenarioContext, type ScenarioResult } from '../scenario.ts';
import { cpuPerEvent, sum, type FunctionFigures } from './function-figures.ts';
import { median } from './percentiles.ts';
import { megabytes } from '../report/rows.ts';

/** The same load on networks of different sizes. */
export interface FlatnessOptions {
  readonly name: string;
  /** What the sizes count, such as "towers". */
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly planOf: (size: number, messages: number) => PlanInput['groups'][number];
  /** In each round. */
  readonly messages: number;
  /** Of all sizes at the same time. Default 1. */
  readonly rounds?: number;
  /** Of each size. */
  readonly perSecond: number;
  /** Messages before, and how many a second; default: what compiles all of the code, at twice the rate. */
  readonly warmUp?: { readonly messages: number; readonly perSecond: number };
  /** The most that CPU and memory may differ between the sizes; null: it is only reported. */
  readonly limit: number | null;
}

interface Round {
  result: RunResult;
  functions: Record<string, FunctionFigures>;
  /** By function, and `together`. */
  cpuMsPerEvent: Record<string, number>;
  cpuMsPerDelivery: number;
}

interface Size {
  size: number;
  rounds: Round[];
  audit: Audit;
  /** Bytes of each function's largest process; `inUse`: after a collection. */
  memory: Record<'before' | 'after' | 'inUse', Record<string, number>>;
}

interface OpenSize {
  size: number;
  bed: Bed;
  group: string;
  before: Record<string, number>;
  rounds: Round[];
}

/**
 * Runs all sizes at the same time, each on a stack of its own that is warm: what the machine does meanwhile, it does to
 * all of them, and no process idles until it is ended.
 */
export async function measureFlatness(
  context: ScenarioContext,
  options: FlatnessOptions,
): Promise<ScenarioResult> {
  const sizes = await measureSizes(context, options);
  const { name, limit } = options;
  return {
    figures: sizes,
    checks: [
      ...(limit === null ? [] : spreadChecks(name, sizes, limit)),
      none(`${name}: lost`, sum(sizes.map(({ audit }) => audit.lost))),
      none(`${name}: duplicated`, sum(sizes.map(({ audit }) => audit.duplicated))),
    ],
    sections: [
      {
        title:
          'CPU milliseconds (median of the rounds), and the memory in use of the largest process of each function',
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

/** Messages between a warm-up and its measure. */
const settling = 300;
const counted = ['IngestFunction', 'FanOutFunction', 'DeliverFunction'];

async function measureSizes(context: ScenarioContext, options: FlatnessOptions): Promise<Size[]> {
  const { sizes, rounds = 1, unit } = options;
  await using opened = new AsyncDisposableStack();
  const open: OpenSize[] = [];
  for (const size of sizes) {
    context.say(`${size} ${unit}`);
    open.push(await openSize(context, options, size, opened));
  }
  context.say('warm-up');
  await Promise.all(open.map(async (one) => warm(context, options, one)));
  for (let round = 1; round <= rounds; round += 1) {
    await Promise.all(open.map(async (one) => measureRound(options, one)));
    const figures = open.map((one) => fixed(one.rounds.at(-1)?.cpuMsPerEvent['together'] ?? Number.NaN));
    context.say(`round ${round}: ${figures.join(', ')} ms an event`);
  }
  const measured: Size[] = [];
  for (const { size, bed, before, rounds: made } of open) {
    const after = bed.memory();
    const memory = { before, after, inUse: await bed.memoryInUse(counted) };
    measured.push({ size, rounds: made, audit: await bed.load.audit(), memory });
  }
  return measured;
}

async function openSize(
  context: ScenarioContext,
  options: FlatnessOptions,
  size: number,
  opened: AsyncDisposableStack,
): Promise<OpenSize> {
  const { name, planOf, messages, rounds = 1 } = options;
  const group = planOf(size, warmUpOf(context, options).messages + settling + rounds * messages);
  const bed = opened.use(await openBed(context, { name: `${name}-${size}`, plan: { groups: [group] } }));
  return { size, bed, group: group.name, before: {}, rounds: [] };
}

const warmUpOf = (context: ScenarioContext, { warmUp, perSecond }: FlatnessOptions) =>
  warmUp ?? { messages: warmUpMessages(context), perSecond: 2 * perSecond };

async function warm(context: ScenarioContext, options: FlatnessOptions, one: OpenSize): Promise<void> {
  const { bed, group } = one;
  await bed.load.run({ group, ...warmUpOf(context, options) });
  // What is batched in a burst is not compiled for what comes one by one.
  await bed.load.run({ group, messages: settling, perSecond: options.perSecond });
  one.before = bed.memory();
}

async function measureRound({ messages, perSecond }: FlatnessOptions, one: OpenSize): Promise<void> {
  const { bed, group, rounds } = one;
  const { result, functions } = await bed.measure(() => bed.load.run({ group, messages, perSecond }));
  const busy = Object.fromEntries(counted.flatMap((id) => (functions[id] ? [[id, functions[id]]] : [])));
  const cpuMsPerEvent = cpuPerEvent(busy, result.events);
  const deliveries = result.received / result.events;
  const cpuMsPerDelivery = (cpuMsPerEvent['DeliverFunction'] ?? 0) / deliveries;
  rounds.push({ result, functions, cpuMsPerEvent, cpuMsPerDelivery });
}

const ofEvent = ({ cpuMsPerEvent }: Round): number => cpuMsPerEvent['together'] ?? Number.NaN;
const ofDelivery = ({ cpuMsPerDelivery }: Round): number => cpuMsPerDelivery;
const medianOf = ({ rounds }: Size, of: (round: Round) => number): number => median(rounds.map(of));

function spreadChecks(name: string, sizes: readonly Size[], limit: number): Check[] {
  const [smallest] = sizes;
  if (smallest === undefined) return [];
  const check = (what: string, distances: readonly number[]): Check => {
    const worst = Math.max(...distances);
    return {
      what: `${name}: ${what} against the smallest size, at most`,
      measured: `${fixed(worst * 100, 1)} % apart`,
      aim: `≤ ${limit * 100} %`,
      holds: worst <= limit,
    };
  };
  const apart = (of: (round: Round) => number) => sizes.map((size) => distance(size, smallest, of));
  const grown = sizes.flatMap(({ memory }) =>
    counted.map((id) => (memory.inUse[id] ?? 0) / (smallest.memory.inUse[id] ?? Number.NaN) - 1),
  );
  return [
    check('CPU of an event', apart(ofEvent)),
    check('CPU of a delivery', apart(ofDelivery)),
    check('memory of a function in use', grown),
  ];
}

/** How far apart two sizes are: the median of their rounds' ratios, since the rounds of a turn share what else happens. */
function distance(size: Size, smallest: Size, of: (round: Round) => number): number {
  const ratios = size.rounds.map((round, index) => {
    const other = smallest.rounds[index];
    return other === undefined ? Number.NaN : of(round) / of(other);
  });
  return Math.abs(median(ratios) - 1);
}

function rowOf(size: Size): Row {
  return [
    String(size.size),
    ...counted.map((id) => fixed(medianOf(size, ({ cpuMsPerEvent }) => cpuMsPerEvent[id] ?? 0))),
    fixed(medianOf(size, ofEvent)),
    fixed(medianOf(size, ofDelivery)),
    ...counted.map((id) => megabytes(size.memory.inUse[id] ?? 0)),
  ];
}
