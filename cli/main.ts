import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readDocument } from './document.ts';
import { run } from './run.ts';
import type { World } from './world.ts';

const documentFile = path.join(import.meta.dirname, '../docs/api/openapi.json');

/** Ctrl-C ends what waits in order; what does not wait it ends at once, as everywhere. */
function abortOnInterrupt(): AbortController {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller;
}
let interrupted: AbortController | undefined;

// Whoever read the lines is gone, as in "towercast … | head".
process.stdout.on('error', () => process.exit(0));

const world: World = {
  args: process.argv.slice(2),
  env: process.env,
  fetch: globalThis.fetch,
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  read: (file) => {
    try {
      return readFileSync(file === '-' ? 0 : file, 'utf8');
    } catch {
      return null;
    }
  },
  write: (file, text) => {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    // A mode is only for new files: one that is there already might be open to others.
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode: 0o600 });
  },
  remove: (file) => rmSync(file, { force: true }),
  home: homedir(),
  columns: process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
  nowMs: Date.now,
  pause: (ms) => {
    interrupted ??= abortOnInterrupt();
    return wait(ms, true, { signal: interrupted.signal }).catch(() => false);
  },
};

process.exitCode = await run(readDocument(readFileSync(documentFile, 'utf8')), world);
