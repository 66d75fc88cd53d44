import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder for what template tests synthesize; see test/lib/synthesized.ts. */
    synthesisFolder: string;
  }
}

/** Removed when all are done: a worker may end without time to do so. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'towercast-synth-'));
  project.provide('synthesisFolder', folder);
  return () => rm(folder, { recursive: true, force: true });
}
