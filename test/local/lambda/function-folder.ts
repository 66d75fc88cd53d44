import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FunctionDefinition } from '../../../local/lambda/function-definition.ts';
import { environmentOf } from '../../../local/lambda/function-definition.ts';
import { FunctionPool } from '../../../local/lambda/pool.ts';

/** A deployed function in a temporary folder, run by a pool. */
export interface DeployedFunction extends AsyncDisposable {
  readonly pool: FunctionPool;
  readonly directory: string;
  readonly lines: string[];
}

/** `source` is the function's index.mjs. */
export async function deploy(
  source: string,
  overrides: Partial<FunctionDefinition> = {},
): Promise<DeployedFunction> {
  const directory = await mkdtemp(path.join(tmpdir(), 'towercast-function-'));
  await writeFile(path.join(directory, 'index.mjs'), source);
  const definition: FunctionDefinition = {
    logicalId: 'SubjectFunction',
    name: 'subject',
    arn: 'arn:aws:lambda:us-east-1:000000000000:function:subject',
    directory,
    handler: 'index.handler',
    timeoutMs: 20_000,
    memoryMb: 128,
    concurrency: 2,
    variables: { GREETING: 'hello' },
    ...overrides,
  };
  const lines: string[] = [];
  const environment = environmentOf(definition, { PATH: process.env['PATH'] ?? '', AWS_REGION: 'us-east-1' });
  const pool = new FunctionPool({ definition, environment, log: (line) => lines.push(line) });
  return {
    pool,
    directory,
    lines,
    [Symbol.asyncDispose]: async () => {
      await pool.stop(0);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
