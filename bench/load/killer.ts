import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalStack } from '../../local/local-stack.ts';
import type { Bed } from '../bed.ts';
import type { RunOptions, RunResult } from './protocol.ts';

type TimedRun = RunOptions & { perSecond: number };

/** Runs, side by side and equally long, during which a function dies every second, whatever it is doing. */
export async function runUnderKills(
  { stack, load }: Bed,
  victims: readonly string[],
  runs: readonly TimedRun[],
): Promise<{ results: RunResult[]; kills: Record<string, number> }> {
  const killer = startKiller(stack, victims, 1_000);
  // Whoever was hit last must be able to come back.
  const stopped = sleep(Math.max(...runs.map(secondsOf)) * 1_000).then(() => killer.stop());
  try {
    const [results] = await Promise.all([Promise.all(runs.map(async (run) => load.run(run))), stopped]);
    return { results, kills: killer.kills() };
  } finally {
    await killer.stop();
  }
}

const secondsOf = ({ messages, perSecond }: TimedRun): number => messages / perSecond;

interface Killer {
  readonly kills: () => Record<string, number>;
  stop(): Promise<void>;
}

/** SIGKILL to every process of one function after the other, one function each `everyMs`. */
function startKiller(stack: LocalStack, functions: readonly string[], everyMs: number): Killer {
  const kills: Record<string, number> = {};
  const stopping = new AbortController();
  const killing = (async () => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const name = functions[turn % functions.length] ?? '';
      for (const pid of stack.functionPids(name)) {
        process.kill(pid, 'SIGKILL');
        kills[name] = (kills[name] ?? 0) + 1;
      }
      await sleep(everyMs);
    }
  })();
  return {
    kills: () => kills,
    stop: async () => {
      stopping.abort();
      await killing;
    },
  };
}
