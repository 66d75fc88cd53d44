import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from './start-error.ts';

export interface DataFolder {
  readonly directory: string;
  /** A path below it. */
  file(...names: string[]): string;
  release(): void;
}

/** What one data folder holds; `--fresh` removes these and touches nothing else that may lie there. */
const contents = ['dynamodb', 'sqs', 'checkpoints', 'assembly', 'keys', 'logs', 'demo'];

/**
 * Takes a data folder for this process. SQLite's lock on a file holds it: the system lets it go when the process ends,
 * however that happens, and it works on every platform. Throws StartError if another process has it.
 */
export function takeDataFolder(directory: string, { fresh }: { readonly fresh: boolean }): DataFolder {
  const absolute = path.resolve(directory);
  const file = (...names: string[]) => path.join(absolute, ...names);
  makeDirectory(absolute);
  const lock = takeLock(file('lock.db'), file('pid'), directory);
  if (fresh) for (const name of contents) rmSync(file(name), { recursive: true, force: true });
  for (const name of contents) mkdirSync(file(name), { recursive: true, mode: 0o700 });
  return { directory: absolute, file, release: () => lock.close() };
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new StartError('data_folder', `can't make ${directory}: choose another folder with --data DIR`, {
      cause: error,
    });
  }
}

function takeLock(lockFile: string, pidFile: string, directory: string): DatabaseSync {
  const lock = new DatabaseSync(lockFile);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    lock.close();
    throw new StartError(
      'data_folder_in_use',
      `${directory} is in use by a running stack${pidOf(pidFile)}: stop that one, or choose another folder with --data DIR`,
      { cause: error },
    );
  }
  writeFileSync(pidFile, String(process.pid));
  return lock;
}

function pidOf(file: string): string {
  try {
    return ` (process ${readFileSync(file, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
