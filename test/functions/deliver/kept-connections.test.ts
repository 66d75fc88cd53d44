import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Resolve } from '../../../functions/deliver/guarded-lookup.ts';
import { connectionLimits } from '../../../functions/deliver/kept-connections.ts';
import { newClient, serve, to, type ClientOverrides } from './listening.ts';

/** Every name leads to this machine. */
const resolve: Resolve = (_, __, callback) =>
  setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }]);

/** A receiver under as many names as one likes. */
async function manyHosts(overrides: ClientOverrides = {}) {
  const { port, connections, open } = await serve((_, response) => response.writeHead(204).end());
  const client = newClient({ resolve, ...overrides });
  const post = (host: string | number) => client.post(to(`http://h${host}.test:${port}/`));
  return { post, connections, open };
}

describe('idle connections', () => {
  it('are at most 128 to all hosts together, however many names there are', async () => {
    const { post, open } = await manyHosts();
    for (let host = 0; host < 300; host += 1) expect(await post(host)).toMatchObject({ status: 204 });
    await vi.waitFor(() => expect(open()).toBe(128));
  });

  it('make room for the next one when they were used longest ago', async () => {
    const { post, connections } = await manyHosts({ limits: { maxIdle: 2 } });
    for (const host of ['a', 'b', 'a', 'c', 'a', 'c']) await post(host);
    expect(connections()).toBe(3);
    // It had to go when c came.
    await post('b');
    expect(connections()).toBe(4);
  });

  it('do not count while they are used', async () => {
    const { post, open } = await manyHosts({ limits: { maxIdle: 1 } });
    const results = await Promise.all(['a', 'b', 'c', 'd'].map(post));
    expect(results.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    await vi.waitFor(() => expect(open()).toBe(1));
  });

  it('are at most 16 to one host', async () => {
    const { post, open } = await manyHosts();
    await Promise.all(Array.from({ length: 40 }, () => post('one')));
    await vi.waitFor(() => expect(open()).toBe(16));
  });

  it('are closed after a while, which is 30 seconds', async () => {
    expect(connectionLimits.idleMs).toBe(30_000);
    const { post, open } = await manyHosts({ limits: { idleMs: 100 } });
    await post('a');
    await vi.waitFor(() => expect(open()).toBe(0), { timeout: 5_000 });
  });

  it('are not kept for longer than five minutes, however busy they are', async () => {
    expect(connectionLimits.maxAgeMs).toBe(300_000);
    const clock = vi.spyOn(performance, 'now');
    onTestFinished(() => clock.mockRestore());
    const { post, connections } = await manyHosts();
    const at = async (ms: number) => {
      clock.mockReturnValue(ms);
      await post('a');
      return connections();
    };
    expect(await at(1_000)).toBe(1);
    expect(await at(301_000)).toBe(1);
    // The last on the old one.
    expect(await at(301_001)).toBe(1);
    expect(await at(301_002)).toBe(2);
    expect(await at(500_000)).toBe(2);
  });
});
