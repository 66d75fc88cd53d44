import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock. Source: proc(5), USER_HZ. */
const tickMs = 10;
/** What a process does between the last look at it and its end is not counted: it ends because it had nothing to do. */
const lookEveryMs = 500;

/** A function's process, and the CPU milliseconds, user and system, that it took since it started. */
interface Worker {
  pid: number;
  parent: number;
  logicalId: string;
  /** In the kernel's ticks since it booted: with it, a process id that is used again is another process. */
  startedAt: number;
  cpuMs: number;
}

/** What processes take from a first look on. Those that come are counted from their start, those that end until the last look at them. */
export class CpuAccount {
  readonly #before: ReadonlyMap<string, number>;
  readonly #latest = new Map<string, Worker>();
  #present = new Set<string>();

  constructor(before: readonly Worker[]) {
    this.#before = new Map(before.map((worker) => [nameOf(worker), worker.cpuMs]));
    this.look(before);
  }

  look(workers: readonly Worker[]): void {
    for (const worker of workers) this.#latest.set(nameOf(worker), worker);
    this.#present = new Set(workers.map(nameOf));
  }

  /** CPU milliseconds by function. */
  byFunction(): Record<string, number> {
    const total: Record<string, number> = {};
    for (const [name, { logicalId, cpuMs }] of this.#latest)
      total[logicalId] = (total[logicalId] ?? 0) + cpuMs - (this.#before.get(name) ?? 0);
    return total;
  }

  /** Processes that were there and no longer are. */
  get ended(): number {
    return this.#latest.size - this.#present.size;
  }
}

const nameOf = ({ pid, startedAt }: Worker): string => `${pid} ${startedAt}`;

/**
 * What the processes of all functions take while `work` runs, as the kernel counts: the only count that is the same for two
 * versions of the code. `root` is the stack's main process.
 */
export async function cpuDuring<T>(
  root: number,
  work: () => Promise<T>,
): Promise<{ result: T; account: CpuAccount }> {
  const account = new CpuAccount(functionProcesses(root));
  const timer = setInterval(() => account.look(functionProcesses(root)), lookEveryMs);
  try {
    const result = await work();
    account.look(functionProcesses(root));
    return { result, account };
  } finally {
    clearInterval(timer);
  }
}

const functionProcesses = (root: number): Worker[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readWorker(Number(name)))
    .filter(({ parent }) => parent === root);

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
        startedAt: Number(fields[19]),
        cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs,
      },
    ];
  } catch {
    // It ended while we looked.
    return [];
  }
}
