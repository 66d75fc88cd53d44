import type { Locker, LockerStatus, PositionInTime, ReservationStatus } from '../../schemas/entity.ts';
import { comparePositions } from './position-in-time.ts';
import type { ParcelFact } from './reservation.ts';

/** What a tower's fact makes of a locker, or null when it leaves it as it is. */
export interface LockerFact {
  status: LockerStatus | null;
  position: PositionInTime;
  /** Whose parcel it is, when that is known. */
  partnerId: string | null;
}

/** An oversize parcel did not get in. */
export function statusAfterParcel(fact: ParcelFact, reason?: 'partial' | 'oversize'): LockerStatus | null {
  switch (fact) {
    case 'parcel.stocked':
      return 'occupied';
    case 'parcel.incomplete':
      return reason === 'partial' ? 'occupied' : null;
    case 'parcel.picked_up':
    case 'parcel.collected':
      return 'available';
  }
}

/**
 * A locker's status rests on the newest fact about it, whatever became of the reservation: the parcel is in it or it
 * isn't. Returns the locker itself when nothing changes.
 */
export function applyLockerFact(locker: Locker, fact: LockerFact): { locker: Locker; late: boolean } {
  if (fact.status === null) return { locker, late: false };
  if (locker.statusFrom !== null && comparePositions(fact.position, locker.statusFrom) <= 0) {
    return { locker, late: true };
  }
  const holderId = fact.status === 'available' ? null : (fact.partnerId ?? locker.holderId);
  return { locker: { ...locker, status: fact.status, statusFrom: fact.position, holderId }, late: false };
}

/**
 * A partner takes the locker, for a reservation or a request. One that somebody holds stays theirs. `statusFrom` stays:
 * what towers said remains the measure of what they say next, whatever their clocks show.
 */
export function takeLocker(locker: Locker, partnerId: string): Locker {
  const status = locker.status === 'available' ? 'rented' : locker.status;
  const holderId = locker.holderId ?? partnerId;
  return status === locker.status && holderId === locker.holderId ? locker : { ...locker, status, holderId };
}

/** What becomes of the locker when a timer or the API, and not its tower, moved a reservation of `partnerId`. */
export function lockerAfterTransition(locker: Locker, to: ReservationStatus, partnerId: string): Locker {
  switch (to) {
    case 'RESERVED':
      return takeLocker(locker, partnerId);
    case 'STOCKED':
      return locker.status === 'occupied' ? locker : { ...locker, status: 'occupied', holderId: partnerId };
    case 'PICKED_UP':
    case 'RETURNED':
      return locker.holderId === partnerId ? freed(locker) : locker;
    case 'EXPIRED':
    case 'CANCELED':
      // With something inside it stays taken until a courier has been there.
      return locker.status === 'rented' && locker.holderId === partnerId ? freed(locker) : locker;
    case 'NEW':
    case 'INCOMPLETE':
    case 'RETURNING':
      return locker;
  }
}

const freed = (locker: Locker): Locker => ({ ...locker, status: 'available', holderId: null });
