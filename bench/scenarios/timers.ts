import { setTimeout as sleep } from 'node:timers/promises';
import { startDynoxide } from '../../local/engines/dynoxide.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import { openBed, warmUpMessages } from '../bed.ts';
import { openDueTable, type DueTable } from '../load/due-deliveries.ts';
import { endpointsOf, orderly, PlanSchema, twoEndpoints } from '../load/plan.ts';
import type { LoadProcess } from '../load/process.ts';
import type { Audit } from '../load/protocol.ts';
import { latencyRow } from '../report/rows.ts';
import { atMost, fixed, inOrder, none, type Scenario } from '../scenario.ts';

const endpointCount = 100;
/** Less than the stage's: all of them together are what two cores deliver beside handing out, so that receivers can see the pace. */
const perSecond = 2;
const limitMs = 600_000;

/** What is due after an outage of the timers: all at once, for a hundred endpoints. */
export const timers: Scenario = {
  name: 'timers',
  describes: '100,000 due deliveries for 100 endpoints',
  async run(context) {
    const ordered = context.quick ? 20 : 200;
    const warmUp = warmUpMessages(context);
    const engine = await startDynoxide();
    try {
      const plan = PlanSchema.parse({
        groups: [
          {
            name: 'due',
            towers: 1,
            story: 'doors',
            endpoints: Array.from({ length: endpointCount }, (_, index) => ({
              name: `e${index + 1}`,
              label: 'due',
              // Not of the events' locker: what is written to their table is news, and fan-out would send it as well.
              locker: 2,
            })),
            messages: 0,
          },
          ...twoEndpoints(50, warmUp).groups,
          orderly(4, ordered),
        ],
      });
      await using bed = await openBed(context, {
        name: 'timers',
        plan,
        dynamodbEndpoint: engine.endpoint,
        stageConfig: { timers: { catchUpPerSecond: perSecond } },
      });
      const { stack, load } = bed;
      // Functions that start and compile on two busy cores fall behind, and what they then catch up with is not the pace.
      await load.run({ group: 'tower', messages: warmUp, perSecond: null });
      const [group] = plan.groups;
      if (group === undefined) throw new Error('the plan has no group');
      const due = openDueTable(stack, group, endpointsOf(group));
      const before = stack.stats()['TimersFunction'];
      const filledFrom = performance.now();
      const events = context.quick ? 20 : 1_000;
      const count = events * endpointCount;
      await due.fill(events, (ids) => load.book(group.name, ids));
      const startedAt = performance.now();
      context.say(`${count} are due, filled in ${fixed((startedAt - filledFrom) / 1000, 0)} s`);
      // Live events of an endpoint that asks for order, while the others catch up.
      const running = load.run({ group: 'orderly', messages: ordered, perSecond: 2 });
      const [live, handedOutMs] = await Promise.all([running, handedOut(due, startedAt)]);
      await endOfRun(stack);
      due.close();
      const after = stack.stats()['TimersFunction'];
      const audit = await received(load);
      const receivedMs = performance.now() - startedAt;
      const cpuMs = (after?.cpuMs ?? 0) - (before?.cpuMs ?? 0);
      const runs = (after?.invocations ?? 0) - (before?.invocations ?? 0);
      const peak = audit.peakPerSecond['due'] ?? 0;
      const peakOfTen = audit.peakPerTenSeconds['due'] ?? 0;
      return {
        figures: { count, handedOutMs, receivedMs, runs, cpuMs, live, audit, peak, peakOfTen },
        checks: [
          {
            what: 'timers: all due deliveries are handed out',
            measured: `${fixed(handedOutMs / 1000, 0)} s`,
            aim: `< ${limitMs / 1000} s`,
            holds: handedOutMs < limitMs,
          },
          none('timers: lost', audit.lost),
          none('timers: duplicated', audit.duplicated),
          none('timers: requests with an id that is not due', audit.strays),
          ...inOrder('timers: live events of an ordered endpoint', audit),
          // Of single seconds two busy cores make what they like. Without a pace a whole backlog would come in one span.
          atMost(
            'timers: most requests at one endpoint in ten seconds',
            peakOfTen,
            Math.round(1.5 * 10 * perSecond),
          ),
        ],
        sections: [
          {
            title: 'Catching up',
            header: ['', ''],
            rows: [
              ['due deliveries', String(count)],
              ['pace of an endpoint, a second', String(perSecond)],
              ['all handed out after, s', fixed(handedOutMs / 1000, 0)],
              ['all received after, s', fixed(receivedMs / 1000, 0)],
              ['runs of timers', String(runs)],
              ['CPU ms of timers a delivery', fixed(cpuMs / count, 3)],
              ['most requests at one endpoint in one second', String(peak)],
            ],
          },
          {
            title: 'Latency of live events meanwhile, of an ordered endpoint, ms',
            header: ['', 'p50', 'p95', 'p99', 'max'],
            rows: latencyRow(live.latencyMs),
          },
        ],
      };
    } finally {
      await engine.stop();
    }
  },
};

/** Milliseconds until none is left, or until time is up. */
async function handedOut(due: DueTable, startedAt: number): Promise<number> {
  while ((await due.anyLeft()) && performance.now() - startedAt < limitMs) await sleep(1_000);
  return performance.now() - startedAt;
}

/** What was handed out last has yet to be delivered. */
async function received(load: LoadProcess): Promise<Audit> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const audit = await load.audit();
    if (audit.lost === 0 || performance.now() > deadline) return audit;
    await sleep(1_000);
  }
}

/** A run's figures come when it ends, and it leases first what it then sends. */
async function endOfRun(stack: LocalStack): Promise<void> {
  const runs = () => stack.stats()['TimersFunction']?.invocations ?? 0;
  const deadline = performance.now() + 90_000;
  for (const before = runs(); runs() === before && performance.now() < deadline;) await sleep(500);
}
