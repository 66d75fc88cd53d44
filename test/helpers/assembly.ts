import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesize } from '../../local/synthesize.ts';
import { testStage } from './stage-config.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the cloud assembly that end-to-end tests run; see stage-config.ts. */
    assembly: string;
  }
}

/** Synthesizes the test stage once for all files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'towercast-assembly-'));
  await synthesize({ outDir: folder, stageConfig: JSON.stringify(testStage) });
  project.provide('assembly', folder);
  return () => rm(folder, { recursive: true, force: true });
}
