import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const reporter = path.join(import.meta.dirname, 'summary-reporter.ts');
const vitest = path.resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs');

/** Runs vitest on these files; its last line and exit code. */
async function runTests(
  files: Record<string, string>,
): Promise<{ lastLine: string | undefined; code: unknown }> {
  const root = mkdtempSync(path.join(tmpdir(), 'towercast-summary-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, name), text);
  const config = { test: { globals: true, reporters: ['default', reporter] } };
  writeFileSync(path.join(root, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`);
  return new Promise((resolve) => {
    execFile(process.execPath, [vitest, 'run', '--root', root], (error, stdout) =>
      resolve({ lastLine: stdout.trimEnd().split('\n').at(-1), code: error?.code ?? 0 }),
    );
  });
}

describe('the last line of a test run', () => {
  it('counts all files together', async () => {
    const files = {
      'a.test.js': "it('one', () => {}); it('two', () => {})",
      'b.test.js': "it('three', () => {})",
    };
    expect(await runTests(files)).toEqual({ lastLine: '3 passed, 0 failed', code: 0 });
  });

  it('counts a file that does not load and an error that nobody caught as failures', async () => {
    const files = {
      'a.test.js': "it('one', () => {}); it('two', () => { throw new Error('two') })",
      'b.test.js': "throw new Error('does not load')",
      'c.test.js': "it('three', () => { void Promise.reject(new Error('nobody caught it')) })",
      'd.test.js': "it.skip('four', () => {}); it.todo('five')",
    };
    expect(await runTests(files)).toEqual({ lastLine: '2 passed, 3 failed, 2 skipped', code: 1 });
  });
});
