import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalStack } from '../../local/local-stack.ts';
import type { Bed } from '../bed.ts';
import type { RunOptions, RunResult } from './protocol.ts';

/** A run during which a function dies every second, whatever it is doing. */
export async function runUnderKills(
  { stack, load }: Bed,
  victims: readonly string[],
  run: RunOptions & { perSecond: number },
): Promise<{ result: RunResult; kills: Record<string, number> }> {
  const killer = startKiller(stack, victims, 1_000);
  const running = load.run(run);
  // Whoever was hit last must be able to come back.
  await sleep((run.messages / run.perSecond) * 1_000);
  await killer.stop();
  return { result: await running, kills: killer.kills() };
}

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
