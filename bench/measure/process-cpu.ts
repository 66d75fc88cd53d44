import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock. Source: proc(5), USER_HZ. */
const tickMs = 10;

interface Worker {
  pid: number;
  parent: number;
  logicalId: string;
  cpuMs: number;
}

/**
 * The processes of all functions and the CPU milliseconds, user and system, that each took since it started, as the kernel has
 * them: the only count that is the same for two versions of the code. `root` is the stack's main process.
 */
export const functionProcesses = (root: number): Worker[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readWorker(Number(name)))
    .filter(({ parent }) => parent === root);

/** CPU milliseconds of each function between two looks, by logical id. A process that ended meanwhile had been idle. */
export function cpuBetween(before: readonly Worker[], after: readonly Worker[]): Record<string, number> {
  const earlier = new Map(before.map(({ pid, cpuMs }) => [pid, cpuMs]));
  const total: Record<string, number> = {};
  for (const { pid, logicalId, cpuMs } of after)
    total[logicalId] = (total[logicalId] ?? 0) + cpuMs - (earlier.get(pid) ?? 0);
  return total;
}

function readWorker(pid: number): Worker[] {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const logicalId = /\0--function=(?<id>[^\0]+)/.exec(command)?.groups?.['id'];
    if (logicalId === undefined) return [];
    // The name in parentheses may contain anything; fields are counted after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return [
      {
        pid,
        parent: Number(fields[1]),
        logicalId,
        cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs,
      },
    ];
  } catch {
    // It ended while we looked.
    return [];
  }
}
