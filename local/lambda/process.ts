import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Json } from '../intrinsics.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { type FunctionError, type Invocation, type Report, ReportSchema, type Usage } from './protocol.ts';

export type InvocationResult =
  | { readonly ok: true; readonly payload: Json; readonly usage: Usage }
  /** `usage` is missing when the process was gone before it could tell. */
  | { readonly ok: false; readonly error: FunctionError; readonly usage?: Usage };

export interface ProcessOptions {
  readonly definition: FunctionDefinition;
  readonly environment: Readonly<Record<string, string>>;
  /** Gets each line that the process writes. */
  readonly log: (line: string) => void;
}

const worker = path.join(import.meta.dirname, 'worker.ts');

/** As Lambda's Node.js runtime starts: the heap fits the function's memory, headers may be longer than Node's default. */
const runtimeOptions = ({ memoryMb }: FunctionDefinition): string[] => {
  const newSpaceMb = Math.floor(memoryMb / 10);
  return [
    `--max-semi-space-size=${Math.floor(newSpaceMb / 2)}`,
    `--max-old-space-size=${memoryMb - newSpaceMb}`,
    '--max-http-header-size=81920',
    '--expose-gc',
  ];
};

/** One process of a function. It runs one invocation at a time and is done for after a timeout or its own death. */
export class FunctionProcess {
  readonly #child: ChildProcess;
  readonly #definition: FunctionDefinition;
  /** Settles when the handler is loaded; the error when it can't be. */
  readonly ready: Promise<FunctionError | undefined>;
  /** Settles when the process is gone. */
  readonly exited: Promise<void>;
  #initError: FunctionError | undefined;
  #finish: ((result: InvocationResult) => void) | undefined;
  #killed = false;

  constructor({ definition, environment, log }: ProcessOptions) {
    this.#definition = definition;
    this.#child = fork(worker, [`--function=${definition.logicalId}`], {
      cwd: definition.directory,
      env: { ...environment },
      execArgv: ['--disable-warning=ExperimentalWarning', ...runtimeOptions(definition)],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream) createInterface({ input: stream }).on('line', log);
    this.exited = this.#whenExited();
    this.ready = new Promise((resolve) => {
      this.#child.on('message', (message) => this.#hear(ReportSchema.parse(message), resolve));
      void this.exited.then(() => resolve(this.#initError ?? this.#died()));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    const { exitCode, signalCode, pid } = this.#child;
    return !this.#killed && exitCode === null && signalCode === null && pid !== undefined;
  }

  /** Never rejects: a timeout or a death is a result, as it is for who invokes a Lambda function. */
  async invoke(event: Json): Promise<InvocationResult> {
    const initError = await this.ready;
    if (initError) return { ok: false, error: initError };
    const { timeoutMs } = this.#definition;
    const requestId = randomUUID();
    const finished = new Promise<InvocationResult>((resolve) => {
      this.#finish = resolve;
    });
    const timeout = setTimeout(() => {
      this.#finish?.({
        ok: false,
        error: {
          errorType: 'Sandbox.Timedout',
          errorMessage: `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
        },
      });
      this.kill();
    }, timeoutMs);
    this.#send({ requestId, event, deadline: Date.now() + timeoutMs });
    try {
      return await finished;
    } finally {
      clearTimeout(timeout);
      this.#finish = undefined;
    }
  }

  /** At once. */
  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const deadline = setTimeout(() => this.kill(), 1000);
    await this.exited;
    clearTimeout(deadline);
  }

  #hear(report: Report, ready: (error?: FunctionError) => void): void {
    switch (report.type) {
      case 'ready':
        return ready();
      case 'init-error':
        this.#initError = report.error;
        return ready(report.error);
      case 'result':
        return this.#finish?.({ ok: true, payload: report.payload, usage: report.usage });
      case 'error':
        return this.#finish?.({ ok: false, error: report.error, usage: report.usage });
    }
  }

  #send(invocation: Invocation): void {
    if (!this.#child.connected) return this.#finish?.({ ok: false, error: this.#died() });
    // A failure to send shows as the death of the process, which ends the invocation.
    this.#child.send(invocation, () => undefined);
  }

  async #whenExited(): Promise<void> {
    // A process that can't be started has an error and no exit.
    await Promise.race([once(this.#child, 'exit').catch(() => undefined), once(this.#child, 'error')]);
    this.#finish?.({ ok: false, error: this.#died() });
  }

  #died(): FunctionError {
    const { signalCode, exitCode, pid } = this.#child;
    if (pid === undefined)
      return {
        errorType: 'ServiceException',
        errorMessage: `no process can be started in ${this.#definition.directory}`,
      };
    const how = signalCode === null ? `exit status ${exitCode ?? 'unknown'}` : `signal ${signalCode}`;
    return { errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: ${how}` };
  }
}
