import { realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listen } from '../../../local/engines/free-port.ts';
import { waitFor } from '../../helpers/stack-process.ts';
import { anyArray, anyNumber, containing } from '../matching.ts';
import { deploy } from './function-folder.ts';

const echo = 'export const handler = async (event) => event;';
const pidAndHang = `
export const handler = async (event) => {
  if (event !== 'hang') return process.pid;
  console.log('hanging');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};`;

/** Its second process gets ready when there is a file `go`. */
const secondWaits = `
import { existsSync, writeFileSync } from 'node:fs';
const isSecond = existsSync('started');
writeFileSync('started', '');
while (isSecond && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 5));
console.log('ready');
export const handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return process.pid;
};`;

const soon = { timeoutMs: 10_000 };

describe('a function in its pool', () => {
  it('answers what its handler returns, as JSON', async () => {
    await using subject = await deploy(
      'export const handler = async () => ({ at: new Date(0), gone: undefined });',
    );
    expect(await subject.pool.invoke(null)).toMatchObject({
      ok: true,
      payload: { at: '1970-01-01T00:00:00.000Z' },
    });
  });

  it('answers null when its handler returns nothing', async () => {
    await using subject = await deploy('export const handler = async () => {};');
    expect(await subject.pool.invoke({})).toMatchObject({ ok: true, payload: null });
  });

  it('sees its own variables and those of Lambda, its folder as working directory, and nothing of ours', async () => {
    process.env['TOWERCAST_TEST_SECRET'] = 'ours';
    await using subject = await deploy(
      'export const handler = async () => ({ env: process.env, cwd: process.cwd() });',
    );
    const result = await subject.pool.invoke({});
    delete process.env['TOWERCAST_TEST_SECRET'];
    expect(result).toMatchObject({
      ok: true,
      payload: {
        cwd: await realpath(subject.directory),
        env: { GREETING: 'hello', AWS_LAMBDA_FUNCTION_NAME: 'subject' },
      },
    });
    expect(JSON.stringify(result)).not.toContain('TOWERCAST_TEST_SECRET');
  });

  it('gets a context with the time that remains', async () => {
    await using subject = await deploy(
      'export const handler = async (_, context) => [context.functionName, context.getRemainingTimeInMillis()];',
    );
    const result = await subject.pool.invoke({});
    expect(result).toMatchObject({ ok: true, payload: ['subject', anyNumber()] });
    const [, remaining] = result.ok && Array.isArray(result.payload) ? result.payload : [];
    expect(remaining).toBeGreaterThan(15_000);
    expect(remaining).toBeLessThanOrEqual(20_000);
  });

  it('has a heap that fits its memory, and dies alone when it needs more', async () => {
    await using subject = await deploy(
      `export const handler = async (event) => {
        const kept = [];
        while (event === 'grow') kept.push(new Array(100_000).fill(kept));
        return process.pid;
      };`,
    );
    expect(await subject.pool.invoke('grow')).toMatchObject({ ok: false });
    expect(subject.lines.join('\n')).toContain('heap out of memory');
    expect(await subject.pool.invoke('go on')).toMatchObject({ ok: true, payload: anyNumber() });
  });

  it('that throws is an error with name, message and trace, and goes on to the next invocation', async () => {
    await using subject = await deploy(
      `export const handler = async (event) => { if (event === 1) throw new RangeError('too far'); return event; };`,
    );
    expect(await subject.pool.invoke(1)).toMatchObject({
      ok: false,
      error: { errorType: 'RangeError', errorMessage: 'too far', trace: anyArray() },
    });
    expect(await subject.pool.invoke(2)).toMatchObject({ ok: true, payload: 2 });
    expect(subject.pool.stats()).toMatchObject({ invocations: 2, errors: 1, replaced: 0 });
  });

  it('that exceeds its timeout is killed and replaced', async () => {
    await using subject = await deploy(pidAndHang, { timeoutMs: 300, concurrency: 1 });
    await subject.pool.warm();
    const [before] = subject.pool.pids;
    expect(await subject.pool.invoke('hang')).toMatchObject({
      ok: false,
      error: { errorType: 'Sandbox.Timedout', errorMessage: containing('after 0.30 seconds') },
    });
    const after = await subject.pool.invoke('pid');
    expect(after).toMatchObject({ ok: true });
    expect(after).not.toMatchObject({ payload: before });
    expect(subject.pool.stats().replaced).toBe(1);
  });

  it('whose process is killed in the middle of an invocation fails that one, and is replaced for the next', async () => {
    await using subject = await deploy(pidAndHang, { concurrency: 1 });
    const invocation = subject.pool.invoke('hang');
    await waitFor(() => (subject.lines.includes('hanging') ? true : undefined), {
      ...soon,
      describe: () => 'the start',
    });
    const [pid] = subject.pool.pids;
    process.kill(pid ?? 0, 'SIGKILL');
    expect(await invocation).toMatchObject({
      ok: false,
      error: { errorType: 'Runtime.ExitError', errorMessage: containing('SIGKILL') },
    });
    expect(await subject.pool.invoke('pid')).toMatchObject({ ok: true });
  });

  it('whose idle process is killed has another one before it is needed', async () => {
    await using subject = await deploy(echo);
    await subject.pool.warm();
    const [before] = subject.pool.pids;
    process.kill(before ?? 0, 'SIGKILL');
    await waitFor(() => (subject.pool.pids.some((pid) => pid !== before) ? true : undefined), {
      ...soon,
      describe: () => 'a new process',
    });
    expect(await subject.pool.invoke(7)).toMatchObject({ ok: true, payload: 7 });
  });

  it('runs one invocation at a time in a process, and grows to its concurrency', async () => {
    await using subject = await deploy(
      `let busy = 0, most = 0;
      export const handler = async () => {
        most = Math.max(most, ++busy);
        await new Promise((resolve) => setTimeout(resolve, 50));
        busy--;
        return [process.pid, most];
      };`,
      { concurrency: 3 },
    );
    const results = await Promise.all(Array.from({ length: 12 }, () => subject.pool.invoke({})));
    const answers = results.map((result) =>
      result.ok && Array.isArray(result.payload) ? result.payload : [],
    );
    expect(answers.every(([, most]) => most === 1)).toBe(true);
    expect(new Set(answers.map(([pid]) => pid)).size).toBe(3);
    expect(subject.pool.pids).toHaveLength(3);
  });

  it('gives who waits for a process to start one that is free sooner', async () => {
    await using subject = await deploy(secondWaits, { concurrency: 2 });
    await subject.pool.warm();
    const [first] = subject.pool.pids;
    const results = await Promise.all([subject.pool.invoke({}), subject.pool.invoke({})]);
    expect(results).toMatchObject([{ payload: first }, { payload: first }]);
    expect(subject.pool.pids).toHaveLength(2);
  });

  it('prefers processes that have worked to one that nobody waited for in the end', async () => {
    await using subject = await deploy(secondWaits, { concurrency: 2 });
    await subject.pool.warm();
    const [first] = subject.pool.pids;
    await Promise.all([subject.pool.invoke({}), subject.pool.invoke({})]);
    // It gets ready when there is nothing to do any more.
    await writeFile(path.join(subject.directory, 'go'), '');
    await waitFor(() => (subject.lines.length === 2 ? true : undefined), {
      ...soon,
      describe: () => 'the second process',
    });
    for (let count = 0; count < 5; count += 1)
      expect(await subject.pool.invoke({})).toMatchObject({ payload: first });
  });

  it('that can not be loaded says so when it is warmed and at each invocation', async () => {
    await using subject = await deploy('import "./missing.mjs"; export const handler = async () => 1;');
    expect(await subject.pool.warm()).toMatchObject({ errorMessage: containing('missing.mjs') });
    expect(await subject.pool.invoke({})).toMatchObject({
      ok: false,
      error: { errorMessage: containing('missing.mjs') },
    });
  });

  it('counts CPU time, AWS requests by operation, and other HTTP requests', async () => {
    const server = createServer((_, response) => response.end('{}'));
    const port = await listen(server, 0, '');
    await using subject = await deploy(`
      import { request } from 'node:http';
      const send = (headers) => new Promise((resolve) => {
        request('http://127.0.0.1:${port}/', { method: 'POST', headers }, (response) => response.resume().on('end', resolve)).end('{}');
      });
      export const handler = async () => {
        await send({ 'x-amz-target': 'DynamoDB_20120810.GetItem' });
        await send({ 'x-amz-target': 'DynamoDB_20120810.GetItem' });
        await send({ 'x-amz-target': 'AmazonSQS.SendMessageBatch' });
        await send({});
      };`);
    expect(await subject.pool.invoke({})).toMatchObject({ ok: true });
    expect(subject.pool.stats()).toMatchObject({
      requests: { 'DynamoDB.GetItem': 2, 'SQS.SendMessageBatch': 1 },
      httpRequests: 1,
    });
    expect(subject.pool.stats().cpuMs).toBeGreaterThan(0);
    server.closeAllConnections();
    server.close();
  });

  it('leaves no process behind when it stops', async () => {
    const subject = await deploy(pidAndHang, { concurrency: 2 });
    const hanging = subject.pool.invoke('hang');
    await subject.pool.invoke('pid');
    const { pids } = subject.pool;
    expect(pids.length).toBeGreaterThan(0);
    await subject[Symbol.asyncDispose]();
    expect(await hanging).toMatchObject({ ok: false });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
