import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBooking,
  deleteBooking,
  editBooking,
  type BookingOutcome,
} from '../../../functions/domain/booking.ts';
import type { Booking, BookingDetails } from '../../../schemas/booking.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import { parseEventId } from '../../../schemas/event-id.ts';

const now = '2026-03-20T09:15:00.000Z';
const details: BookingDetails = {
  departmentId: 'dep-1',
  start: '2026-03-21T10:00:00.000Z',
  end: '2026-03-21T11:00:00.000Z',
  numberOfPeople: 4,
  customer: { name: 'Ada' },
};
const fields = { ...details, bookingId: 'b1', partnerId: 'acme' };
const stored: Booking = { ...fields, kind: 'booking', status: 'active', version: 3 };

const eventOf = (outcome: BookingOutcome) => (outcome.kind === 'decided' ? outcome.events[0] : undefined);

describe('a booking', () => {
  it('that is added is told to its partner, and to nobody else', () => {
    const outcome = addBooking(fields, now);
    expect(outcome).toMatchObject({
      kind: 'decided',
      changes: [{ ...fields, status: 'active', version: 0 }],
      events: [{ type: 'booking.added', partnerIds: ['acme'], cause: 'api', data: { bookingId: 'b1' } }],
    });
    expect(eventOf(outcome)?.id).toMatch(/^evt_booking~b1_[0-9a-z]{8}_v~1$/);
  });

  it('that is edited is told as it is now, by a name of its own', () => {
    const outcome = editBooking(stored, { numberOfPeople: 5 }, now);
    expect(eventOf(outcome)).toMatchObject({
      type: 'booking.edited',
      data: { ...details, numberOfPeople: 5 },
    });
    expect(eventOf(outcome)?.id).toMatch(/_v~4$/);
  });

  it('whose edit changes nothing tells nothing', () => {
    const outcome = editBooking(stored, { customer: { name: 'Ada' }, numberOfPeople: 4 }, now);
    expect(outcome).toEqual({ kind: 'unchanged', booking: stored });
  });

  it('that is deleted is told as it was, stays, and is over', () => {
    const outcome = deleteBooking(stored, now);
    expect(outcome).toMatchObject({ changes: [{ status: 'deleted' }] });
    expect(eventOf(outcome)).toMatchObject({ type: 'booking.deleted', data: details });
    const deleted: Booking = { ...stored, status: 'deleted' };
    expect(deleteBooking(deleted, now)).toEqual({ kind: 'refused', refusal: 'deleted' });
    expect(editBooking(deleted, { numberOfPeople: 5 }, now)).toEqual({ kind: 'refused', refusal: 'deleted' });
  });

  it.each(['2026-03-21T10:00:00.000Z', '2026-03-21T09:59:59.999Z'])(
    'has to end after its start: not at %s',
    (end) => {
      expect(addBooking({ ...fields, end }, now)).toEqual({ kind: 'refused', refusal: 'ends_before_start' });
      expect(editBooking(stored, { end }, now)).toEqual({ kind: 'refused', refusal: 'ends_before_start' });
    },
  );

  it('makes one event for each change, whatever is done to it, and each id is another', () => {
    const edit = fc.oneof(
      fc.constant('delete' as const),
      fc.record({ numberOfPeople: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
        let booking: Booking = { ...stored };
        const ids = new Set<string>();
        let changes = 0;
        for (const one of edits) {
          const outcome = one === 'delete' ? deleteBooking(booking, now) : editBooking(booking, one, now);
          if (outcome.kind !== 'decided') continue;
          changes += 1;
          expect(outcome.events).toHaveLength(1);
          for (const event of outcome.events) {
            expect(DomainEventSchema.parse(event)).toEqual(event);
            expect(parseEventId(event.id)?.pk).toBe('booking~b1');
            ids.add(event.id);
          }
          booking = { ...outcome.booking, version: outcome.booking.version + 1 };
        }
        expect(ids.size).toBe(changes);
      }),
    );
  });
});
