import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import * as z from 'zod';
import { StartError } from './start-error.ts';

const root = path.resolve(import.meta.dirname, '..');
/** Where Node keeps compiled code, ours and the functions': their processes start in half the time. */
export const compileCache = path.join(root, 'node_modules', '.cache', 'towercast-compile');

/** The stage that runs on one machine. */
export const stackName = 'Towercast-local';

const CdkJsonSchema = z.object({ context: z.record(z.string(), z.json()).default({}) });

export interface SynthesizeOptions {
  readonly outDir: string;
  /** JSON that is merged over the stage's defaults. */
  readonly stageConfig?: string | undefined;
}

/**
 * Synthesizes the stack of stage `local` into `outDir`, as `cdk synth -c stage=local -c config=…` would: the CLI
 * adds nothing but the context of cdk.json. Throws StartError with what the app says about itself.
 */
export async function synthesize({ outDir, stageConfig }: SynthesizeOptions): Promise<void> {
  const { context } = CdkJsonSchema.parse(JSON.parse(readFileSync(path.join(root, 'cdk.json'), 'utf8')));
  const child = spawn(process.execPath, ['bin/towercast.ts'], {
    cwd: root,
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: compileCache,
      CDK_OUTDIR: outDir,
      // The CDK's own template validation takes half of the time. `cdk synth`, `cdk deploy` and the tests run it.
      CDK_VALIDATION: 'false',
      CDK_CONTEXT_JSON: JSON.stringify({
        ...context,
        stage: 'local',
        ...(stageConfig === undefined ? {} : { config: stageConfig }),
      }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const output = await text(child.stderr);
  await exited;
  if (child.exitCode !== 0)
    throw new StartError(
      'synthesis_failed',
      `the stack can't be synthesized: ${output.trim() || `exit status ${child.exitCode}`}`,
    );
}
