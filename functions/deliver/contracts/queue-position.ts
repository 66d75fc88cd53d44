import type { DomainEvent, PositionData } from '../../../schemas/event.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import { renderJson, type Contract } from './contract.ts';

type PositionEvent = Extract<DomainEvent, { data: PositionData }>;

/** The document's name of each type. */
const types: Readonly<Record<PositionEvent['type'], string>> = {
  'position.created': 'positionCreated',
  'position.booking_confirmed': 'bookingConfirmation',
  'position.booking_activated': 'bookingActivated',
  'position.booking_removed': 'bookingRemoved',
  'position.retried': 'positionRetry',
  'position.called': 'positionCalled',
  'position.fulfilled': 'positionFulfilled',
  'position.completed': 'positionCompleted',
  'position.cancelled': 'positionCancelled',
  'position.cancelled_by_staff': 'positionCancelledByStaff',
  'position.feedback_received': 'feedbackReceived',
};

/**
 * Queue positions: test/seeds/queue-position.txt. It shows three bodies of two forms. The one of a ticket that is being
 * served or was (feedback) has no `message`, which is null in the other, and orders its fields in another way.
 */
export const renderQueuePosition: Contract = (event, endpoint) => {
  if (!isPositionEvent(event)) return null;
  const { data, type } = event;
  const envelope = { type: types[type], organization: data.organization };
  return renderJson(
    endpoint,
    type === 'position.feedback_received'
      ? { data: { position: servedTicket(data) }, ...envelope }
      : { message: null, data: { position: ticket(data) }, ...envelope },
  );
};

const isPositionEvent = (event: DomainEvent): event is PositionEvent => event.type in types;

/** As in the samples of `positionCancelled` and `positionCancelledByStaff`; what those don't show comes last. */
const ticket = (data: PositionData) => ({
  id: data.positionId,
  location: data.location,
  type: data.type,
  priority: data.priority,
  createdAt: data.createdAt,
  locale: data.locale,
  notification: notification(data),
  numberOfPeople: data.numberOfPeople,
  ...booking(data),
  status: data.status,
  label: data.label,
  queue: data.queue,
  QRCodeCheckInPositionId: checkInCode(data),
  ...(data.bookingReminderAt !== undefined && { bookingReminderAt: wholeSeconds(data.bookingReminderAt) }),
  ...(data.extraStatus !== undefined && { extraStatus: data.extraStatus }),
  ...station(data),
  ...(data.fulfilledAt !== undefined && { fulfilledAt: data.fulfilledAt }),
});

/** As in the sample of `feedbackReceived`. */
const servedTicket = (data: PositionData) => ({
  id: data.positionId,
  status: data.status,
  priority: data.priority,
  location: data.location,
  label: data.label,
  locale: data.locale,
  type: data.type,
  queue: data.queue,
  createdAt: data.createdAt,
  ...(data.extraStatus !== undefined && { extraStatus: data.extraStatus }),
  QRCodeCheckInPositionId: checkInCode(data),
  ...station(data),
  notification: notification(data),
  numberOfPeople: data.numberOfPeople,
  ...booking(data),
  ...(data.fulfilledAt !== undefined && { fulfilledAt: data.fulfilledAt }),
  leaveReminderAt: data.leaveReminderAt,
  leaveAt: data.leaveAt,
  ...(data.feedback !== undefined && {
    feedback: { rating: data.feedback.rating, message: data.feedback.message },
  }),
});

const notification = ({ notification: { type, settings } }: PositionData) => ({
  type,
  settings: {
    from: settings.from,
    to: settings.to,
    ...(settings.recipient !== undefined && { recipient: settings.recipient }),
  },
});

const booking = ({ booking: slot }: PositionData) =>
  slot === undefined ? {} : { booking: { start: wholeSeconds(slot.start), end: wholeSeconds(slot.end) } };

const station = ({ station: place }: PositionData) =>
  place === undefined ? {} : { station: { id: place.id, label: place.label } };

/** What the kiosk's scanner reads. */
const checkInCode = ({ positionId }: PositionData): string =>
  JSON.stringify({ type: 'check-in-position', positionId });

/** Times of a time slot have no fraction: `2021-01-13T05:30:00Z`. */
const wholeSeconds = (instant: Instant): string => `${instant.slice(0, 19)}Z`;
