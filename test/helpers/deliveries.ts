import { summaryOf, type Attempt, type DeliveryRecord, type DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import { addMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { sequenceSkipped } from '../../functions/domain/operational-event.ts';
import { deliveryId } from '../../functions/shared/keys.ts';

const reservationEvent = {
  id: 'evt_0000000000000001-9_mmykbvk0_b7-1042',
  occurredAt: '2026-03-20T09:15:00.000Z',
  receivedAt: '2026-03-20T09:15:00.250Z',
  cause: 'tower',
  late: false,
  towerId: '0000000000000001',
  locker: 9,
  partnerIds: ['acme'],
  type: 'reservation.stocked',
  data: {
    reservationId: 'RES-123456',
    unitId: 'UNIT-987',
    status: 'STOCKED',
    previousStatus: 'RESERVED',
    flowType: 'OUTLET',
    barcode: '1234567890123',
    docNumber: 'DOC-10001',
    expirationDate: '2026-03-22T09:15:00.000Z',
  },
};

/** `reservation.stocked` of tower 1, locker 9, for partner `acme`, unless told otherwise. */
export const makeEvent = (overrides: Record<string, unknown> = {}): DomainEvent =>
  DomainEventSchema.parse({ ...reservationEvent, ...overrides });

/** Events that differ in nothing but their ids. */
export const makeEvents = (count: number, overrides: Record<string, unknown> = {}): DomainEvent[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({ id: `evt_0000000000000001-9_mmykbvk0_b7-${index + 1}`, ...overrides }),
  );

/** What is said of number 1 of `makeEvent()`'s lane at endpoint `main`. */
export const skippedEvent: DomainEvent = sequenceSkipped(
  {
    id: deliveryId('main', reservationEvent.receivedAt, reservationEvent.id),
    endpointId: 'main',
    partnerId: 'acme',
    event: summaryOf(makeEvent()),
    reason: 'http_500',
    sequence: 1,
  },
  { lane: '0000000000000001-9', now: reservationEvent.receivedAt },
);

export const makeEndpoint = (overrides: Partial<Endpoint> = {}): Endpoint => ({
  kind: 'endpoint',
  endpointId: 'main',
  partnerId: 'acme',
  url: 'https://partner.example/hooks',
  contract: 'standard',
  method: 'POST',
  detail: 'full',
  filter: {},
  status: 'active',
  secrets: 'c2VhbGVk',
  version: 1,
  ...overrides,
});

export const makeAttempt = (overrides: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  at: '2026-03-20T09:15:01.000Z',
  outcome: 'failed',
  status: 500,
  reason: 'http_500',
  durationMs: 12,
  peerAddress: '203.0.113.7',
  connection: { port: 443, reused: false, tls: { protocol: 'TLSv1.3', certificateSha256: 'ef' } },
  times: { dns: 1, connect: 3, tls: 7, firstByte: 12 },
  requestSha256: 'ab',
  responseSha256: 'cd',
  responseExcerpt: 'oops',
  ...overrides,
});

/** Attempts 1 to `count`, all failed. */
export const makeAttempts = (count: number): Attempt[] =>
  Array.from({ length: count }, (_, index) => makeAttempt({ number: index + 1 }));

export const makeTask = (overrides: Partial<DeliveryTask> = {}): DeliveryTask => ({
  v: 1,
  taskId: 'task-1',
  partnerId: 'acme',
  endpointId: 'main',
  event: makeEvent(),
  attempts: [],
  ...overrides,
});

/** What a failed first attempt of `makeTask()` leaves. */
export function makeRecord({
  event = makeEvent(),
  ...overrides
}: Partial<Omit<DeliveryRecord, 'event'>> & { event?: DomainEvent } = {}): DeliveryRecord {
  const { taskId, partnerId, endpointId } = makeTask();
  const base = { taskId, partnerId, endpointId, event: summaryOf(event), ...overrides };
  return {
    id: deliveryId(base.endpointId, base.event.receivedAt, base.event.id),
    status: 'pending',
    reason: null,
    attempts: [makeAttempt()],
    dueAt: null,
    waitsFor: 'time',
    replay: null,
    ...base,
  };
}

/** `booking.added` of department `dep-1`, for partner `acme`, unless told otherwise. */
export const makeBookingEvent = (overrides: Record<string, unknown> = {}): DomainEvent =>
  makeEvent({
    id: 'evt_booking~b1_mmykbvk0_v~1',
    cause: 'api',
    towerId: null,
    locker: null,
    type: 'booking.added',
    data: {
      bookingId: 'b1',
      departmentId: 'dep-1',
      start: '2026-03-21T10:00:00.000Z',
      end: '2026-03-21T11:00:00.000Z',
      numberOfPeople: 4,
      customer: { name: 'Ada' },
    },
    ...overrides,
  });

/** `position.created` of a walk-in, for partner `acme`, unless told otherwise. */
export const makePositionEvent = (overrides: Record<string, unknown> = {}): DomainEvent =>
  makeEvent({
    id: 'evt_position~p1_mmykbvk0_v~1',
    cause: 'api',
    towerId: null,
    locker: null,
    type: 'position.created',
    data: {
      positionId: 'p1',
      organization: 'acme-stores',
      location: 'Main Street',
      queue: 'q1',
      type: 'walkIn',
      status: 'waiting',
      priority: 0,
      label: 'A1',
      locale: 'en',
      notification: { type: 'none', settings: { from: '', to: '' } },
      numberOfPeople: 1,
      createdAt: '2026-03-20T09:15:00.000Z',
      leaveReminderAt: null,
      leaveAt: null,
    },
    ...overrides,
  });

/** Of the endpoint's undelivered of the last millisecond, just made. */
export const makeRedrive = (
  overrides: Partial<Redrive> = {},
  now: Instant = '2026-03-20T09:15:00.000Z',
): Redrive => ({
  kind: 'redrive',
  redriveId: 'rdr-1',
  partnerId: 'acme',
  endpointId: 'main',
  source: 'undelivered',
  since: addMs(now, -1),
  until: now,
  filter: {},
  perSecond: 10,
  status: 'running',
  reason: null,
  cursor: null,
  looked: 0,
  sent: 0,
  nextSlotAt: now,
  createdAt: now,
  endedAt: null,
  dueAt: now,
  version: 1,
  ...overrides,
});
