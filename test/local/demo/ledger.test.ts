import { describe, expect, it } from 'vitest';
import { eventIdOfMessage, Ledger } from '../../../local/demo/ledger.ts';

describe('the ledger', () => {
  it('knows the event that a message becomes', () => {
    const message = { v: 1, boot: 'b7', seq: 1042, at: '2026-03-20T10:15:00+01:00' } as const;
    const opened = { ...message, type: 'locker.opened', locker: 9 } as const;
    expect(eventIdOfMessage('0000000000000001', opened)).toMatch(
      /^evt_0000000000000001-9_[0-9a-z]{8}_b7-1042$/,
    );
    expect(eventIdOfMessage('0000000000000001', { ...message, type: 'tower.started' })).toMatch(/1-0_/);
  });

  it('tells how long an event was on its way, if it was ours', () => {
    const ledger = new Ledger();
    ledger.add('ours', 1_000);
    ledger.add('theirs', null);
    expect(ledger.latencyMs('ours', 1_037)).toBe(37);
    expect([ledger.has('theirs'), ledger.latencyMs('theirs', 1_037)]).toEqual([true, null]);
    expect([ledger.has('unknown'), ledger.latencyMs('unknown', 1_037)]).toEqual([false, null]);
  });

  it('forgets the oldest, so that it can run for days', () => {
    const ledger = new Ledger();
    for (let i = 0; i <= 10_000; i += 1) ledger.add(`evt_${i}`, i);
    expect([ledger.has('evt_0'), ledger.has('evt_1'), ledger.has('evt_10000')]).toEqual([false, true, true]);
  });
});
