import { describe, expect, it } from 'vitest';
import { placeOf, readBody } from '../../../local/demo/reading.ts';
import { eventIdOf, eventKey } from '../../../schemas/event-id.ts';

const body = (value: unknown) => Buffer.from(JSON.stringify(value));

const id = (towerId: string, locker: number | null) =>
  eventIdOf(eventKey(towerId, locker, '2026-03-20T09:15:00.000Z', { boot: 'b7', seq: 1042 }));

describe('reading a delivery', () => {
  it('finds what happened in each contract’s own field', () => {
    expect(readBody('standard', body({ type: 'locker.opened', timestamp: '', data: {} }))).toBe(
      'locker.opened',
    );
    expect(readBody('reservation-status', body({ reservationId: 'R', status: 'STOCKED' }))).toBe('STOCKED');
    expect(
      readBody('locker-open', body({ event: 'LOCKER_OPERATION', data: { source: 'LOCKER_TOKEN_USED' } })),
    ).toBe('LOCKER_TOKEN_USED');
  });

  it('makes nothing of a foreign body', () => {
    expect(readBody('standard', Buffer.from('<html>'))).toBe('?');
    expect(readBody('locker-open', body([]))).toBe('?');
  });

  it('finds tower and locker in the webhook-id', () => {
    expect(placeOf(id('0000000000000001', 9))).toEqual({ towerId: '0000000000000001', locker: 9 });
    expect(placeOf(id('a-b_c', null))).toEqual({ towerId: 'a-b_c', locker: null });
    expect(placeOf('msg_1')).toBeNull();
  });
});
