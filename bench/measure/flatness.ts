import { type Bed, openBed, warmUpMessages } from '../bed.ts';
import type { Audit, RunResult } from '../load/protocol.ts';
import { late, orderly, PlanSchema, type PlanInput } from '../load/plan.ts';
import { rarelyUsed, useRarelyUsed } from '../load/rarely-used.ts';
import {
  fixed,
  inOrder,
  none,
  type Check,
  type Row,
  type ScenarioContext,
  type ScenarioResult,
} from '../scenario.ts';
import { carriers, cpuPerEvent, sum, type FunctionFigures } from './function-figures.ts';
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
  /**
   * How often all of it is done, on new stacks: what a process happens to compile or keep, it has from its first seconds to
   * its end, in all of its rounds. Default 1.
   */
  readonly runs?: number;
  /** Of each size. */
  readonly perSecond: number;
  /** Messages one by one between the warm-up and the first round. Default 300. */
  readonly settling?: number;
  /** What is reported before, one after the other; default: what compiles all of the code, at twice the rate. */
  readonly warmUp?: readonly Load[];
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
  /** Of all runs. */
  rounds: Round[];
  /** Of each run, as `memory`. */
  audits: Audit[];
  memory: Memory[];
}

interface Load {
  readonly messages: number;
  readonly perSecond: number;
}

/** Bytes of each function's largest process; `inUse`: after a collection. */
type Memory = Record<'before' | 'after' | 'inUse', Record<string, number>>;

interface OpenSize {
  size: Size;
  bed: Bed;
  plan: PlanInput;
  group: string;
  before: Record<string, number>;
}

/**
 * Runs all sizes at the same time, each on a stack of its own that is warm: what the machine does meanwhile, it does to
 * all of them, and no process idles until it is ended.
 */
export async function measureFlatness(
  context: ScenarioContext,
  options: FlatnessOptions,
): Promise<ScenarioResult> {
  const { sizes: counts, runs = 1 } = options;
  const sizes = counts.map((size): Size => ({ size, rounds: [], audits: [], memory: [] }));
  for (let run = 1; run <= runs; run += 1) await measureRun(context, options, sizes, run);
  const { name, limit } = options;
  const audits = sizes.flatMap((size) => size.audits);
  return {
    figures: sizes,
    checks: [
      ...(limit === null ? [] : spreadChecks(name, sizes, limit)),
      none(`${name}: lost`, sum(audits.map(({ lost }) => lost))),
      none(`${name}: duplicated`, sum(audits.map(({ duplicated }) => duplicated))),
      ...inOrder(name, orderOf(audits)),
    ],
    sections: [
      {
        title: 'CPU milliseconds, median of the rounds',
        header: [options.unit, 'ingest/event', 'fan-out/event', 'deliver/event', 'event', 'delivery'],
        rows: sizes.map(cpuRow),
      },
      {
        title: 'Memory in use of the largest process of each function, MB',
        header: [options.unit, 'ingest', 'fan-out', 'deliver', 'timers', 'dead-letter', 'api'],
        rows: sizes.map(memoryRow),
      },
    ],
  };
}

const orderOf = (audits: readonly Audit[]) => ({
  lanes: sum(audits.map(({ lanes }) => lanes)),
  outOfOrder: sum(audits.map(({ outOfOrder }) => outOfOrder)),
  badSequences: sum(audits.map(({ badSequences }) => badSequences)),
  unsequenced: sum(audits.map(({ unsequenced }) => unsequenced)),
});

const orderedMessages = 100;
const orderedPerSecond = 20;
const weighed = [...carriers, ...rarelyUsed];

async function measureRun(
  context: ScenarioContext,
  options: FlatnessOptions,
  sizes: readonly Size[],
  run: number,
): Promise<void> {
  const { rounds = 1, unit } = options;
  await using opened = new AsyncDisposableStack();
  const open: OpenSize[] = [];
  for (const size of sizes) {
    context.say(`run ${run}: ${size.size} ${unit}`);
    open.push(await openSize(context, options, size, opened));
  }
  context.say('warm-up');
  await Promise.all(open.map(async (one) => warm(context, options, one)));
  for (let round = 1; round <= rounds; round += 1) {
    await Promise.all(open.map(async (one) => measureRound(options, one)));
    const figures = sizes.map((one) => fixed(one.rounds.at(-1)?.cpuMsPerEvent['together'] ?? Number.NaN));
    context.say(`round ${round}: ${figures.join(', ')} ms an event`);
  }
  context.say('API, timers and dead letters; an ordered endpoint');
  await Promise.all(open.map(useTheRest));
  for (const { size, bed, before } of open) {
    size.memory.push({ before, after: bed.memory(), inUse: await bed.memoryInUse(weighed) });
    size.audits.push(await bed.load.audit());
  }
}

