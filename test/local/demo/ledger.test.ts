import { describe, expect, it } from 'vitest';
import { eventName } from '../../../local/demo/event-name.ts';
import { Ledger } from '../../../local/demo/ledger.ts';
import { eventIdOf, subjectEventKey } from '../../../schemas/event-id.ts';

const subject = { kind: 'position', id: 'P1' } as const;
const at = '2026-03-20T09:15:00.000Z';

describe('the ledger', () => {
  it('tells how long an event was on its way, if it was ours', () => {
    const ledger = new Ledger();
    ledger.add(eventName(subject, { version: 1 }), 1_000);
    ledger.add('theirs', null);
    const ours = eventIdOf(subjectEventKey(subject, at, { version: 1 }));
    expect([ledger.has(ours), ledger.latencyMs(ours, 1_037)]).toEqual([true, 37]);
    expect([ledger.has('theirs'), ledger.latencyMs('theirs', 1_037)]).toEqual([true, null]);
    expect([ledger.has('unknown'), ledger.latencyMs('unknown', 1_037)]).toEqual([false, null]);
  });

  it('is complete when what is under way has come to its end, well or not', async () => {
    const ledger = new Ledger();
    const [good, bad] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    const works = [ledger.during(good.promise), ledger.during(bad.promise)];
    let isComplete = false;
    const complete = ledger.complete().then(() => (isComplete = true));
    good.resolve(1);
    await works[0];
    expect(isComplete).toBe(false);
    bad.reject(new Error('refused'));
    await expect(works[1]).rejects.toThrow('refused');
    await complete;
    expect(isComplete).toBe(true);
  });

  it('forgets the oldest, so that it can run for days', () => {
    const ledger = new Ledger();
    for (let i = 0; i <= 10_000; i += 1) ledger.add(`evt_${i}`, i);
    expect([ledger.has('evt_0'), ledger.has('evt_1'), ledger.has('evt_10000')]).toEqual([false, true, true]);
  });
});
