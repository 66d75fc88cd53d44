import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { takeDataFolder } from '../../local/data-folder.ts';
import { listen } from '../../local/engines/free-port.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'towercast-main-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs a start that must fail. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, [
    'local/main.ts',
    '--no-demo',
    '--data',
    path.join(folder, 'data'),
    ...args,
  ]);
  const exited = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exited;
  return { status: child.exitCode, stdout, stderr };
}

const oneLine = /^towercast: .*\n$/;

describe('a start that can not be made says why in one line and exits with 1', () => {
  it('with an unknown flag', async () => {
    const { status, stdout, stderr } = await start('--prot', '1');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--prot');
  });

  it('with a port that is taken', async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    const port = await listen(server, 0, '');
    const { status, stderr } = await start('--mqtt-port', String(port));
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(`port ${port} is taken`);
    expect(stderr).toContain('--mqtt-port 0');
  });

  it('with a data folder that another stack uses', async () => {
    const taken = takeDataFolder(path.join(folder, 'data'), { fresh: false });
    onTestFinished(() => taken.release());
    const { status, stderr } = await start('--mqtt-port', '0', '--http-port', '0');
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(`process ${process.pid}`);
    expect(stderr).toContain('--data');
  });

  it('with an assembly that is none', async () => {
    const { status, stderr } = await start('--mqtt-port', '0', '--http-port', '0', '--assembly', folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--assembly');
  });

  it.each(['DYNAMODB_ENDPOINT', 'SQS_ENDPOINT'])('with a %s where no engine answers', async (variable) => {
    const assembly = await writeAssembly();
    vi.stubEnv(variable, 'http://127.0.0.1:1');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { status, stderr } = await start('--mqtt-port', '0', '--http-port', '0', '--assembly', assembly);
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(variable);
  });

  it('with a template that has what the local stack does not know', async () => {
    const assembly = await writeAssembly({ Mailer: { Type: 'AWS::SES::Template' } });
    const { status, stderr } = await start('--mqtt-port', '0', '--http-port', '0', '--assembly', assembly);
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('AWS::SES::Template');
  });
});

/** The least that is a cloud assembly of ours: a table, a queue and a key. */
async function writeAssembly(others: object = {}): Promise<string> {
  const assembly = await mkdtemp(path.join(folder, 'assembly-'));
  const Resources = {
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      },
    },
    Queue: { Type: 'AWS::SQS::Queue' },
    Key: { Type: 'AWS::KMS::Key' },
    ...others,
  };
  await writeFile(path.join(assembly, 'Towercast-local.template.json'), JSON.stringify({ Resources }));
  await writeFile(path.join(assembly, 'Towercast-local.assets.json'), JSON.stringify({ files: {} }));
  return assembly;
}
