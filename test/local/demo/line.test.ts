import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  formatHeads,
  formatLine,
  shortName,
  type DeliveryLine,
  type EventLine,
} from '../../../local/demo/line.ts';

// Local time, so that the test does not depend on the machine's zone.
const at = new Date(2026, 2, 20, 9, 5, 7, 42);

const event: EventLine = {
  kind: 'event',
  at,
  where: '0000000000000001',
  locker: 9,
  what: 'parcel.stocked',
  detail: 'RES-1 is stocked',
};

const delivery: DeliveryLine = {
  kind: 'delivery',
  at,
  where: '0000000000000001',
  locker: 9,
  what: 'STOCKED',
  partnerId: 'couriernet',
  contract: 'reservation-status',
  answer: 204,
  signature: 'ok',
  latencyMs: 37.4,
  attempt: 1,
};

const painted = (answer: DeliveryLine['answer']) => formatLine({ ...delivery, answer }, { colour: true });

describe('a line of the demo', () => {
  it('says when, where and what happened', () => {
    expect(formatLine(event, { colour: false })).toBe(
      '09:05:07.042  ●   0000000000000001       9  parcel.stocked              RES-1 is stocked',
    );
  });

  it('says to whom, in which contract, with what answer, signature and latency', () => {
    expect(formatLine(delivery, { colour: false })).toBe(
      '09:05:07.042  └▶  0000000000000001       9  STOCKED                     couriernet   reservation-status     204  ✓ verified      37 ms',
    );
  });

  it('says what a partner read of it', () => {
    const reading = { kind: 'reading', at, where: 'booking 3f0a2b1c', locker: null, what: 'read' } as const;
    expect(formatLine({ ...reading, detail: 'add: 4 people' }, { colour: false })).toBe(
      '09:05:07.042  ◀   booking 3f0a2b1c          read                        add: 4 people',
    );
  });

  it('names what is at no tower in the width of a tower', () => {
    const id = '3f0a2b1c-5d84-4f6a-9a70-2f4b8f0f3c11';
    expect([shortName({ kind: 'booking', id }), shortName({ kind: 'position', id })]).toEqual([
      'booking 3f0a2b1c',
      'position 3f0a2b1',
    ]);
  });

  it('leaves the locker empty for a tower, and the latency open when it is not known', () => {
    const line = formatLine({ ...delivery, locker: null, latencyMs: null }, { colour: false });
    expect(line).toContain('0000000000000001          STOCKED');
    expect(line).toMatch(/✓ verified +–$/);
  });

  it('shows what is wrong: the answer, the signature and the attempt', () => {
    const line = formatLine({ ...delivery, answer: 'hang', signature: 'bad', attempt: 3 }, { colour: false });
    expect(line).toMatch(/hang {2}✗ BAD +37 ms {2}attempt 3$/);
  });

  it('aligns every line with the heads', () => {
    const heads = formatHeads({ colour: false });
    const line = formatLine(delivery, { colour: false });
    for (const [head, value] of [
      ['where', '0000'],
      ['what', 'STOCKED'],
      ['to ', 'couriernet'],
      ['contract', 'reservation-status'],
      ['signature', '✓'],
    ] as const)
      expect([head, heads.indexOf(head)]).toEqual([head, line.indexOf(value)]);
    expect(heads.indexOf('latency') + 'latency'.length).toBe(line.length);
  });

  it('has colours only when asked, and they change no column', () => {
    const plain = formatLine(delivery, { colour: false });
    const coloured = formatLine(delivery, { colour: true });
    expect(stripVTControlCharacters(plain)).toBe(plain);
    expect(coloured).not.toBe(plain);
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });

  it('colours a failure unlike a success', () => {
    expect(painted(204)).toContain('\u001b[32m204');
    expect(painted(500)).toContain('\u001b[31m500');
  });
});
