import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Admission, AdmissionRequest } from '../../../functions/domain/endpoint-limits.ts';
import { DeleteCommand } from '../../../functions/shared/aws/documents.ts';
import { createEndpointLimiter, type EndpointLimiter } from '../../../functions/shared/endpoint-limits.ts';
import type { EndpointLimits } from '../../../schemas/endpoint.ts';
import { TowercastError } from '../../../functions/shared/errors.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

/** The limiters of so many functions. */
const makeLimiters = (count: number) =>
  Array.from({ length: count }, () => createEndpointLimiter({ ...tables, now: Date.now }));

const ask = (
  limiter: EndpointLimiter | undefined,
  endpointId: string,
  limits: EndpointLimits,
  more: Partial<Pick<AdmissionRequest, 'nowMs' | 'leaseId' | 'turnMs' | 'backlog'>> = {},
): Promise<Admission> => {
  if (limiter === undefined) throw new TypeError('no limiter');
  const { nowMs = Date.now(), leaseId = 'a', turnMs = null, ...rest } = more;
  const waits = { leaseMs: 20_000, maxWaitMs: 300, maxAheadMs: 900_000 };
  return limiter.admit(endpointId, { limits, nowMs, leaseId, turnMs, ...rest, ...waits });
};

const codeOf = (error: unknown): string => (error instanceof TowercastError ? error.code : '');

describe('a rate across functions', () => {
  it.each([
    { functions: 4, perSecond: 40, requests: 60 },
    { functions: 20, perSecond: 400, requests: 800 },
  ])('lets nothing through sooner than it allows, and everything in the end: %o', async (given) => {
    const { functions, perSecond, requests } = given;
    const limiters = makeLimiters(functions);
    const startsMs: number[] = [];
    const visit = async (index: number): Promise<void> => {
      for (let turnMs: number | null = null; ;) {
        const nowMs = Date.now();
        const limiter = limiters[index % functions];
        const admission: Admission | null = await ask(
          limiter,
          `rated-${perSecond}`,
          { perSecond },
          { nowMs, turnMs },
        ).catch((error: unknown) => {
          if (codeOf(error) !== 'item_contended') throw error;
          return null;
        });
        // So many ask at once that it could not be answered: it comes again, as the gate has it, but sooner.
        if (admission === null) {
          await wait(100 + 200 * Math.random());
          continue;
        }
        if (admission.kind === 'go') {
          startsMs.push(nowMs + admission.waitMs);
          return;
        }
        if (admission.kind === 'full') throw new Error('full');
        turnMs = admission.turnMs;
        await wait(Math.max(admission.retryMs - Date.now(), 1));
      }
    };
    await Promise.all(Array.from({ length: requests }, (_, index) => visit(index)));
    startsMs.sort((a, b) => a - b);
    expect(startsMs).toHaveLength(requests);
    for (const [index, startMs] of startsMs.entries())
      expect(
        startsMs.filter((one) => one >= startMs && one < startMs + 1_000 - 1e-6).length,
        `${index}`,
      ).toBeLessThanOrEqual(perSecond);
  });

  it('costs one write for a request of a single function', async () => {
    const [limiter] = makeLimiters(1);
    await ask(limiter, 'cheap', { perSecond: 1_000 });
    tables.takeRequests();
    for (let index = 0; index < 3; index += 1) await ask(limiter, 'cheap', { perSecond: 1_000 });
    expect(tables.takeRequests()).toEqual(['PutItem', 'PutItem', 'PutItem']);
  });

  it('costs no more with all limits and the rate of a backlog: one write to begin, and one to end', async () => {
    const [limiter] = makeLimiters(1);
    const limits = { perSecond: 1_000, concurrency: 10 };
    const backlog = { perSecond: 500, maxAheadMs: 900_000 };
    for (const leaseId of ['first', 'second']) {
      tables.takeRequests();
      expect(await ask(limiter, 'paced', limits, { leaseId, backlog })).toMatchObject({ kind: 'go' });
      await limiter?.release('paced', leaseId, 100);
      const begun = leaseId === 'first' ? ['GetItem', 'PutItem'] : ['PutItem'];
      expect(tables.takeRequests()).toEqual([...begun, 'PutItem']);
    }
  });
});

describe('what is kept of an endpoint', () => {
  it('is cleaned up a week after its last request, and starts anew then', async () => {
    let nowMs = Date.parse('2026-03-20T09:15:00.000Z');
    const limiter = createEndpointLimiter({ ...tables, now: () => nowMs });
    const stored = async () =>
      (await tables.scan('entities')).filter(({ pk }) => pk === 'endpoint-limits#idle');
    const limits = { perSecond: 1, concurrency: 1 };
    await ask(limiter, 'idle', limits, { nowMs });
    nowMs += 3_600_000;
    await limiter.release('idle', 'a', 100);
    const [item, ...others] = await stored();
    expect(others).toEqual([]);
    expect(item).toMatchObject({ expiresAt: (nowMs + 7 * 86_400_000) / 1_000 });

    await tables.documents.send(
      new DeleteCommand({
        TableName: 'entities',
        Key: { pk: 'endpoint-limits#idle', sk: 'limits' },
      }),
    );
    // This function still remembers what was deleted.
    nowMs += 8 * 86_400_000;
    expect(await ask(limiter, 'idle', limits, { nowMs })).toEqual({ kind: 'go', waitMs: 0 });
    expect(await stored()).toMatchObject([{ version: 1 }]);
  });
});

describe('a number at a time across functions', () => {
  const limits = { concurrency: 3 };

  it('is never exceeded, and reached', async () => {
    const limiters = makeLimiters(5);
    let underWay = 0;
    let most = 0;
    let done = 0;
    const visit = async (index: number): Promise<void> => {
      const limiter = limiters[index % 5];
      const leaseId = `lease-${index}`;
      for (let turnMs: number | null = null; ;) {
        const admission = await ask(limiter, 'few', limits, { leaseId, turnMs });
        if (admission.kind === 'go') break;
        if (admission.kind === 'full') throw new Error('full');
        turnMs = admission.turnMs;
        await wait(Math.max(admission.retryMs - Date.now(), 1));
      }
      underWay += 1;
      most = Math.max(most, underWay);
      await wait(5);
      underWay -= 1;
      done += 1;
      await limiter?.release('few', leaseId, 5);
    };
    await Promise.all(Array.from({ length: 30 }, (_, index) => visit(index)));
    expect({ done, most }).toEqual({ done: 30, most: 3 });
  });

  it('frees the leases of functions that crashed', async () => {
    const [one, other] = makeLimiters(2);
    for (const leaseId of ['a', 'b', 'c'])
      expect((await ask(one, 'crashed', limits, { leaseId, nowMs: 1_000 })).kind).toBe('go');
    const refused = await ask(other, 'crashed', limits, { leaseId: 'd', nowMs: 20_999 });
    const turnMs = refused.kind === 'later' ? refused.turnMs : null;
    expect(turnMs).toBeGreaterThan(20_999);
    expect((await ask(other, 'crashed', limits, { leaseId: 'd', nowMs: 21_000, turnMs })).kind).toBe('go');
  });
});
