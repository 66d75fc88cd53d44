import { openBed } from '../bed.ts';
import { runUnderKills } from '../load/killer.ts';
import { orderly, type PlanInput } from '../load/plan.ts';
import { latencyRow } from '../report/rows.ts';
import { inOrder, moreThan, none, type Row, type Scenario } from '../scenario.ts';

/** What a killed function had in hands comes back after the visibility timeout, six times its timeout. */
export const quickToComeBack = {
  delivery: { timeoutSeconds: 4, attemptTimeoutMs: 3_000 },
  ingest: { timeoutSeconds: 4 },
};

/** A schedule that ends with the scenario, for whatever is tried again. */
export const soonAgain = [0, ...Array<number>(15).fill(1)];

const victims = [
  'IngestFunction',
  'FanOutFunction',
  'DeliverFunction',
  'TimersFunction',
  'DeadLetterFunction',
];

/** Long enough that whoever is killed has requests under way. */
const partnerMs = 100;

const planOf = (messages: number, inOrder: number): PlanInput => ({
  groups: [
    {
      name: 'tower',
      towers: 20,
      endpoints: [
        { name: 'one', delayMs: partnerMs },
        { name: 'two', delayMs: partnerMs },
      ],
      messages,
    },
    {
      ...orderly(4, inOrder),
      endpoints: [
        { name: 'e', delayMs: partnerMs, label: 'ordered', ordered: true, scheduleSeconds: soonAgain },
      ],
    },
  ],
});

/** A function dies every second, whatever it is doing. */
export const kills: Scenario = {
  name: 'kills',
  describes: `SIGKILL to the processes of one function every second, while endpoints take ${partnerMs} ms to answer`,
  async run(context) {
    const seconds = context.quick ? 10 : 40;
    const run = { group: 'tower', messages: 40 * seconds, perSecond: 40, settleMs: 120_000 };
    const inTurn = { ...run, group: 'orderly', messages: 10 * seconds, perSecond: 10 };
    await using bed = await openBed(context, {
      name: 'kills',
      stageConfig: quickToComeBack,
      plan: planOf(run.messages, inTurn.messages),
    });
    const { results, kills } = await runUnderKills(bed, victims, [run, inTurn]);
    const audit = await bed.load.audit();
    return {
      figures: { results, kills, audit },
      checks: [
        none('kills: lost', audit.lost),
        // Fewer would prove little about the ids below.
        moreThan('kills: duplicates seen', audit.duplicated, context.quick ? 5 : 20),
        none('kills: requests with an id that no event has', audit.strays),
        none('kills: duplicates with another body', audit.mismatched),
        none('kills: bad signatures', audit.badSignatures),
        ...inOrder('kills', audit),
      ],
      sections: [
        {
          title: 'Faults and what came of them',
          header: ['', ''],
          rows: [
            ...Object.entries(kills).map(([name, count]): Row => [
              `${name}: processes killed`,
              String(count),
            ]),
            ['events', String(audit.events)],
            ['deliveries received', String(audit.received)],
            ['of them duplicates', String(audit.duplicated)],
          ],
        },
        {
          title: 'Latency, ms',
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: results.flatMap(({ latencyMs }) => latencyRow(latencyMs)),
        },
      ],
    };
  },
};
