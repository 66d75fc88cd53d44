import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkOut, copyWorkingTree, startForeignStack, type ForeignStack } from '../load/foreign-stack.ts';
import { networkOf, PlanSchema, twoEndpoints } from '../load/plan.ts';
import { startLoad, type LoadProcess } from '../load/process.ts';
import { carriers, sum } from '../measure/function-figures.ts';
import { median } from '../measure/percentiles.ts';
import { cpuDuring } from '../measure/process-cpu.ts';
import { fixed, none, type Row, type Scenario } from '../scenario.ts';

/** On each of the two stacks. */
const perSecond = 30;
/** Of what an event cost before. */
const limit = 0.7;

interface Side {
  name: 'before' | 'after';
  stack: ForeignStack;
  load: LoadProcess;
  /** CPU milliseconds per event by function, for each round. */
  rounds: Record<string, number>[];
}

/**
 * The same load on two versions of the code at the same time, each on a stack of its own: what the machine does meanwhile, it
 * does to both. Both run from copies of their sources, and the kernel counts for both.
 */
export const cpu: Scenario = {
  name: 'cpu',
  describes: 'CPU per delivered event against an earlier version, both at the same time',
  async run(context) {
    const rounds = context.quick ? 2 : 8;
    const messages = perSecond * (context.quick ? 6 : 15);
    const warmUp = context.quick ? 500 : 2_000;
    const plan = twoEndpoints(20, warmUp + rounds * messages);
    await using stopping = new AsyncDisposableStack();
    const start = async (name: Side['name'], sources: string): Promise<Side> => {
      const load = await startLoad(plan);
      stopping.defer(() => load.stop());
      const stack = await startForeignStack(sources, networkOf(PlanSchema.parse(plan), load.ports));
      stopping.defer(() => stack.stop());
      await load.connect(stack.mqtt);
      await load.run({ group: 'tower', messages: warmUp, perSecond: null });
      return { name, stack, load, rounds: [] };
    };
    const before = await start('before', checkOut(context.against, path.join(context.folder, 'before')));
    const after = await start('after', copyWorkingTree(path.join(context.folder, 'after')));
    for (let round = 1; round <= rounds; round += 1) {
      const said = await Promise.all([before, after].map(async (side) => measureRound(side, messages)));
      context.say(`round ${round}: ${said.join('; ')}`);
    }
    const audits = [await before.load.audit(), await after.load.audit()];
    const ratios = after.rounds.map((now, round) => together(now) / together(before.rounds[round] ?? {}));
    const ratio = median(ratios);
    return {
      figures: { against: context.against, before: before.rounds, after: after.rounds, ratios, ratio },
      checks: [
        {
          what: `cpu: an event's CPU against ${context.against}, median of ${rounds} rounds`,
          measured: `${fixed(ratio)} × (${ratios.map((each) => fixed(each)).join(', ')})`,
          aim: `≤ ${limit} ×`,
          holds: ratio <= limit,
        },
        none('cpu: lost', sum(audits.map(({ lost }) => lost))),
      ],
      sections: [
        {
          title: 'CPU milliseconds of a delivered event, median of the rounds (lowest to highest)',
          header: ['', context.against, 'now', 'now / then'],
          rows: [
            ...carriers.map((name) => rowOf(name, before, after, (of) => of[name] ?? 0)),
            rowOf('together', before, after, together),
          ],
        },
      ],
    };
  },
};

/** @returns what came of it, for people */
async function measureRound(side: Side, messages: number): Promise<string> {
  const { result, account } = await cpuDuring(side.stack.pid, async () => {
    const published = await side.load.run({ group: 'tower', messages, perSecond });
    // What follows the last receipt: records, deletes.
    await sleep(1_000);
    return published;
  });
  const { events } = result;
  const used = account.byFunction();
  const idle = carriers.find((name) => !((used[name] ?? 0) > 0));
  if (idle !== undefined) throw new Error(`${side.name}: ${idle} took no CPU for ${events} events`);
  const round = Object.fromEntries(carriers.map((name) => [name, (used[name] ?? 0) / events]));
  side.rounds.push(round);
  const ended = account.ended > 0 ? `, ${account.ended} idle processes ended meanwhile` : '';
  return `${side.name} ${fixed(together(round))} ms${ended}`;
}

const together = (round: Record<string, number>): number => sum(Object.values(round));

function rowOf(
  name: string,
  before: Side,
  after: Side,
  pick: (round: Record<string, number>) => number,
): Row {
  const [then, now] = [before.rounds.map(pick), after.rounds.map(pick)];
  return [name, show(then), show(now), fixed(median(now) / median(then))];
}

const show = (values: readonly number[]): string =>
  `${fixed(median(values))} (${fixed(Math.min(...values))}–${fixed(Math.max(...values))})`;
