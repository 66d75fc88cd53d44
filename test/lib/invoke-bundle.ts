import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { functionNames } from '../../lib/bundle.ts';
import type { synthesize } from './synthesized.ts';

/** What is text in the template, and the rest as something. */
const FunctionSchema = z.object({
  Environment: z.object({
    Variables: z.record(z.string(), z.union([z.string(), z.json().transform(() => 'deployed')])),
  }),
});

const script = `
  const { handler } = await import(process.argv[1]);
  const answer = await handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 30_000 });
  console.log('\\n' + JSON.stringify(answer));
  process.exit(0);`;

interface Invocation {
  stack: ReturnType<typeof synthesize>;
  name: (typeof functionNames)[number];
  logicalId: string;
  /** Instead of what the template says. */
  env: Record<string, string>;
  event: unknown;
}

/** Invokes the bundle that would be deployed, in a process of its own, with its environment from the template. */
export async function invokeBundle({ stack, name, logicalId, env, event }: Invocation): Promise<unknown> {
  const { Variables } = FunctionSchema.parse(stack.get(logicalId).Properties).Environment;
  const bundle = path.join(stack.outdir, 'bundles', name, 'index.mjs');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, bundle, JSON.stringify(event)],
    {
      env: {
        ...Variables,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        ...env,
      },
    },
  );
  const answer: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  return answer;
}
