import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** An environment in which the SDK and the CLI find no account, no region, no credentials. */
const nobody = { PATH: process.env['PATH'], HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' };

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'towercast-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const cdkSynth = async (...flags: string[]) =>
  run(process.execPath, [path.join(root, 'node_modules/aws-cdk/bin/cdk'), 'synth', '--quiet', ...flags], {
    cwd: root,
    env: nobody,
  });

describe('cdk synth', () => {
  it('needs neither credentials nor a region, and takes the stage from the context', async () => {
    const folder = temporaryFolder();
    await cdkSynth('--output', folder, '-c', 'stage=prod', '-c', 'config={"graceHours":1}');
    expect(readdirSync(folder)).toContain('Towercast-prod.template.json');
  });

  it('says what is wrong with a config, and no more', async () => {
    const env = {
      ...nobody,
      CDK_OUTDIR: temporaryFolder(),
      CDK_CONTEXT_JSON: '{"stage":"dev","config":{"x":1}}',
    };
    const failed: unknown = await run(process.execPath, ['bin/towercast.ts'], { cwd: root, env }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: 'config: Unrecognized key: "x"\n' });
  });
});
