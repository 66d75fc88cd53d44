import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { firstLine } from './first-line.ts';
import type { NetworkInput } from './plan.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The stack of any version of the code, as a process that is known by nothing but its command line. */
export interface ForeignStack {
  readonly pid: number;
  readonly mqtt: string;
  /** From its start to its being ready. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

const ReadySchema = z.object({ ready: z.literal(true), mqtt: z.string() });

/** The sources of a revision of this repository, with this folder's packages. */
export function checkOut(revision: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const archive = path.join(folder, 'sources.tar');
  execFileSync('git', ['archive', '--format=tar', '--output', archive, revision], { cwd: root });
  execFileSync('tar', ['xf', archive], { cwd: folder });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

/** This folder's sources as they are now, so that both sides are set up alike. */
export function copyWorkingTree(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const part of [
    'bin',
    'lib',
    'functions',
    'schemas',
    'local',
    'package.json',
    'cdk.json',
    'tsconfig.json',
  ])
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

/** `npm start -- --no-demo --json --network …` in a folder of sources, on free ports. Rejects with what it says if it ends. */
export async function startForeignStack(sources: string, network: NetworkInput): Promise<ForeignStack> {
  const file = path.join(sources, 'bench-network.json');
  writeFileSync(file, JSON.stringify(network));
  const data = path.join(sources, 'bench-data');
  const args = [
    '--no-demo',
    '--json',
    '--mqtt-port',
    '0',
    '--http-port',
    '0',
    '--data',
    data,
    '--network',
    file,
  ];
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['local/main.ts', ...args], {
    cwd: sources,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // The end is what tells why it ended; while it runs, nobody reads it.
    said = (said + text).slice(-4_000);
  });
  const exited = once(child, 'exit');
  const line = await Promise.race([
    firstLine(child.stdout),
    exited.then(() => {
      throw new Error(`the stack in ${sources} ended: ${said}`);
    }),
  ]);
  const readyMs = performance.now() - startedAt;
  const { mqtt } = ReadySchema.parse(JSON.parse(line));
  return {
    pid: child.pid ?? 0,
    mqtt,
    readyMs,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
