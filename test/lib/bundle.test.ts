import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { functionNames } from '../../lib/bundle.ts';
import { synthesize, synthesizeWith } from './synthesized.ts';

const stack = synthesize('dev');
const bundleOf = (name: string) => path.join(stack.outdir, 'bundles', name, 'index.mjs');

const FunctionSchema = z.object({
  Environment: z.object({
    Variables: z.record(z.string(), z.union([z.string(), z.json().transform(() => 'deployed')])),
  }),
});

const logicalIds: Readonly<Record<(typeof functionNames)[number], string>> = {
  ingest: 'IngestFunction',
  'fan-out': 'FanOutFunction',
  deliver: 'DeliverFunction',
  'dead-letter': 'DeadLetterFunction',
  timers: 'TimersFunction',
  api: 'ApiFunction',
};

/** Time that the process spent in line for a processor is its neighbours': Linux tells it, in nanoseconds. */
const script = `
  import { readFileSync } from 'node:fs';
  const inLineMs = () => {
    try {
      return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
    } catch {
      return 0;
    }
  };
  const [start, inLineBefore] = [performance.now(), inLineMs()];
  const { handler } = await import(process.argv[1]);
  const importMs = performance.now() - start - (inLineMs() - inLineBefore);
  console.log(JSON.stringify({ importMs, handler: typeof handler }));
  process.exit(0);`;

/** Imports a bundle in a fresh process with the environment that Lambda would give it. */
function importBundle(name: (typeof functionNames)[number]): { importMs: number; handler: string } {
  const { Environment } = FunctionSchema.parse(stack.get(logicalIds[name]).Properties);
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script, bundleOf(name)], {
    encoding: 'utf8',
    env: {
      ...Environment.Variables,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });
  return z
    .object({ importMs: z.number(), handler: z.string() })
    .parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
}

describe('bundles', () => {
  it.each(functionNames.filter((name) => name !== 'api'))('%s weighs less than 450 kB', (name) => {
    expect(statSync(bundleOf(name)).size).toBeLessThan(450 * 1024);
  });

  // Every operation and four SDK clients are in it. See docs/decisions/0016-one-function-for-the-api.md.
  it('api weighs less than 650 kB', () => {
    expect(statSync(bundleOf('api')).size).toBeLessThan(650 * 1024);
  });

  // The machine may be busy with other tests: the best of some runs is what the bundle itself costs.
  it.each(functionNames)('%s exports its handler, imported in less than 100 ms', (name) => {
    let best = Infinity;
    for (let run = 0; run < 15 && best >= 100; run += 1) {
      const { importMs, handler } = importBundle(name);
      expect(handler).toBe('function');
      best = Math.min(best, importMs);
    }
    expect(best).toBeLessThan(100);
  });

  it.each(functionNames)(
    '%s loads no client that it does not use, as an import of node:http does',
    (name) => {
      expect(readFileSync(bundleOf(name), 'utf8')).not.toMatch(/from ?"node:http"/);
    },
  );

  it.each(functionNames)('%s is deployed as it was bundled', (name) => {
    const { Metadata } = z
      .object({ Metadata: z.object({ 'aws:asset:path': z.string() }) })
      .parse(stack.get(logicalIds[name]));
    const deployed = readFileSync(path.join(stack.outdir, Metadata['aws:asset:path'], 'index.mjs'));
    expect(deployed.equals(readFileSync(bundleOf(name)))).toBe(true);
  });

  it('esbuild tells what is in each', () => {
    const MetafileSchema = z.object({ outputs: z.record(z.string(), z.object({ bytes: z.number() })) });
    const { outputs } = MetafileSchema.parse(
      JSON.parse(readFileSync(path.join(stack.outdir, 'bundles', 'metafile.json'), 'utf8')),
    );
    const bytes = Object.entries(outputs).map(([file, output]) => [
      path.basename(path.dirname(file)),
      output.bytes,
    ]);
    expect(Object.fromEntries(bytes)).toEqual(
      Object.fromEntries(functionNames.map((name) => [name, statSync(bundleOf(name)).size])),
    );
  });

  it('the same sources make the same bundles, so that a deployment without changes changes nothing', () => {
    const again = synthesizeWith('dev', {});
    for (const id of Object.values(logicalIds))
      expect(again.get(id).Properties['Code']).toEqual(stack.get(id).Properties['Code']);
  });
});
