import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { LocalStack } from '../../local/local-stack.ts';

export interface BundleFigures {
  /** Of `index.mjs`, minified. */
  bytes: number;
  /** Median of fresh processes, without a compile cache: a cold start's. */
  importMs: number;
}

const runs = 5;
const timeImport = `const from = performance.now(); await import(process.argv[1]); process.stdout.write(String(performance.now() - from)); process.exit(0);`;

/** `FanOutFunction` lives in `fan-out`. */
const folderOf = (logicalId: string): string =>
  logicalId
    .replace(/Function$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-')
    .toLowerCase();

/** Size and import time of each function as deployed, by logical id. */
export function measureBundles(stack: LocalStack, assembly: string): Record<string, BundleFigures> {
  const figures: Record<string, BundleFigures> = {};
  for (const logicalId of Object.keys(stack.functions)) {
    const file = path.join(assembly, 'bundles', folderOf(logicalId), 'index.mjs');
    const times = Array.from({ length: runs }, () =>
      Number(
        execFileSync(process.execPath, ['--input-type=module', '-e', timeImport, file], {
          env: {
            PATH: process.env['PATH'],
            AWS_REGION: stack.aws.region,
            AWS_ACCESS_KEY_ID: 'bench',
            AWS_SECRET_ACCESS_KEY: 'bench',
            ...stack.functionEnvironment(logicalId),
          },
          encoding: 'utf8',
        }),
      ),
    ).sort((a, b) => a - b);
    figures[logicalId] = { bytes: statSync(file).size, importMs: times[Math.floor(runs / 2)] ?? Number.NaN };
  }
  return figures;
}
