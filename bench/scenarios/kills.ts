import { openBed } from '../bed.ts';
import { runUnderKills } from '../load/killer.ts';
import { twoEndpoints } from '../load/plan.ts';
import { latencyRow } from '../report/rows.ts';
import { none, type Row, type Scenario } from '../scenario.ts';

/** What a killed function had in hands comes back after the visibility timeout, six times its timeout. */
export const quickToComeBack = {
  delivery: { timeoutSeconds: 4, attemptTimeoutMs: 3_000 },
  ingest: { timeoutSeconds: 4 },
};

const victims = [
  'IngestFunction',
  'FanOutFunction',
  'DeliverFunction',
  'TimersFunction',
  'DeadLetterFunction',
];

/** A function dies every second, whatever it is doing. */
export const kills: Scenario = {
  name: 'kills',
  describes: 'SIGKILL to the processes of one function every second',
  async run(context) {
    const perSecond = 40;
    const messages = perSecond * (context.quick ? 10 : 40);
    await using bed = await openBed(context, {
      name: 'kills',
      stageConfig: quickToComeBack,
      plan: twoEndpoints(20, messages),
    });
    const run = { group: 'tower', messages, perSecond, settleMs: 120_000 };
    const { result, kills } = await runUnderKills(bed, victims, run);
    const audit = await bed.load.audit();
    return {
      figures: { result, kills, audit },
      checks: [
        none('kills: lost', audit.lost),
        none('kills: requests with an id that no event has', audit.strays),
        none('kills: duplicates with another body', audit.mismatched),
        none('kills: bad signatures', audit.badSignatures),
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
            ['of them duplicates, all with the same webhook-id', String(audit.duplicated)],
          ],
        },
        {
          title: 'Latency, ms',
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: latencyRow(result.latencyMs),
        },
      ],
    };
  },
};