/** After the rounds, whose figures are those of events alone. */
async function useTheRest({ bed, plan, group }: OpenSize): Promise<void> {
  const { groups } = PlanSchema.parse(plan);
  const named = (name: string) => {
    const found = groups.find((one) => one.name === name);
    if (found === undefined) throw new Error(`the plan has no group ${name}`);
    return found;
  };
  await bed.measure(() => useRarelyUsed(bed.stack, named(group), named(late.name)));
  await bed.load.run({ group: 'orderly', messages: orderedMessages, perSecond: orderedPerSecond });
}

async function openSize(
  context: ScenarioContext,
  options: FlatnessOptions,
  size: Size,
  opened: AsyncDisposableStack,
): Promise<OpenSize> {
  const { name, planOf, messages, rounds = 1 } = options;
  const reported =
    sum(warmUpOf(context, options).map((load) => load.messages)) + settlingOf(options) + rounds * messages;
  const group = planOf(size.size, reported);
  const plan = { groups: [group, orderly(2, orderedMessages), late] };
  const folder = `${name}-${size.size}-${size.memory.length + 1}`;
  const bed = opened.use(await openBed(context, { name: folder, plan }));
  return { size, bed, plan, group: group.name, before: {} };
}

const warmUpOf = (context: ScenarioContext, { warmUp, perSecond }: FlatnessOptions): readonly Load[] =>
  warmUp ?? [{ messages: warmUpMessages(context), perSecond: 2 * perSecond }];

const settlingOf = ({ settling = 300 }: FlatnessOptions): number => settling;

async function warm(context: ScenarioContext, options: FlatnessOptions, one: OpenSize): Promise<void> {
  const { bed, group } = one;
  for (const load of warmUpOf(context, options)) await bed.load.run({ group, ...load });
  // What is batched in a burst is not compiled for what comes one by one.
  await bed.load.run({ group, messages: settlingOf(options), perSecond: options.perSecond });
  one.before = bed.memory();
}

async function measureRound({ messages, perSecond }: FlatnessOptions, one: OpenSize): Promise<void> {
  const { bed, group, size } = one;
  const { result, functions } = await bed.measure(() => bed.load.run({ group, messages, perSecond }));
  const busy = Object.fromEntries(carriers.flatMap((id) => (functions[id] ? [[id, functions[id]]] : [])));
  const cpuMsPerEvent = cpuPerEvent(busy, result.events);
  const deliveries = result.received / result.events;
  const cpuMsPerDelivery = (cpuMsPerEvent['DeliverFunction'] ?? 0) / deliveries;
  size.rounds.push({ result, functions, cpuMsPerEvent, cpuMsPerDelivery });
}

const ofEvent = ({ cpuMsPerEvent }: Round): number => cpuMsPerEvent['together'] ?? Number.NaN;
const ofDelivery = ({ cpuMsPerDelivery }: Round): number => cpuMsPerDelivery;
const medianOf = ({ rounds }: Size, of: (round: Round) => number): number => median(rounds.map(of));

const inUse = ({ memory }: Size, logicalId: string): number =>
  median(memory.map((one) => one.inUse[logicalId] ?? Number.NaN));

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
  const grown = sizes.flatMap((size) => weighed.map((id) => inUse(size, id) / inUse(smallest, id) - 1));
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

const cpuRow = (size: Size): Row => [
  String(size.size),
  ...carriers.map((id) => fixed(medianOf(size, ({ cpuMsPerEvent }) => cpuMsPerEvent[id] ?? 0))),
  fixed(medianOf(size, ofEvent)),
  fixed(medianOf(size, ofDelivery)),
];

const memoryRow = (size: Size): Row => [
  String(size.size),
  ...weighed.map((id) => megabytes(inUse(size, id))),
];
