import { describe, expect, it } from 'vitest';
import type { Json } from '../../../local/intrinsics.ts';
import { type AsyncRules, InvokeError, invokeAsync } from '../../../local/lambda/invoke-async.ts';
import { deploy } from './function-folder.ts';

/** Fails as often as its event says, and tells how often it was tried. */
const failing = `
let tries = 0;
export const handler = async ({ failures }) => { if (++tries <= failures) throw new TypeError('try ' + tries); return tries; };`;

const rules = (overrides: Partial<AsyncRules> = {}): AsyncRules => ({
  maxRetries: 2,
  maxEventAgeMs: 60_000,
  retryDelaysMs: [0, 0],
  ...overrides,
});

/** Runs one event through the rules; what was parked, and how often the function ran. */
async function run(failures: number, overrides: Partial<AsyncRules> = {}) {
  await using subject = await deploy(failing, { concurrency: 1 });
  const parked: Json[] = [];
  const park = async (envelope: Json) => {
    parked.push(envelope);
  };
  await invokeAsync(subject.pool, { failures }, rules({ park, ...overrides }));
  return { parked, invocations: subject.pool.stats().invocations };
}

const unparkable = () => Promise.reject(new Error('the queue is gone'));

describe('an asynchronous invocation', () => {
  it('is over when the function succeeds', async () => {
    expect(await run(0)).toEqual({ parked: [], invocations: 1 });
  });

  it('is retried as often as the function is configured', async () => {
    expect(await run(2)).toEqual({ parked: [], invocations: 3 });
  });

  it('goes to the on-failure destination with its payload when its retries are exhausted', async () => {
    const { parked, invocations } = await run(99);
    expect(invocations).toBe(3);
    expect(parked).toMatchObject([
      {
        version: '1.0',
        requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
        requestPayload: { failures: 99 },
        responseContext: { functionError: 'Unhandled' },
        responsePayload: { errorType: 'TypeError', errorMessage: 'try 3' },
      },
    ]);
  });

  it('goes there earlier when its event would be too old', async () => {
    const { parked, invocations } = await run(99, { maxEventAgeMs: 50, retryDelaysMs: [60_000] });
    expect(invocations).toBe(1);
    expect(parked).toMatchObject([{ requestContext: { condition: 'EventAgeExceeded' } }]);
  });

  it('rejects when its event could not be parked', async () => {
    await expect(run(99, { park: unparkable })).rejects.toThrow('the queue is gone');
  });

  it('rejects, and parks nothing, when no process can be started', async () => {
    await using subject = await deploy(failing, { directory: '/nowhere' });
    await expect(invokeAsync(subject.pool, {}, rules({ park: unparkable }))).rejects.toThrow(InvokeError);
  });
});
