import type { Locker, LockerStatus, PositionInTime, ReservationStatus } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { holdLocker, isBeforeHold, leaveLocker, releaseLocker, witnessHold } from './holding.ts';
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
 * isn't. A late one may still tell who held the locker then. Returns the locker itself when nothing changes.
 */
export function applyLockerFact(locker: Locker, fact: LockerFact): { locker: Locker; late: boolean } {
  const { status, position } = fact;
  if (status === null) return { locker, late: false };
  if (locker.statusFrom !== null && comparePositions(position, locker.statusFrom) <= 0) {
    return { locker: withWitness(locker, fact), late: true };
  }
  const changed = isOfEarlierHold(locker, fact)
    ? { ...withWitness(locker, fact), status: status === 'available' ? ('rented' as const) : status }
    : { ...withHolder(locker, fact), status };
  return { locker: { ...withoutItem(changed), statusFrom: position }, late: false };
}

/** Something else happened to the locker since. */
function withoutItem(locker: Locker): Locker {
  const { itemRequestId: _, ...rest } = locker;
  return rest;
}

/** A tower that was offline tells of a parcel whose locker was given to somebody else meanwhile: it stays theirs. */
const isOfEarlierHold = (locker: Locker, { position, partnerId }: LockerFact): boolean =>
  partnerId !== locker.holderId && isBeforeHold(locker, position.at);

const withWitness = (locker: Locker, { position, partnerId }: LockerFact): Locker =>
  partnerId === null ? locker : witnessHold(locker, partnerId, position.at);

function withHolder(locker: Locker, { status, position, partnerId }: LockerFact): Locker {
  if (partnerId === null) return status === 'available' ? releaseLocker(locker, position.at) : locker;
  const change = status === 'available' ? leaveLocker : holdLocker;
  return change(locker, partnerId, position.at);
}

/**
 * A partner takes the locker, for a reservation or a request. One that somebody holds stays theirs. `statusFrom` stays:
 * what towers said remains the measure of what they say next, whatever their clocks show.
 */
export function takeLocker(locker: Locker, partnerId: string, at: Instant): Locker {
  const status = locker.status === 'available' ? 'rented' : locker.status;
  const held = locker.holderId === null ? holdLocker(locker, partnerId, at) : locker;
  return status === locker.status && held === locker ? locker : { ...held, status };
}

/** A reservation of `partnerId` that moved `to` a status at `at`. */
export interface LockerTransition {
  to: ReservationStatus;
  partnerId: string;
  at: Instant;
}

/** What becomes of the locker when a timer or the API, and not its tower, moved a reservation. */
export function lockerAfterTransition(locker: Locker, { to, partnerId, at }: LockerTransition): Locker {
  const freed = (): Locker => ({
    ...withoutItem(releaseLocker(locker, at)),
    status: 'available',
  });
  switch (to) {
    case 'RESERVED':
      return takeLocker(locker, partnerId, at);
    case 'STOCKED':
      return locker.status === 'occupied'
        ? locker
        : { ...holdLocker(locker, partnerId, at), status: 'occupied' };
    case 'PICKED_UP':
    case 'RETURNED':
      return locker.holderId === partnerId ? freed() : locker;
    case 'EXPIRED':
    case 'CANCELED':
      // With something inside it stays taken until a courier has been there.
      return locker.status === 'rented' && locker.holderId === partnerId ? freed() : locker;
    case 'NEW':
    case 'INCOMPLETE':
    case 'RETURNING':
      return locker;
  }
}
