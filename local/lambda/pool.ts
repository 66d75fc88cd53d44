import type { Json } from '../intrinsics.ts';
import type { FunctionStats } from '../local-stack.ts';
import { FunctionProcess, type InvocationResult, type ProcessOptions } from './process.ts';
import type { FunctionError } from './protocol.ts';

/** Idle processes beyond the first are ended after this. */
const idleMs = 60_000;

interface Waiting {
  readonly event: Json;
  readonly resolve: (result: InvocationResult) => void;
}

interface Idle {
  readonly process: FunctionProcess;
  readonly since: number;
}

/** One function: its processes, which come with demand up to its concurrency, and its queue of invocations. */
export class FunctionPool {
  readonly definition: ProcessOptions['definition'];
  readonly #options: ProcessOptions;
  readonly #processes = new Set<FunctionProcess>();
  /** The one that worked last comes first, so that a low load keeps few busy. */
  readonly #idle: Idle[] = [];
  readonly #waiting: Waiting[] = [];
  /** They load the handler. */
  readonly #starting = new Set<FunctionProcess>();
  readonly #reaper: NodeJS.Timeout;
  readonly #running = new Map<FunctionProcess, Promise<void>>();
  /** Ended by us: they need no replacement. */
  readonly #ending = new Set<FunctionProcess>();
  #stopped = false;
  #stats = { invocations: 0, errors: 0, replaced: 0, cpuMs: 0, billedMs: 0, httpRequests: 0 };
  readonly #log = { logLines: 0, logBytes: 0 };
  readonly #requests: Record<string, number> = {};

  constructor(options: ProcessOptions) {
    this.#options = { ...options, log: (line) => this.#countLine(line, options.log) };
    this.definition = options.definition;
    this.#reaper = setInterval(() => this.#endIdle(), idleMs).unref();
  }

  /** Starts the first process. Returns why the handler can't be loaded, if so. */
  warm(): Promise<FunctionError | undefined> {
    return this.#start();
  }

  /** Runs the function once. Waits for a free process; never rejects. */
  invoke(event: Json): Promise<InvocationResult> {
    return new Promise((resolve) => {
      this.#waiting.push({ event, resolve });
      this.#dispatch();
    });
  }

  get pids(): number[] {
    return [...this.#processes].flatMap((process) =>
      process.alive && process.pid !== undefined ? [process.pid] : [],
    );
  }

  stats(): FunctionStats {
    const { memoryMb } = this.definition;
    return { ...this.#stats, ...this.#log, memoryMb, requests: { ...this.#requests } };
  }

  /** Waits for running invocations up to `graceMs`, then ends every process. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#reaper);
    for (const { resolve } of this.#waiting.splice(0)) resolve(stopped);
    const deadline = setTimeout(() => [...this.#processes].forEach((process) => process.kill()), graceMs);
    await Promise.all(this.#running.values());
    await Promise.all([...this.#processes].map((process) => process.end()));
    clearTimeout(deadline);
  }

  /**
   * Who waits gets whatever process is free first: the one that was started for it, or one that has ended its work meanwhile. Lambda
   * may do so with its execution environments, too (Lambda, "Execution environment lifecycle", Init phase).
   */
  #dispatch(): void {
    if (this.#stopped) return;
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const [process, next] = [this.#idle.pop()?.process, this.#waiting.shift()];
      if (process && next) this.#running.set(process, this.#run(process, next));
    }
    while (this.#starting.size < this.#waiting.length && this.#processes.size < this.definition.concurrency)
      void this.#start();
  }

  async #run(process: FunctionProcess, { event, resolve }: Waiting): Promise<void> {
    const result = await process.invoke(event);
    this.#running.delete(process);
    this.#count(result);
    if (process.alive) this.#release(process);
    resolve(result);
  }

  #release(process: FunctionProcess): void {
    this.#idle.push({ process, since: Date.now() });
    this.#dispatch();
  }

  /** Resolves when it is free for the first time, or with why it can't be: then who has waited longest is told. */
  async #start(): Promise<FunctionError | undefined> {
    const process = new FunctionProcess(this.#options);
    this.#processes.add(process);
    this.#starting.add(process);
    void process.exited.then(() => this.#forget(process));
    const error = await process.ready;
    this.#starting.delete(process);
    if (!error) this.#welcome(process);
    else this.#refuse(error);
    return error;
  }

  /** If nobody waits for it any more, those that have worked before come first: they are warm. */
  #welcome(process: FunctionProcess): void {
    this.#idle.unshift({ process, since: Date.now() });
    this.#dispatch();
  }

  #refuse(error: FunctionError): void {
    const result: InvocationResult = { ok: false, error };
    const next = this.#waiting.shift();
    if (next) {
      this.#count(result);
      next.resolve(result);
    }
    this.#dispatch();
  }

  /** A process that died is replaced, unless nobody waits and others are left. */
  #forget(process: FunctionProcess): void {
    this.#processes.delete(process);
    const index = this.#idle.findIndex((idle) => idle.process === process);
    if (index !== -1) this.#idle.splice(index, 1);
    if (this.#stopped || this.#ending.delete(process)) return;
    this.#stats.replaced++;
    this.#dispatch();
    if (this.#processes.size === 0) void this.#replace(process);
  }

  /** A handler that can't be loaded would be started over and over: then the next invocation starts it. */
  async #replace(previous: FunctionProcess): Promise<void> {
    if (!(await previous.ready)) await this.warm();
  }

  #endIdle(): void {
    const expired = this.#idle.filter(({ since }) => Date.now() - since > idleMs);
    for (const { process } of expired.slice(0, Math.max(0, this.#processes.size - 1))) {
      this.#idle.splice(
        this.#idle.findIndex((idle) => idle.process === process),
        1,
      );
      this.#ending.add(process);
      void process.end();
    }
  }

  #countLine(line: string, log: (line: string) => void): void {
    this.#log.logLines++;
    this.#log.logBytes += Buffer.byteLength(line);
    log(line);
  }

  #count(result: InvocationResult): void {
    this.#stats.invocations++;
    if (!result.ok) this.#stats.errors++;
    if (!result.usage) return;
    this.#stats.cpuMs += result.usage.cpuMicros / 1000;
    this.#stats.billedMs += Math.ceil(result.usage.durationMs);
    this.#stats.httpRequests += result.usage.httpRequests;
    for (const [operation, count] of Object.entries(result.usage.requests))
      this.#requests[operation] = (this.#requests[operation] ?? 0) + count;
  }
}

const stopped: InvocationResult = {
  ok: false,
  error: { errorType: 'Runtime.Stopped', errorMessage: 'the local stack is stopping' },
};
