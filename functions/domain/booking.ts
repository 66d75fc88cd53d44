import type { Booking, BookingDetails } from '../../schemas/booking.ts';
import { BookingDataSchema, type DomainEvent } from '../../schemas/event.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type Decision } from './event.ts';

export type NewBooking = Pick<Booking, 'bookingId' | 'partnerId'> & BookingDetails;

export type BookingOutcome =
  | ({ kind: 'decided'; booking: Booking } & Decision)
  /** An edit that edits nothing tells nobody anything. */
  | { kind: 'unchanged'; booking: Booking }
  | { kind: 'refused'; refusal: 'deleted' | 'ends_before_start' };

type StoredOutcome = Exclude<BookingOutcome, { kind: 'unchanged' }>;

/** A booking of a department: `booking.added`. */
export function addBooking(fields: NewBooking, now: Instant): StoredOutcome {
  return store({ ...fields, kind: 'booking', status: 'active', version: 0 }, 'booking.added', now);
}

/** What an edit names; the rest stays. A comment is taken away by an empty one. */
export type BookingChanges = {
  [K in keyof Omit<BookingDetails, 'departmentId'>]?: BookingDetails[K] | undefined;
};

/** `booking.edited`. A booking stays in its department, for integrations elsewhere never heard of it. */
export function editBooking(booking: Booking, changes: BookingChanges, now: Instant): BookingOutcome {
  if (booking.status === 'deleted') return { kind: 'refused', refusal: 'deleted' };
  const { start = booking.start, end = booking.end, customer = booking.customer } = changes;
  const { numberOfPeople = booking.numberOfPeople, comment = booking.comment } = changes;
  const edited = {
    ...booking,
    start,
    end,
    customer,
    numberOfPeople,
    ...(comment !== undefined && { comment }),
  };
  return isSame(booking, edited) ? { kind: 'unchanged', booking } : store(edited, 'booking.edited', now);
}

/** `booking.deleted`, with what the booking was. */
export function deleteBooking(booking: Booking, now: Instant): StoredOutcome {
  if (booking.status === 'deleted') return { kind: 'refused', refusal: 'deleted' };
  return store({ ...booking, status: 'deleted' }, 'booking.deleted', now);
}

type BookingEventType = Extract<DomainEvent['type'], `booking.${string}`>;

/** `booking` has the version it was loaded at: the event is named by the one that the commit gives it. */
function store(booking: Booking, type: BookingEventType, now: Instant): StoredOutcome {
  if (compareInstants(booking.end, booking.start) <= 0)
    return { kind: 'refused', refusal: 'ends_before_start' };
  const event = toEvent(
    {
      occurredAt: now,
      receivedAt: now,
      cause: 'api',
      late: false,
      towerId: null,
      locker: null,
      partnerIds: [booking.partnerId],
      subject: { kind: 'booking', id: booking.bookingId },
      source: { version: booking.version + 1 },
    },
    { type, data: BookingDataSchema.parse(booking) },
  );
  return { kind: 'decided', booking, changes: [booking], events: [event] };
}

/** The schema writes the fields in one order. */
const isSame = (a: Booking, b: Booking): boolean =>
  JSON.stringify(BookingDataSchema.parse(a)) === JSON.stringify(BookingDataSchema.parse(b));
