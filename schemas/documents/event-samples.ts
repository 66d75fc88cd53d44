import { DomainEventSchema, eventTypes, type DomainEvent, type EventType } from '../event.ts';

const at = { occurredAt: '2026-03-20T09:15:00.000Z', receivedAt: '2026-03-20T09:15:00.250Z' };
const tower = { towerId: '0000000000000001', locker: 9 };
const nowhere = { towerId: null, locker: null };

const reservation = {
  reservationId: 'RES-123456',
  unitId: 'UNIT-987',
  flowType: 'OUTLET',
  barcode: '1234567890123',
  docNumber: 'DOC-10001',
  expirationDate: '2026-03-22T09:15:00.000Z',
};

const request = { requestId: 56, requestPayload: '{"extra":"data","test":123}' };

const command = {
  commandId: '5f1d6c0e-31a4-4f1c-9a3c-2f7f6f0f2b11',
  requestId: 56,
  tokenId: 52,
  expiresAt: '2026-03-20T09:16:00.000Z',
  reason: null,
};

const access = {
  keyId: '3f97fafb-1b6a-42d0-85fa-ae2ef338cc45',
  lockId: 'c0f3aed0-2a7e-4de5-a0ff-3bfc22bfb6ef',
  keyOrigin: 'integrator',
  lockName: 'North gate',
  appUserId: '+12125552390',
  userName: '',
};

const booking = {
  bookingId: '42',
  departmentId: 'dep-1',
  start: '2026-03-21T10:00:00.000Z',
  end: '2026-03-21T11:00:00.000Z',
  numberOfPeople: 4,
  customer: { name: 'Ana Lima', email: 'ana@example.com' },
};

const positionId = 'cce2ae86-1f5c-4dd4-b040-0b606a850f62';
const queue = 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d';
const position = {
  positionId,
  organization: 'ikea-dev',
  location: 'Sales - Living Room',
  queue,
  type: 'booking',
  priority: 100,
  label: '',
  locale: 'en',
  notification: { type: 'phoneNumber', settings: { from: '', to: '+4600000000', recipient: '' } },
  numberOfPeople: 1,
  booking: { start: '2026-03-21T05:30:00.000Z', end: '2026-03-21T06:00:00.000Z' },
  bookingReminderAt: '2026-03-21T05:00:00.000Z',
  createdAt: '2026-03-20T09:15:00.000Z',
  leaveReminderAt: null,
  leaveAt: null,
};

/** Most events of a reservation are called after the status that they establish. */
function reservationStatus(name: string) {
  if (name === 'created') return { status: 'NEW', previousStatus: null };
  return { status: name === 'updated' ? 'RESERVED' : name.toUpperCase(), previousStatus: 'RESERVED' };
}

/** What an event of this type says, as an example. */
function dataOf(type: string): object {
  const [family = '', name = ''] = type.split('.');
  const operational = operationalData[type];
  if (operational !== undefined) return operational;
  switch (family) {
    case 'reservation': {
      const incomplete = name === 'incomplete' ? { reason: 'oversize' } : {};
      return { ...reservation, ...reservationStatus(name), ...incomplete };
    }
    case 'parcel':
      return { reservationId: 'RES-123456', refusal: 'reservation_unknown' };
    case 'access':
      return { ...access, action: name };
    case 'booking':
      return booking;
    case 'command':
      return { ...command, outcome: name === 'sent' ? null : name };
    case 'position':
      return name === 'check_in_refused'
        ? { positionId, queue, status: 'completed', refusal: 'transition_not_allowed' }
        : { ...position, status: positionStatuses[name] ?? 'waiting', ...positionExtras[name] };
    default:
      return lockerData[type] ?? { lockerStatus: 'available' };
  }
}

const positionStatuses: Readonly<Record<string, string>> = {
  booking_confirmed: 'upcoming',
  called: 'called',
  fulfilled: 'fulfilled',
  completed: 'completed',
  feedback_received: 'completed',
  booking_removed: 'rejected',
  cancelled: 'rejected',
  cancelled_by_staff: 'rejected',
};

