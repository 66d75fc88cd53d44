import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as z from 'zod';

/** The line that `--json` prints. */
export const ReadySchema = z.strictObject({
  ready: z.literal(true),
  mqtt: z.string(),
  api: z.string(),
  oidc: z.string(),
  iotData: z.string(),
  dynamodb: z.string(),
  sqs: z.string(),
  tables: z.record(z.string(), z.string()),
  queues: z.record(z.string(), z.string()),
  functions: z.record(z.string(), z.string()),
});

export interface StackProcessOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of a cloud assembly; without it the stack synthesizes its own. */
  readonly assembly?: string;
  /** Data of an earlier process. Default: a new folder, which `stop` removes. */
  readonly dataDir?: string;
}

/** `npm start -- --no-demo --json` on free ports, as a process group of its own. */
export interface StackProcess {
  readonly ready: z.infer<typeof ReadySchema>;
  readonly pid: number;
  readonly dataDir: string;
  /** SIGKILL to each of a function's processes; resolves with how many there were. */
  killFunction(logicalId: string): Promise<number>;
  /** Signals the whole group; resolves when the main process is gone. The data stays. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops it in order, and removes the data folder if it is one of ours. */
  stop(): Promise<void>;
  /** All that it has logged so far. */
  stderrText(): string;
}

const root = resolve(import.meta.dirname, '../..');
const startMs = 60_000;
const stopMs = 20_000;
const ownFolders = new Set<string>();

/** Resolves when the stack is ready; rejects with what it wrote to stderr if it ends instead. */
export async function startStackProcess(options: StackProcessOptions = {}): Promise<StackProcess> {
  const dataDir = options.dataDir ?? (await ownFolder());
  const args = ['--no-demo', '--json', '--mqtt-port', '0', '--http-port', '0', '--data', dataDir];
  if (options.assembly !== undefined) args.push('--assembly', options.assembly);
  const child = spawn(process.execPath, ['local/main.ts', ...args, ...(options.args ?? [])], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const exited = once(child, 'exit').then(() => undefined);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const pid = z.number().parse(child.pid);
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, signal);
    await exited;
  };
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]: unknown[]) =>
      z.string().parse(text),
    ),
    exited,
    wait(startMs, undefined, { ref: false }),
  ]);
  if (line === undefined) {
    await kill('SIGKILL');
    throw new Error(`the stack did not start: ${stderr}`);
  }
  return {
    ready: ReadySchema.parse(JSON.parse(line)),
    pid,
    dataDir,
    killFunction: async (logicalId) =>
      (await childPids(pid, `--function=${logicalId}`)).filter(killIfThere).length,
    kill,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await Promise.race([exited, wait(stopMs, undefined, { ref: false }).then(() => kill('SIGKILL'))]);
      if (ownFolders.delete(dataDir)) await rm(dataDir, { recursive: true, force: true });
    },
    stderrText: () => stderr,
  };
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'towercast-data-'));
  ownFolders.add(folder);
  return folder;
}

/** It may have ended since it was listed: of a kill before, or because it was idle. */
function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Children of a process whose command line has this argument. */
async function childPids(parent: number, argument: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, ...args]) => Number(ppid) === parent && args.includes(argument))
    .map(([pid]) => Number(pid));
}

/**
 * Polls until the condition gives something, and returns that; an error of the condition counts as not yet. Throws
 * after `timeoutMs` with what `describe` says was waited for.
 */
export async function waitFor<T>(
  condition: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, describe }: { readonly timeoutMs: number; readonly describe: () => string },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  do {
    try {
      const value = await condition();
      if (value !== undefined) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await wait(20);
  } while (performance.now() < deadline);
  throw new Error(`waited ${timeoutMs} ms in vain for ${describe()}`, { cause: lastError });
}
