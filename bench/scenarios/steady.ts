import { openBed, warmUpMessages, type Bed } from '../bed.ts';
import { orderly, twoEndpoints } from '../load/plan.ts';
import { measureBundles } from '../measure/bundles.ts';
import { measureStart } from '../measure/start.ts';
import { fixed, inOrder, none, type Row, type Scenario, type ScenarioResult } from '../scenario.ts';
import { costHeader, costRows, latencyRow, megabytes } from '../report/rows.ts';

const perSecond = 50;

/** An ordinary day: a parcel's life at fifty towers, two endpoints, at a steady rate. */
export const steady: Scenario = {
  name: 'steady',
  describes: `two endpoints, 50 towers, ${perSecond} events a second`,
  async run(context): Promise<ScenarioResult> {
    const messages = perSecond * (context.quick ? 10 : 40);
    const ordered = context.quick ? 100 : 500;
    const warmUp = warmUpMessages(context);
    const readyMs = await measureStart(context.folder);
    await using bed = await openBed(context, {
      name: 'steady',
      plan: { groups: [...twoEndpoints(50, messages + warmUp).groups, orderly(10, ordered)] },
    });
    const { idleBytes } = bed;
    const bundles = measureBundles(bed.stack, context.assembly);
    await bed.load.run({ group: 'tower', messages: warmUp, perSecond: null });
    const memoryBefore = bed.memory();
    const { result, functions } = await bed.measure(() =>
      bed.load.run({ group: 'tower', messages, perSecond }),
    );
    const memory = { before: memoryBefore, after: bed.memory() };
    context.say('steady reports to an ordered endpoint');
    const inTurn = await bed.load.run({ group: 'orderly', messages: ordered, perSecond });
    const audit = await bed.load.audit();
    const startPhasesMs = bed.stack.phases;
    return {
      figures: { result, inTurn, functions, idleBytes, bundles, memory, audit, readyMs, startPhasesMs },
      checks: [
        none('steady: lost', audit.lost),
        none('steady: duplicated', audit.duplicated),
        none('steady: bad signatures', audit.badSignatures),
        {
          what: 'steady: p99 from publish to receipt',
          measured: `${fixed(result.latencyMs['healthy']?.p99 ?? 0, 0)} ms`,
          aim: '≤ 500 ms',
          holds: (result.latencyMs['healthy']?.p99 ?? Infinity) <= 500,
        },
        ...inOrder('steady reports to an ordered endpoint', audit),
      ],
      sections: [
        {
          title: `Latency from publish to receipt at ${perSecond} events a second, ms`,
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: latencyRow(result.latencyMs),
        },
        {
          title: 'An event costs',
          header: costHeader,
          rows: costRows(functions, result),
        },
        {
          title: 'Bundles',
          header: ['', 'kB', 'import ms'],
          rows: Object.entries(bundles).map(([name, { bytes, importMs }]): Row => [
            name,
            fixed(bytes / 1024, 0),
            fixed(importMs, 0),
          ]),
        },
        {
          title: 'Resident memory of the largest process, MB',
          header: ['', 'after warm-up', 'at the end'],
          rows: memoryRows(bed, memory),
        },
        { title: 'Start', header: ['', 's'], rows: [['`npm start` ready', fixed(readyMs / 1000, 1)]] },
        { title: 'Idle stack', header: ['', 'MB'], rows: [['all processes together', megabytes(idleBytes)]] },
      ],
    };
  },
};

const memoryRows = (
  bed: Bed,
  { before, after }: { before: Record<string, number>; after: Record<string, number> },
): Row[] =>
  Object.keys(bed.stack.functions).map((name) => [
    name,
    megabytes(before[name] ?? 0),
    megabytes(after[name] ?? 0),
  ]);
