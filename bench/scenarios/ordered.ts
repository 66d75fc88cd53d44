import { openBed } from '../bed.ts';
import { runUnderKills } from '../load/killer.ts';
import { latencyRow } from '../report/rows.ts';
import { inOrder, none, type Scenario } from '../scenario.ts';
import { quickToComeBack, soonAgain } from './kills.ts';

const victims = ['FanOutFunction', 'DeliverFunction', 'TimersFunction', 'IngestFunction'];

/** Order per locker, while functions die and receivers fail. */
export const ordered: Scenario = {
  name: 'ordered',
  describes: 'two ordered endpoints that fail now and then, a function killed every second',
  async run(context) {
    const perSecond = 15;
    const messages = perSecond * (context.quick ? 10 : 40);
    const endpoint = { ordered: true, label: 'ordered', scheduleSeconds: soonAgain };
    await using bed = await openBed(context, {
      name: 'ordered',
      stageConfig: quickToComeBack,
      plan: {
        groups: [
          {
            name: 'tower',
            // Five lockers each, at two endpoints: 40 lanes.
            towers: 4,
            story: 'doors',
            endpoints: [
              { name: 'one', ...endpoint },
              { name: 'two', ...endpoint },
            ],
            messages,
          },
        ],
      },
    });
    if (!('OrderedDeliveryQueue' in bed.stack.queues))
      throw new Error('this stack has no ordered deliveries');
    await bed.load.answer('ordered', { kind: 'flaky', every: 20, times: 2 });
    const run = { group: 'tower', messages, perSecond, settleMs: 150_000 };
    const { results, kills } = await runUnderKills(bed, victims, [run]);
    const audit = await bed.load.audit();
    return {
      figures: { results, kills, audit },
      checks: [
        ...inOrder('ordered', audit),
        none('ordered: lost', audit.lost),
        none('ordered: duplicates with another id or body', audit.strays + audit.mismatched),
      ],
      sections: [
        {
          title: 'What came',
          header: ['', ''],
          rows: [
            ['lanes (endpoint and locker)', String(audit.lanes)],
            ['events', String(audit.events)],
            ['requests, failed and repeated ones included', String(audit.received)],
            ['duplicates', String(audit.duplicated)],
          ],
        },
        {
          title: 'Latency to the first attempt, ms',
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: results.flatMap(({ latencyMs }) => latencyRow(latencyMs)),
        },
      ],
    };
  },
};
