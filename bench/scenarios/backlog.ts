import { setTimeout as sleep } from 'node:timers/promises';
import { openBed } from '../bed.ts';
import { orderly } from '../load/plan.ts';
import type { LoadProcess } from '../load/process.ts';
import type { RunResult } from '../load/protocol.ts';
import { fixed, inOrder, none, type Row, type Scenario, type ScenarioContext } from '../scenario.ts';

/** Failures come back soon; whoever stays away is soon tried again. */
const stageConfig = { delivery: { scheduleSeconds: [0, 2, 4, 8, 15, 30, 60, 60, 60, 60] } };

/** A run of the timers, and what it takes them to hand out. */
const drainLimitMs = 300_000;

const endpoint = (label: string) => [{ name: 'e', label }];

/** A partner is down, comes back, and gets what it missed while live events go on, its own and another's. */
export const backlog: Scenario = {
  name: 'backlog',
  describes: 'a partner is down and comes back: drain of its backlog, live events meanwhile',
  async run(context) {
    const perSecond = 25;
    const downSeconds = context.quick ? 10 : 24;
    const missed = perSecond * downSeconds;
    const livePerSecond = 5;
    const ordered = context.quick ? 100 : 200;
    const live = livePerSecond * (drainLimitMs / 1000);
    await using bed = await openBed(context, {
      name: 'backlog',
      stageConfig,
      plan: {
        groups: [
          { name: 'down', towers: 20, story: 'doors', endpoints: endpoint('down'), messages: missed + live },
          {
            name: 'other',
            towers: 20,
            story: 'doors',
            endpoints: endpoint('other'),
            messages: 300 + 2 * live,
          },
          orderly(4, ordered),
        ],
      },
    });
    const { load } = bed;
    await load.run({ group: 'other', messages: 300, perSecond: 50 });
    await load.answer('down', { kind: 'refuse', status: 503 });
    context.say('down');
    await load.run({ group: 'down', messages: missed, perSecond, settleMs: 0 });
    const before = await load.audit();
    await load.answer('down', { kind: 'accept', delayMs: 0 });
    context.say(`back, with ${before.lost} to get`);
    const startedAt = performance.now();
    const drain = watchDrain(load);
    const during = await liveUntil(load, drain, livePerSecond);
    const drainedMs = (await drain) - startedAt;
    await missInOrder(context, load, ordered);
    const after = await load.audit();
    return {
      figures: { missed: before.lost, drainedMs, during, after },
      checks: [
        none('backlog: lost', after.lost),
        none('backlog: duplicated', after.duplicated),
        ...inOrder('backlog of an ordered endpoint', after),
      ],
      sections: [
        {
          title: 'The backlog',
          header: ['', ''],
          rows: [
            ['deliveries missed', String(before.lost)],
            ['all received after, s', fixed(drainedMs / 1000, 0)],
            ['deliveries a second', fixed((before.lost * 1000) / drainedMs, 1)],
            ['most in one second', String(after.peakPerSecond['down'] ?? 0)],
          ],
        },
        {
          title: 'Latency of live events during the drain, ms',
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: [
            liveRow(
              "the recovering partner's",
              during.map(({ own }) => own),
              'down',
            ),
            liveRow(
              "another partner's",
              during.map(({ other }) => other),
              'other',
            ),
          ],
        },
      ],
    };
  },
};

/** The same for an ordered endpoint: down and back. Resolves when it has all that it missed, or when time is up. */
async function missInOrder(context: ScenarioContext, load: LoadProcess, messages: number): Promise<void> {
  context.say('down, an ordered endpoint');
  await load.answer('ordered', { kind: 'refuse', status: 503 });
  await load.run({ group: 'orderly', messages, perSecond: 20, settleMs: 0 });
  await load.answer('ordered', { kind: 'accept', delayMs: 0 });
  const deadline = performance.now() + drainLimitMs;
  while ((await load.audit()).lost > 0 && performance.now() < deadline) await sleep(500);
}

/** Resolves with the time when nothing is missing but what was published last, or when time is up. */
async function watchDrain(load: LoadProcess): Promise<number> {
  const deadline = performance.now() + drainLimitMs;
  for (;;) {
    const { lost } = await load.audit();
    if (lost < 10 || performance.now() > deadline) return performance.now();
    await sleep(500);
  }
}

interface Live {
  own: RunResult;
  other: RunResult;
}

/** Five seconds at a time, for as long as the drain lasts. */
async function liveUntil(load: LoadProcess, drain: Promise<number>, perSecond: number): Promise<Live[]> {
  const runs: Live[] = [];
  const state = { drained: false };
  const watching = drain.finally(() => {
    state.drained = true;
  });
  do {
    const options = { messages: perSecond * 5, perSecond, settleMs: 30_000 };
    const [own, other] = await Promise.all([
      load.run({ group: 'down', ...options }),
      load.run({ group: 'other', ...options }),
    ]);
    runs.push({ own, other });
  } while (!state.drained);
  await watching;
  return runs;
}

/** The worst of the runs. */
function liveRow(label: string, runs: readonly RunResult[], of: string): Row {
  const worst = (pick: 'p50' | 'p95' | 'p99' | 'max') =>
    Math.max(0, ...runs.map(({ latencyMs }) => latencyMs[of]?.[pick] ?? 0));
  return [label, ...[worst('p50'), worst('p95'), worst('p99'), worst('max')].map((value) => fixed(value, 0))];
}
