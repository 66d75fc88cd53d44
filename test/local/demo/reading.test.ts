import { describe, expect, it } from 'vitest';
import { demoLocks } from '../../../local/demo/network.ts';
import { placeOf, readBody } from '../../../local/demo/reading.ts';
import { eventIdOf, eventKey, subjectEventKey } from '../../../schemas/event-id.ts';

const body = (value: unknown) => Buffer.from(JSON.stringify(value));

const id = (towerId: string, locker: number | null) =>
  eventIdOf(eventKey(towerId, locker, '2026-03-20T09:15:00.000Z', { boot: 'b7', seq: 1042 }));

const placeOfSubject = (kind: 'booking' | 'lock', name: string) =>
  placeOf(eventIdOf(subjectEventKey({ kind, id: name }, '2026-03-20T09:15:00.000Z', { version: 1 })));

describe('reading a delivery', () => {
  it('finds what happened in each contract’s own field', () => {
    expect(readBody('standard', body({ type: 'locker.opened', timestamp: '', data: {} }))).toBe(
      'locker.opened',
    );
    expect(readBody('reservation-status', body({ reservationId: 'R', status: 'STOCKED' }))).toBe('STOCKED');
    expect(
      readBody('locker-open', body({ event: 'LOCKER_OPERATION', data: { source: 'LOCKER_TOKEN_USED' } })),
    ).toBe('LOCKER_TOKEN_USED');
    expect(readBody('queue-position', body({ type: 'positionCalled', data: {} }))).toBe('positionCalled');
    expect(readBody('cloudevents', body({ type: 'locker.opened', specversion: '1.0' }))).toBe(
      'locker.opened',
    );
    expect(readBody('access-event', body({ action: 'unlocked' }))).toBe('unlocked');
    expect(readBody('message-pointer', Buffer.alloc(0))).toBe('a message to read');
  });

  it('makes nothing of a foreign body', () => {
    expect(readBody('standard', Buffer.from('<html>'))).toBe('?');
    expect(readBody('locker-open', body([]))).toBe('?');
  });

  it('finds tower and locker in the webhook-id', () => {
    expect(placeOf(id('0000000000000001', 9))).toEqual({ where: '0000000000000001', locker: 9 });
    expect(placeOf(id('a-b_c', null))).toEqual({ where: 'a-b_c', locker: null });
    expect(placeOf('msg_1')).toBeNull();
  });

  it('finds what else it is about, and where a lock of the demo is', () => {
    expect(placeOfSubject('booking', '3f0a2b1c-5d84')).toEqual({ where: 'booking 3f0a2b1c', locker: null });
    expect(placeOfSubject('lock', demoLocks[1]?.lockId ?? '')).toEqual({
      where: '0000000000000002',
      locker: 16,
    });
    expect(placeOfSubject('lock', 'foreign')).toEqual({ where: 'lock foreign', locker: null });
  });
});
