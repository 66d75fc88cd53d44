import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../start-error.ts';
import { freePort } from './free-port.ts';

export interface Dynoxide {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * Runs "$@" until it ends or until standard input closes, which happens when our own process is gone, however it
 * died. Nothing else notices a SIGKILL of the parent on every Unix.
 */
const untilParentDies = `
exec 3<&0
"$@" </dev/null 3<&- &
engine=$!
{ cat <&3 >/dev/null; kill -9 $engine 2>/dev/null; } &
watch=$!
exec 3<&-
wait $engine
code=$?
kill $watch 2>/dev/null
exit $code`;

/** Starts dynoxide on a free port, on the SQLite file, or in memory without one. Throws StartError. */
export async function startDynoxide(file?: string): Promise<Dynoxide> {
  const binary = findBinary();
  // Between choosing a port and the engine's listening another process may take it.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = spawn(
      '/bin/sh',
      ['-c', untilParentDies, 'dynoxide', binary, '--host', '127.0.0.1', '--port', String(port)].concat(
        file === undefined ? [] : ['--db-path', file],
      ),
      // Its own process group: Ctrl-C in the terminal must not end it before the functions that write to it.
      { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
    );
    const endpoint = `http://127.0.0.1:${port}`;
    const output = collect(child);
    if (await isUp(endpoint, child)) {
      if (file !== undefined) indexStreams(file);
      return { endpoint, stop: () => stop(child) };
    }
    if (attempt === 3)
      throw new StartError(
        'engine_failed',
        `the DynamoDB engine did not start (${output().trim().replaceAll('\n', ' ') || 'no output'}): remove the data folder with --fresh, or set DYNAMODB_ENDPOINT to another engine`,
      );
  }
}

/**
 * The engine looks through all records of all streams at each write, for the number of the next, and at each read, and never removes
 * one: with 12,000 of them a write takes twice as long as with none. These are for what it looks for there.
 */
function indexStreams(file: string): void {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    database.exec(`
      CREATE INDEX IF NOT EXISTS towercast_next_number
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
      CREATE INDEX IF NOT EXISTS towercast_next_records
        ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));`);
  } finally {
    database.close();
  }
}

function findBinary(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return path.join(path.dirname(manifest), 'dynoxide');
  } catch (error) {
    throw new StartError(
      'engine_missing',
      `no DynamoDB engine for this machine (${name} is not installed): run "npm ci", or start DynamoDB Local or dynoxide yourself and set DYNAMODB_ENDPOINT=http://127.0.0.1:PORT`,
      { cause: error },
    );
  }
}

/** The last of what it wrote to stderr. */
function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-1000);
  });
  return () => text;
}

async function isUp(endpoint: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + 10_000;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    try {
      await fetch(endpoint, { signal: AbortSignal.timeout(1000) });
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  return false;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.stdin?.end();
  await exited;
}
