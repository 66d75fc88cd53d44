import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AwsError } from '../../../functions/shared/aws/errors.ts';
import { createIdempotencyStore, type Claim } from '../../../functions/shared/idempotency-store.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(() => tables[Symbol.asyncDispose]());

const nowMs = Date.parse('2026-03-20T09:15:00.000Z');
let ids = 0;
const newClaim = (): Claim => ({ id: `r-${(ids += 1)}`, requestHash: 'h', owner: 'one', nowMs });

/** Over a network that takes the first request, and loses its answer. */
function losingFirstAnswer() {
  let sent = 0;
  const documents = tables.connect((network) => ({
    ...network,
    async send(request) {
      const answer = await network.send(request);
      sent += 1;
      if (sent > 1) return answer;
      throw new AwsError({ name: 'TimeoutError', message: 'lost', retry: 'transient' });
    },
  }));
  onTestFinished(() => documents.destroy());
  return { store: createIdempotencyStore({ ...tables, documents }), sent: () => sent };
}

const store = () => createIdempotencyStore(tables);

describe('a claim whose answer was lost', () => {
  it('is still its owner’s, and nobody else’s', async () => {
    const claim = newClaim();
    const lossy = losingFirstAnswer();
    expect(await lossy.store.claim(claim)).toEqual({ kind: 'claimed' });
    expect(lossy.sent()).toBe(2);
    expect(await store().claim({ ...claim, owner: 'two' })).toEqual({ kind: 'in_flight' });
    await lossy.store.finish(claim, Buffer.from('answer'));
    expect(await store().claim({ ...claim, owner: 'two' })).toMatchObject({ kind: 'done' });
  });

  it('is never taken again once its work is done, however late it comes a second time', async () => {
    const claim = newClaim();
    expect(await store().claim(claim)).toEqual({ kind: 'claimed' });
    await store().finish(claim, Buffer.from('answer'));
    expect(await store().claim(claim)).toMatchObject({ kind: 'done' });
  });

  it('is not that of another request under the same key', async () => {
    const claim = newClaim();
    expect(await store().claim(claim)).toEqual({ kind: 'claimed' });
    expect(await store().claim({ ...claim, requestHash: 'other' })).toEqual({ kind: 'reused' });
  });
});
