import * as fc from 'fast-check';
import type {
  Locker,
  LockerOpenRequest,
  PositionInTime,
  Reservation,
  Token,
  Tower,
} from '../../../schemas/entity.ts';
import { ReservationStatusSchema } from '../../../schemas/entity.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { dueAtOf, type ReservationCommand } from '../../../functions/domain/reservation.ts';

export const policy = { graceHours: 48 };
export const towerId = '0000000000000001';

export const tower: Tower = { kind: 'tower', towerId, partnerIds: ['owner'], version: 1 };

export const locker: Locker = {
  kind: 'locker',
  towerId,
  locker: 9,
  unitId: 'UNIT-987',
  status: 'available',
  statusFrom: null,
  holderId: null,
  holderSince: null,
  previousHolder: null,
  version: 1,
};

/** Of the partner document, RESERVED on the day before it is stocked. */
export function reservationWith(changes: Partial<Reservation> = {}): Reservation {
  const reservation: Reservation = {
    kind: 'reservation',
    reservationId: 'RES-123456',
    partnerId: 'carrier',
    towerId,
    locker: 9,
    unitId: 'UNIT-987',
    status: 'RESERVED',
    statusFrom: { at: '2026-03-19T09:15:00.000Z', boot: null, seq: null },
    flowType: 'OUTLET',
    barcode: '1234567890123',
    docNumber: 'DOC-10001',
    expirationDate: '2026-03-22T09:15:00.000Z',
    dueAt: null,
    version: 1,
    ...changes,
  };
  return { ...reservation, dueAt: dueAtOf(reservation, policy) };
}

export const request: LockerOpenRequest = {
  kind: 'request',
  requestId: 56,
  partnerId: 'opener',
  towerId,
  locker: 9,
  flow: 'dropoff',
  payload: '{"extra":"data","test":123}',
  version: 1,
};

export const token: Token = {
  kind: 'token',
  tokenId: 52,
  requestId: 56,
  partnerId: 'opener',
  towerId,
  locker: 9,
  clientInfo: 'Luis',
  usedAt: null,
  version: 1,
};

const dayMs = 86_400_000;
const startMs = Date.parse('2026-03-20T00:00:00.000Z');

/** Few instants and boots, so that ties are common. */
export const positions: fc.Arbitrary<PositionInTime> = fc.record({
  at: fc.integer({ min: 0, max: 12 }).map((step) => instantFromMs(startMs + (step * dayMs) / 4)),
  boot: fc.constantFrom('b1', 'b2'),
  seq: fc.integer({ min: 0, max: 9 }),
});

export const statuses = fc.constantFrom(...ReservationStatusSchema.options);

export const facts = fc.constantFrom(
  'parcel.stocked' as const,
  'parcel.incomplete' as const,
  'parcel.picked_up' as const,
  'parcel.collected' as const,
);

const nows = fc.integer({ min: -8, max: 40 }).map((step) => instantFromMs(startMs + (step * dayMs) / 4));

export const commands: fc.Arbitrary<ReservationCommand> = fc.oneof(
  fc.record({ by: fc.constant('tower' as const), fact: facts, position: positions }),
  fc.record({ by: fc.constant('timer' as const), now: nows }),
  fc.record({ by: fc.constant('api' as const), to: statuses, now: nows }),
);
