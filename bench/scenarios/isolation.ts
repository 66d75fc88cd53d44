import { setTimeout as sleep } from 'node:timers/promises';
import { openBed, type Bed } from '../bed.ts';
import { refusedUrl, startBlackHole } from '../load/dead-endpoints.ts';
import type { PlanInput } from '../load/plan.ts';
import type { RunResult } from '../load/protocol.ts';
import { median } from '../measure/percentiles.ts';
import {
  fixed,
  inOrder,
  none,
  type Check,
  type Row,
  type Scenario,
  type ScenarioContext,
} from '../scenario.ts';

const healthyEndpoints = 50;
/** Times fifty deliveries. */
const perSecond = 3;
const slowMs = 10_000;
const limit = 1.2;
/** Until it is known who is sick. */
const leadInSeconds = 10;

/** Without the sick ones, with a dead one that refuses, with a dead one that swallows; a slow one in both. */
type Variant = 'warmup' | 'without' | 'refused' | 'swallowed';
const without = 'without';

type EndpointInput = PlanInput['groups'][number]['endpoints'][number];

const healthy = Array.from({ length: healthyEndpoints }, (_, index): EndpointInput => ({
  name: `e${index + 1}`,
}));
/** Also healthy, and in every group alike; kept apart, so that the others are judged as if it were not there. */
const ordered: EndpointInput = { name: 'ordered', label: 'ordered', ordered: true };
const slow: EndpointInput = { name: 'slow', label: 'slow', delayMs: slowMs, awaited: false };
const dead = (url: string): EndpointInput => ({ name: 'dead', label: 'dead', url, awaited: false });

/**
 * The same load on fifty healthy endpoints, with and without a dead and a slow one among them, in turns on one stack,
 * so that whatever else the machine does is in both.
 */
export const isolation: Scenario = {
  name: 'isolation',
  describes: `one dead and one ${slowMs / 1000}-second endpoint among ${healthyEndpoints} healthy ones, against none`,
  async run(context) {
    const hole = await startBlackHole();
    try {
      const rounds = context.quick ? 2 : 6;
      const seconds = context.quick ? 6 : 10;
      const messages = perSecond * (leadInSeconds + seconds * rounds);
      const group = (name: Variant, endpoints: EndpointInput[]): PlanInput['groups'][number] => ({
        name,
        towers: 5,
        story: 'doors',
        endpoints: [...endpoints, ordered],
        messages,
      });
      await using bed = await openBed(context, {
        name: 'isolation',
        plan: {
          groups: [
            group('warmup', healthy),
            group('without', healthy),
            group('refused', [...healthy, dead(await refusedUrl()), slow]),
            group('swallowed', [...healthy, dead(hole.url), slow]),
          ],
        },
      });
      const onsets = await meet(context, bed);
      const runs = await alternate(context, bed, { rounds, messages: perSecond * seconds });
      const audit = await bed.load.audit();
      return {
        figures: { onsets, runs, audit },
        checks: [
          ratioCheck('refused', runs),
          ratioCheck('swallowed', runs),
          none('isolation: lost by healthy endpoints', audit.lost),
          ...inOrder('isolation', audit),
        ],
        sections: [
          {
            title: 'Latency of the healthy endpoints, ms',
            header: ['', 'p50', 'p95', 'p99', 'max'],
            rows: [
              ...onsets
                .filter(({ variant }) => variant !== 'warmup')
                .map(({ variant, result }) => rowOf(`met first: ${variant}`, result, 'healthy')),
              ...runs.map(({ variant, result }) => rowOf(variant, result, 'healthy')),
            ],
          },
          {
            title: 'Latency of the ordered endpoint beside them, ms',
            header: ['', 'p50', 'p95', 'p99', 'max'],
            rows: runs.map(({ variant, result }) => rowOf(variant, result, 'ordered')),
          },
        ],
      };
    } finally {
      hole.stop();
    }
  },
};

interface Run {
  variant: Variant;
  result: RunResult;
}

/**
 * The first time that each group's endpoints are met, after others have warmed up the functions: the onset, when nobody knows
 * yet who is sick. Each is met once only, so it is shown and not in the ratios.
 */
async function meet(context: ScenarioContext, { load }: Bed): Promise<Run[]> {
  const onsets: Run[] = [];
  for (const variant of ['warmup', without, 'refused', 'swallowed'] as const) {
    context.say(`${variant}, met first`);
    const messages = perSecond * leadInSeconds;
    onsets.push({
      variant,
      result: await load.run({ group: variant, messages, perSecond, settleMs: 60_000 }),
    });
    // What the slow endpoint was given before anybody knew has to be out of the way.
    if (variant === 'refused' || variant === 'swallowed') await sleep(2 * slowMs);
  }
  return onsets;
}

async function alternate(
  context: ScenarioContext,
  { load }: Bed,
  { rounds, messages }: { rounds: number; messages: number },
): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const variant of [without, 'refused', 'swallowed'] as const) {
      context.say(variant);
      const result = await load.run({ group: variant, messages: messages, perSecond, settleMs: 30_000 });
      runs.push({ variant, result });
      // What the slow endpoint was given last is in an invocation until then.
      if (variant !== without) await sleep(slowMs);
    }
  return runs;
}

const p99 = ({ result }: Run): number => result.latencyMs['healthy']?.p99 ?? Infinity;

/** Round by round, against the run without the sick ones that was right before: what else the machine does changes in minutes. */
const ratiosOf = (variant: Variant, runs: readonly Run[]): number[] => {
  const baselines = runs.filter((run) => run.variant === without).map(p99);
  return runs
    .filter((run) => run.variant === variant)
    .map((run, round) => p99(run) / (baselines[round] ?? Number.NaN));
};

function ratioCheck(variant: Variant, runs: readonly Run[]): Check {
  const ratios = ratiosOf(variant, runs);
  const ratio = median(ratios);
  const how = variant === 'refused' ? 'refuses connections' : 'swallows packets';
  return {
    what: `isolation: healthy p99 with a dead endpoint that ${how} and a slow one, against without, median of the rounds`,
    measured: `${fixed(ratio)} × (${ratios.map((each) => fixed(each)).join(', ')})`,
    aim: `≤ ${limit} ×`,
    holds: ratio <= limit,
  };
}

function rowOf(name: string, { latencyMs }: RunResult, label: string): Row {
  const { p50, p95, p99, max } = latencyMs[label] ?? { p50: 0, p95: 0, p99: 0, max: 0 };
  return [name, ...[p50, p95, p99, max].map((value) => fixed(value, 0))];
}
