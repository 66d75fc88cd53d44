import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { demoPartners } from '../../local/demo/network.ts';
import { waitFor } from '../helpers/stack-process.ts';

const root = resolve(import.meta.dirname, '../..');

interface DemoProcess {
  /** Everything it wrote, the demo's lines among it. */
  text(): string;
  waitFor(pattern: RegExp): Promise<void>;
  /** Ctrl-C. */
  interrupt(): Promise<number | null>;
}

let dataDir: string;
let child: ChildProcess | null = null;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'towercast-demo-'));
});
afterEach(async () => {
  if (child?.pid !== undefined && isRunning(child.pid)) process.kill(-child.pid, 'SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

/** `npm start` as it is, in a process group of its own. */
function start(): DemoProcess {
  const options = [
    '--mqtt-port',
    '0',
    '--http-port',
    '0',
    '--data',
    dataDir,
    '--assembly',
    inject('assembly'),
  ];
  const started = spawn(process.execPath, ['local/main.ts', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child = started;
  let text = '';
  for (const stream of [started.stdout, started.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    text: () => text,
    async waitFor(pattern) {
      const describe = () => `${pattern} in\n${text}`;
      await waitFor(() => (pattern.test(text) ? true : undefined), { timeoutMs: 90_000, describe });
    },
    async interrupt() {
      const exited = once(started, 'exit');
      started.kill('SIGINT');
      await exited;
      return started.exitCode;
    },
  };
}

/** Whether any process of the group is there. */
function isRunning(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

const complaints = (text: string) => text.split('\n').filter((line) => /^demo:|✗ BAD| 401 /.test(line));

describe('npm start', () => {
  it('plays the flows of all seven partners, and goes on after Ctrl-C without anything left behind', async () => {
    const first = start();
    for (const { partnerId, contract } of demoPartners)
      await first.waitFor(new RegExp(`└▶ .* ${partnerId} +${contract} +204 {2}✓ verified`));
    // Over HTTP to a link, by its button to a command, and by the tower's answer to a webhook.
    await first.waitFor(/└▶ .* (LOCKER_TOKEN_USED|locker\.token_used) /);
    await first.waitFor(/◀ .* booking \w+ +read and acknowledged +(add|edit|delete): /);
    expect(await first.interrupt()).toBe(0);
    expect(complaints(first.text())).toEqual([]);
    expect(isRunning(child?.pid ?? 0)).toBe(false);

    const second = start();
    for (const what of ['reservation\\.reserved', 'booking\\.added', 'position\\.created'])
      await second.waitFor(new RegExp(`● .* ${what} `));
    expect(await second.interrupt()).toBe(0);
    expect(complaints(second.text())).toEqual([]);
  });
});
