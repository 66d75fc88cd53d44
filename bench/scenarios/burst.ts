import { openBed, warmUpMessages } from '../bed.ts';
import { orderly, twoEndpoints } from '../load/plan.ts';
import { costHeader, costRows, latencyRow } from '../report/rows.ts';
import { fixed, inOrder, none, type Scenario } from '../scenario.ts';

/** Fifty towers report as fast as their PUBACKs come. */
export const burst: Scenario = {
  name: 'burst',
  describes: 'two endpoints, 50 towers, as fast as it goes',
  async run(context) {
    const messages = context.quick ? 1_000 : 5_000;
    const ordered = context.quick ? 500 : 2_500;
    const warmUp = warmUpMessages(context);
    await using bed = await openBed(context, {
      name: 'burst',
      plan: { groups: [...twoEndpoints(50, messages + warmUp).groups, orderly(50, ordered)] },
    });
    await bed.load.run({ group: 'tower', messages: warmUp, perSecond: null });
    const memoryBefore = bed.memory();
    const { result, functions } = await bed.measure(() =>
      bed.load.run({ group: 'tower', messages, perSecond: null }),
    );
    const memory = { before: memoryBefore, after: bed.memory() };
    context.say('burst to an ordered endpoint');
    const inTurn = await bed.load.run({ group: 'orderly', messages: ordered, perSecond: null });
    const audit = await bed.load.audit();
    const perSecond = (result.events * 1000) / result.elapsedMs;
    return {
      figures: { perSecond, result, inTurn, functions, memory, audit },
      checks: [
        {
          what: 'burst: events a second, published to last receipt',
          measured: fixed(perSecond, 0),
          aim: '≥ 150',
          holds: perSecond >= 150,
        },
        none('burst: lost', audit.lost),
        none('burst: duplicated', audit.duplicated),
        ...inOrder('burst to an ordered endpoint', audit),
      ],
      sections: [
        {
          title: 'An event costs',
          header: costHeader,
          rows: costRows(functions, result),
        },
        {
          title: 'Latency under the burst, ms',
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: latencyRow(result.latencyMs),
        },
      ],
    };
  },
};
