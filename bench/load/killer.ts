import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalStack } from '../../local/local-stack.ts';

export interface Killer {
  readonly kills: () => Record<string, number>;
  stop(): Promise<void>;
}

/** SIGKILL to every process of one function after the other, one function each `everyMs`. */
export function startKiller(stack: LocalStack, functions: readonly string[], everyMs: number): Killer {
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
