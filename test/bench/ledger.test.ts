import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerEndpoint, type Receipt } from '../../bench/load/ledger.ts';

const plain: LedgerEndpoint = { endpointId: 'plain', label: 'healthy', awaited: true, ordered: false };
const sick: LedgerEndpoint = { endpointId: 'sick', label: 'sick', awaited: false, ordered: false };
const inOrder: LedgerEndpoint = { endpointId: 'ordered', label: 'healthy', awaited: true, ordered: true };

const receipt = (endpoint: LedgerEndpoint, id: string, more: Partial<Receipt> = {}): Receipt => ({
  endpointId: endpoint.endpointId,
  id,
  atMs: 150,
  answeredAtMs: 150,
  accepted: true,
  digest: `body of ${id}`,
  sequence: null,
  previousSequence: null,
  ...more,
});

function publish(ledger: Ledger, ids: readonly string[], hearers: readonly LedgerEndpoint[], run = 0): void {
  for (const id of ids) ledger.publish({ id, run, atMs: 100, lane: 't-1', hearers });
}

const lane = (ids: readonly string[]) => {
  const ledger = new Ledger([inOrder]);
  publish(ledger, ids, [inOrder]);
  return ledger;
};

describe('a ledger', () => {
  it('counts as lost what an endpoint that is waited for has not accepted', () => {
    const ledger = new Ledger([plain, sick]);
    publish(ledger, ['a', 'b'], [plain, sick]);
    ledger.receive(receipt(plain, 'a'));
    ledger.receive(receipt(plain, 'b', { accepted: false }));
    expect(ledger.account(0)).toMatchObject({ events: 2, lost: 1, received: 2 });
    expect(ledger.missing(0)).toBe(1);
  });

  it('says when a run is complete', () => {
    const ledger = new Ledger([plain]);
    publish(ledger, ['a', 'b'], [plain]);
    expect(ledger.receive(receipt(plain, 'b'))).toBe(false);
    expect(ledger.receive(receipt(plain, 'a'))).toBe(true);
  });

  it('counts as a duplicate what is accepted again, and no retry', () => {
    const ledger = new Ledger([plain]);
    publish(ledger, ['a', 'b'], [plain]);
    ledger.receive(receipt(plain, 'a', { accepted: false }));
    ledger.receive(receipt(plain, 'a'));
    expect(ledger.account(null).duplicated).toBe(0);
    ledger.receive(receipt(plain, 'a'));
    expect(ledger.account(null).duplicated).toBe(1);
  });

  it('notices a duplicate with another body, and an id that nobody published', () => {
    const ledger = new Ledger([plain]);
    publish(ledger, ['a'], [plain]);
    ledger.receive(receipt(plain, 'a'));
    ledger.receive(receipt(plain, 'a', { digest: 'another' }));
    ledger.receive(receipt(plain, 'x'));
    expect(ledger.account(null).mismatched).toBe(1);
    expect([...ledger.strays]).toEqual(['x']);
  });

  it('keeps runs and labels apart', () => {
    const ledger = new Ledger([plain, sick]);
    publish(ledger, ['a'], [plain, sick], 1);
    publish(ledger, ['b'], [plain, sick], 2);
    ledger.receive(receipt(plain, 'a', { atMs: 110 }));
    ledger.receive(receipt(sick, 'a', { atMs: 900 }));
    ledger.receive(receipt(plain, 'b', { atMs: 130 }));
    expect(ledger.account(1).latencyMs['healthy']?.max).toBe(10);
    expect(ledger.account(1).latencyMs['sick']?.max).toBe(800);
    expect(ledger.account(2).latencyMs['healthy']?.max).toBe(30);
  });
});

describe('an ordered lane', () => {
  it('is in order when each is accepted before the next arrives, also after failures and repeats', () => {
    const ledger = lane(['a', 'b']);
    ledger.receive(receipt(inOrder, 'a', { accepted: false, sequence: 1, previousSequence: 0 }));
    ledger.receive(receipt(inOrder, 'a', { sequence: 1, previousSequence: 0 }));
    ledger.receive(receipt(inOrder, 'a', { sequence: 1, previousSequence: 0 }));
    ledger.receive(receipt(inOrder, 'b', { sequence: 2, previousSequence: 1 }));
    expect(ledger.order()).toEqual({ lanes: 1, outOfOrder: 0, badSequences: 0, unsequenced: 0 });
  });

  it('is out of order when one arrives before its predecessor was accepted', () => {
    const ledger = lane(['a', 'b']);
    ledger.receive(receipt(inOrder, 'a', { accepted: false }));
    ledger.receive(receipt(inOrder, 'b'));
    expect(ledger.order().outOfOrder).toBe(1);
  });

  it('is out of order when one arrives before its predecessor was answered', () => {
    const ledger = lane(['a', 'b', 'c']);
    ledger.receive(receipt(inOrder, 'a', { atMs: 100, answeredAtMs: 200 }));
    ledger.receive(receipt(inOrder, 'b', { atMs: 201, answeredAtMs: 301 }));
    expect(ledger.order().outOfOrder).toBe(0);
    ledger.receive(receipt(inOrder, 'c', { atMs: 300, answeredAtMs: 400 }));
    expect(ledger.order().outOfOrder).toBe(1);
  });

  it('is out of order when an older one comes again after its successor', () => {
    const ledger = lane(['a', 'b', 'c']);
    for (const id of ['a', 'b', 'c', 'a']) ledger.receive(receipt(inOrder, id));
    expect(ledger.order().outOfOrder).toBe(1);
  });

  it('notices a sequence that jumps and a predecessor that was not the last accepted', () => {
    const jump = lane(['a', 'b']);
    jump.receive(receipt(inOrder, 'a', { sequence: 1, previousSequence: 0 }));
    jump.receive(receipt(inOrder, 'b', { sequence: 3, previousSequence: 1 }));
    expect(jump.order().badSequences).toBe(1);
    const wrong = lane(['a', 'b']);
    wrong.receive(receipt(inOrder, 'a', { sequence: 1, previousSequence: 0 }));
    wrong.receive(receipt(inOrder, 'b', { sequence: 2, previousSequence: 0 }));
    expect(wrong.order().badSequences).toBe(1);
  });

  it('notices a request without a sequence', () => {
    const ledger = lane(['a']);
    ledger.receive(receipt(inOrder, 'a'));
    expect(ledger.order().unsequenced).toBe(1);
  });
});
