import { setTimeout as sleep } from 'node:timers/promises';
import { openBed } from '../bed.ts';
import { startKiller } from '../load/killer.ts';
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
      plan: {
        groups: [{ name: 'tower', towers: 20, endpoints: [{ name: 'one' }, { name: 'two' }], messages }],
      },
    });
    const killer = startKiller(bed.stack, victims, 1_000);
    const running = bed.load.run({ group: 'tower', messages, perSecond, settleMs: 120_000 });
    // Whoever was hit last must be able to come back.
    await sleep((messages / perSecond) * 1_000);
    await killer.stop();
    const result = await running;
    const audit = await bed.load.audit();
    return {
      figures: { result, kills: killer.kills(), audit },
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
            ...Object.entries(killer.kills()).map(([name, count]): Row => [
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
