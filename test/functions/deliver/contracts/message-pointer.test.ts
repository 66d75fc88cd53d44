import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderMessagePointer } from '../../../../functions/deliver/contracts/message-pointer.ts';
import { eventTypes } from '../../../../schemas/event.ts';
import { expresses } from '../../../../schemas/contract-events.ts';
import { makeBookingEvent, makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';

const endpoint = makeEndpoint({ contract: 'message-pointer', method: 'PUT' });
const context = { operatorTimeZone: 'UTC' };
const document = readFileSync(new URL('../../../seeds/message-pointer.txt', import.meta.url), 'utf8');

describe('the message-pointer contract', () => {
  it.each(['booking.added', 'booking.edited', 'booking.deleted'])(
    'events are sent as a POST request with an empty body: %s',
    (type) => {
      const rendering = renderMessagePointer(makeBookingEvent({ type }), endpoint, context);
      expect(rendering?.method).toBe('POST');
      expect(rendering?.body.byteLength).toBe(0);
    },
  );

  it('headers include User-Agent with the value LockMe/1.0 and X-MessageId containing the message identifier', () => {
    const event = makeBookingEvent();
    expect(document).toContain('User-Agent with the value LockMe/1.0');
    expect(document).toContain('X-MessageId containing the message identifier');
    expect(renderMessagePointer(event, endpoint, context)?.headers).toEqual({
      'user-agent': 'LockMe/1.0',
      'x-messageid': event.id,
    });
  });

  it('the message identifier can stand in a path as it is', () => {
    const { id } = makeBookingEvent();
    expect(new URL(`https://towercast.example/message/${id}`).pathname).toBe(`/message/${id}`);
    expect(encodeURIComponent(id)).toBe(id);
  });

  it('these are booking events: adding, editing and deleting bookings, and nothing else', () => {
    const said = eventTypes.filter((type) => expresses('message-pointer', { ...makeEvent(), type }));
    expect(said).toEqual(['booking.added', 'booking.edited', 'booking.deleted']);
    expect(renderMessagePointer(makeEvent(), endpoint, context)).toBeNull();
  });
});
