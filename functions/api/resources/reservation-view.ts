import type { Reservation } from '../../../schemas/entity.ts';
import { instantToMs, toInstant } from '../../../schemas/instant.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import type { ReservationView } from '../../../schemas/api/reservation.ts';
import type { ReservationContext } from '../../domain/reservation-commands.ts';
import { visibleTo } from '../caller.ts';
import type { Caller, Reply } from '../operation.ts';
import { Problem } from '../problem.ts';
import type { Services } from '../services.ts';

/** A reservation with what a decider needs. Throws 404 for another partner's. */
export async function readContext(
  { entities, now, policy }: Services,
  caller: Caller,
  reservationId: string,
): Promise<ReservationContext> {
  const ref = { kind: 'reservation', reservationId } as const;
  const reservation = visibleTo(caller, (await entities.getMany([ref])).get(ref), 'reservation');
  const lockerRef = { kind: 'locker', towerId: reservation.towerId, locker: reservation.locker } as const;
  const locker = (await entities.getMany([lockerRef])).get(lockerRef);
  return { reservation, locker, now: now(), policy };
}

const maxAheadMs = 2 * 366 * 86_400_000;

/** As an instant. Throws 400 for one that is past, or years ahead: a slip of the keyboard. */
export function checkExpiration<T extends null | undefined>(
  timestamp: string | T,
  now: Instant,
): Instant | T {
  if (typeof timestamp !== 'string') return timestamp;
  const aheadMs = Date.parse(timestamp) - instantToMs(now);
  if (aheadMs > 0 && aheadMs <= maxAheadMs) return toInstant(timestamp);
  throw new Problem(400, 'validation_failed', 'One field is not valid.', {
    errors: [
      { pointer: '/body/expirationDate', detail: 'must be in the future, and at most two years ahead' },
    ],
  });
}

export const replyOf = (reservation: Reservation): Reply<ReservationView> => ({
  body: showReservation(reservation),
  version: reservation.version,
});

export function showReservation(reservation: Reservation): ReservationView {
  const { docNumber, expirationDate } = reservation;
  return {
    reservationId: reservation.reservationId,
    partnerId: reservation.partnerId,
    towerId: reservation.towerId,
    locker: reservation.locker,
    unitId: reservation.unitId,
    status: reservation.status,
    changeTime: reservation.statusFrom.at,
    flowType: reservation.flowType,
    barcode: reservation.barcode,
    ...(docNumber !== undefined && { docNumber }),
    ...(expirationDate !== undefined && { expirationDate }),
  };
}
