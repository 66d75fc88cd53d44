import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const main = path.resolve(import.meta.dirname, '../../cli/main.ts');

describe('with npm start running, the command line needs no setup', () => {
  let world: World;
  let inbox: Inbox;
  let endpointId: string;

  /** `line` is split at spaces; `rest` is not. */
  const start = (line: string, ...rest: string[]): ChildProcess =>
    spawn(process.execPath, [main, ...line.split(' '), ...rest, '--data', world.stack.dataDir], {
      // What a developer has set must not decide what is called.
      env: { PATH: process.env['PATH'] ?? '', HOME: world.stack.dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function towercast(
    line: string,
    ...rest: string[]
  ): Promise<{ code: unknown; out: string; note: string }> {
    const child = start(line, ...rest);
    const [exit, out, note] = await Promise.all([
      once(child, 'exit'),
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
    ]);
    return { code: exit[0], out, note };
  }

  async function json<T>(schema: z.ZodType<T>, line: string, ...rest: string[]): Promise<T> {
    const { code, out, note } = await towercast(line, ...rest, '--json');
    expect({ code, note }).toEqual({ code: 0, note: '' });
    return schema.parse(JSON.parse(out));
  }

  beforeAll(async () => {
    world = await startWorld({ network: () => ({}) });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('an operator sets up a partner and a tower', async () => {
    const done = { code: 0, note: '' };
    const partner = 'partners create --partner-id acme --name Acme --client-ids acme-app';
    expect(await towercast(partner)).toMatchObject(done);
    const lockers = JSON.stringify([{ locker: 9 }]);
    const tower = `towers create --tower-id ${towerId} --partner-ids acme --lockers ${lockers}`;
    expect(await towercast(tower)).toMatchObject(done);
    const { out } = await towercast('partners list');
    expect(out).toMatch(/^PARTNER ID +NAME[^]*\nacme +Acme +true +acme-app\n/);
  });

  it('a partner registers an endpoint and gets a sample with a good signature', async () => {
    const url = world.receiver.url('/hooks');
    const schema = z.object({ endpointId: z.string(), secret: z.string().startsWith('whsec_') });
    const created = await json(schema, `endpoints create --as acme-app --url ${url}`);
    endpointId = created.endpointId;
    inbox = world.receiver.expect('/hooks', { secret: created.secret });
    expect((await towercast(`endpoints get ${endpointId} --as acme-app`)).out).not.toContain('whsec_');
    const sample = await towercast(`endpoints test ${endpointId} --as acme-app --type locker.opened`);
    expect(sample.code).toBe(0);
    const request = await inbox.waitFor(({ headers }) => headers['towercast-test'] === 'true', 20_000);
    expect(request.signature).toBe('ok');
  });

  it('deliveries tail prints what happens while it watches', async () => {
    const tail = start(`deliveries tail ${endpointId} --as acme-app --interval 0.2`);
    const lines: string[] = [];
    if (tail.stdout !== null) createInterface({ input: tail.stdout }).on('line', (line) => lines.push(line));
    if (tail.stderr !== null) await once(createInterface({ input: tail.stderr }), 'line');
    const tower = await world.tower(towerId);
    await tower.publish({ type: 'tower.started' });
    const line = await waitFor(() => lines.find((one) => one.includes('tower.started')), {
      timeoutMs: 20_000,
      describe: () => `a line about tower.started among ${JSON.stringify(lines)}`,
    });
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} .*tower\.started +delivered +204 +\d+ ms +dlv_/);
    tail.kill('SIGINT');
    expect((await once(tail, 'exit'))[0]).toBe(0);
  });

  it('a change carries the version that was read', async () => {
    const changed = await towercast(`endpoints update ${endpointId} --as acme-app --status disabled`);
    expect(changed).toMatchObject({ code: 0, note: '' });
    const stale = await towercast(
      `endpoints update ${endpointId} --as acme-app --status active --if-match "1"`,
    );
    expect(stale.code).toBe(1);
    expect(stale.note).toContain('412 version_mismatch');
  });

  it('a refusal names each field and exits with 1, a wrong command with 2', async () => {
    const refused = await towercast('endpoints create --as acme-app --url http://10.0.0.1/');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.note).toContain('/body/url (--url): ');
    expect((await towercast('partners list --as acme-app')).code).toBe(1);
    expect((await towercast('endpoints create --as acme-app')).code).toBe(2);
  });
});
