import { readdirSync, readFileSync } from 'node:fs';

const pageBytes = 4096;

/** Resident memory of a process in bytes; 0 when it is gone. Linux only. Source: proc(5), statm. */
export function functionBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return 0;
  }
}

interface Process {
  pid: number;
  parent: number;
  rssBytes: number;
}

/** Resident memory in bytes of a process and all its descendants, without `except` and theirs. Linux only. */
export function residentBytes(pid: number, except: ReadonlySet<number>): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)));
  const sum = (root: number): number =>
    except.has(root)
      ? 0
      : (all.find((process) => process.pid === root)?.rssBytes ?? 0) +
        all.filter((process) => process.parent === root).reduce((total, child) => total + sum(child.pid), 0);
  return sum(pid);
}

function readProcess(pid: number): Process[] {
  try {
    // The name in parentheses may contain anything; fields are counted after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return [{ pid, parent: Number(fields[1]), rssBytes: Number(fields[21]) * pageBytes }];
  } catch {
    // It ended while we looked.
    return [];
  }
}
