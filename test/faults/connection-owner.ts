import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Which of these processes holds a connection from this port of 127.0.0.1: so that a fault kills the process that called,
 * and not its neighbours. None where the caller is gone: a neighbour's fault has killed it, or it gave up waiting. Where the
 * system doesn't tell (only Linux has /proc), all of them.
 */
export function ownersOf(port: number, pids: readonly number[]): readonly number[] {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map(read);
  if (tables.every((table) => table === '')) return pids;
  const inode = inodeOf(port, tables);
  return inode === null ? [] : pids.filter((pid) => holds(pid, `socket:[${inode}]`));
}

/** Source: proc_net_tcp.txt of the Linux kernel: local address, remote address, state, …, inode. */
function inodeOf(port: number, tables: readonly string[]): string | null {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of tables)
    for (const line of table.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(local) === true) return fields[9] ?? null;
    }
  return null;
}

function holds(pid: number, socket: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => target(`${folder}/${fd}`) === socket);
  } catch {
    return false;
  }
}

/** A descriptor may be closed while they are listed. */
function target(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