const station = { id: '259a8de4-f5ea-42c4-a9af-e272a42f1b6f', label: 'C2' };
const positionExtras: Readonly<Record<string, object>> = {
  called: { station },
  retried: { status: 'called', station },
  feedback_received: { feedback: { rating: 4, message: 'Lorem ipsum' } },
};

const lockerData: Readonly<Record<string, object>> = {
  'locker.assigned': { ...request, lockerStatus: 'rented', tokenId: null, clientInfo: null },
  'locker.token_created': { ...request, lockerStatus: 'rented', tokenId: 52, clientInfo: 'Luis' },
  'locker.token_used': { ...request, lockerStatus: 'occupied', tokenId: 52, clientInfo: 'Luis' },
  'locker.request_canceled': { ...request, lockerStatus: 'available', tokenId: null, clientInfo: null },
  'locker.request_expired': { ...request, lockerStatus: 'available', tokenId: null, clientInfo: null },
  'locker.token_refused': { tokenId: 52, refusal: 'token_already_used' },
  'locker.keypad_used': { lockerStatus: 'occupied', code: '4711' },
  'tower.started': { firmware: '4.2.0' },
};

const endpointId = 'ab12cd34';
const deliveryId = `dlv_${endpointId}_mmykbvr4_evt_${tower.towerId}-${tower.locker}_mmykbvk0_b7-1041`;
const undelivered = {
  endpointId,
  deliveryId,
  eventId: `evt_${tower.towerId}-${tower.locker}_mmykbvk0_b7-1041`,
  eventType: 'reservation.stocked',
  reason: 'http_500',
};
const skipped = { sequence: 7, sequenceOf: `${tower.towerId}-${tower.locker}` };
const owned = { endpointId, partnerId: 'acme' };
const operationalData: Readonly<Record<string, object>> = {
  'endpoint.failing': { ...owned, failingSince: at.occurredAt, reason: 'http_500' },
  'endpoint.recovered': { ...owned, failingSince: at.occurredAt, reason: null },
  'endpoint.disabled': { ...owned, failingSince: at.occurredAt, reason: 'failing' },
  'delivery.dead': { ...undelivered, ...owned, attempts: 10, ...skipped },
  'sequence.skipped': { ...undelivered, ...skipped },
};

/** Where an event of this family happens. */
function placeOf(type: string): object {
  if (type.startsWith('booking.') || type.startsWith('position.') || type in operationalData) return nowhere;
  return type.startsWith('tower.') ? { ...tower, locker: null } : tower;
}

const causes: Readonly<Record<string, string>> = {
  'reservation.expired': 'timer',
  'reservation.returning': 'timer',
  'position.booking_activated': 'timer',
};

/** An event of this type; undefined when the data above is not what the type's schema asks for. */
function sampleOf(type: EventType): DomainEvent | undefined {
  return DomainEventSchema.safeParse({
    id: `evt_${subjectOf(type)}_mmykbvk0_${sourceOf(type)}`,
    ...at,
    cause: causeOf(type),
    late: false,
    ...placeOf(type),
    partnerIds: ['acme'],
    type,
    data: dataOf(type),
  }).data;
}

const isOurs = (type: string): boolean => type.startsWith('booking.') || type.startsWith('position.');

function sourceOf(type: string): string {
  if (type in operationalData) return 'ntc~5f1e0c9b7a3d42e86b10~1';
  return isOurs(type) ? 'v~2' : 'b7-1042';
}

function causeOf(type: string): string {
  if (type in operationalData) return 'system';
  return causes[type] ?? (isOurs(type) ? 'api' : 'tower');
}

/** One event of each type, as the documents show it. A test fails for a type without. */
export const eventSamples: readonly DomainEvent[] = eventTypes.flatMap((type) => sampleOf(type) ?? []);

function subjectOf(type: string): string {
  if (type.startsWith('booking.')) return `booking~${booking.bookingId}`;
  if (type.startsWith('position.')) return `position~${position.positionId}`;
  if (type in operationalData) return `endpoint~${endpointId}`;
  if (type.startsWith('access.')) return `lock~${access.lockId}`;
  return type.startsWith('tower.') ? `${tower.towerId}-0` : `${tower.towerId}-${tower.locker}`;
}
