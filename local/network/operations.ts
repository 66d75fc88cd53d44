import { createLockerOpenRequest, createToken } from '../../functions/domain/locker-open-commands.ts';
import type { Decision } from '../../functions/domain/event.ts';
import {
  apiPathTo,
  createReservation,
  moveReservation,
} from '../../functions/domain/reservation-commands.ts';
import { isTerminal } from '../../functions/domain/reservation-transitions.ts';
import type { EntitySet } from '../../functions/shared/entity-set.ts';
import { TowercastError } from '../../functions/shared/errors.ts';
import type { EntityRef } from '../../functions/shared/keys.ts';
import type { Locker, Reservation, ReservationStatus } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { toInstant } from '../../schemas/instant.ts';
import type { NetworkLockerOpenRequest, NetworkReservation } from '../../schemas/network.ts';
import type { NetworkStore } from './store.ts';

/**
 * What an operator or a partner does, through the deciders and their commit, cause `api`. Each gives the events that
 * it committed: none when the network is already as asked.
 */

/** Makes a reservation and moves it towards its status, as far as the partner itself could. */
export function settleReservation(store: NetworkStore, wanted: NetworkReservation): Promise<DomainEvent[]> {
  const ref = { kind: 'reservation', reservationId: wanted.reservationId } as const;
  const lockerRef = { kind: 'locker', towerId: wanted.towerId, locker: wanted.locker } as const;
  return commitSteps(store, [ref, lockerRef], (stored) => {
    const locker = lockerOf(stored, lockerRef);
    const reservation = stored.get(ref);
    if (reservation === null) return makeReservation(store, wanted, locker);
    const to = nextStatus(reservation, wanted.status);
    if (to === null) return null;
    // A reservation that moved to another locker since has left this one alone.
    const isHere = reservation.towerId === locker.towerId && reservation.locker === locker.locker;
    const context = { reservation, locker: isHere ? locker : null, now: store.now(), policy: store.policy };
    const outcome = moveReservation(context, to);
    return outcome.kind === 'decided' ? outcome : null;
  });
}

/** Makes a locker open request with its tokens; those that exist stay as they are. */
export function settleLockerOpenRequest(
  store: NetworkStore,
  { tokens, payload, ...wanted }: NetworkLockerOpenRequest,
): Promise<DomainEvent[]> {
  const ref = { kind: 'request', requestId: wanted.requestId } as const;
  const lockerRef = { kind: 'locker', towerId: wanted.towerId, locker: wanted.locker } as const;
  const tokenRefs = tokens.map(({ tokenId }) => ({ kind: 'token', tokenId }) as const);
  return commitSteps(store, [ref, lockerRef, ...tokenRefs], (stored) => {
    const locker = lockerOf(stored, lockerRef);
    const request = stored.get(ref);
    if (request === null)
      return createLockerOpenRequest({ ...wanted, payload: JSON.stringify(payload) }, locker, store.now());
    const missing = tokens.find(({ tokenId }) => stored.get({ kind: 'token', tokenId }) === null);
    return missing === undefined ? null : createToken(missing, request, locker, store.now());
  });
}

function makeReservation(store: NetworkStore, wanted: NetworkReservation, locker: Locker): Decision {
  const { status: _, expirationDate, docNumber, unitId = locker.unitId, ...fields } = wanted;
  const reservation = {
    ...fields,
    unitId,
    ...(docNumber !== undefined && { docNumber }),
    ...(expirationDate !== undefined && { expirationDate: toInstant(expirationDate) }),
  };
  return createReservation(reservation, store.now(), store.policy);
}

/**
 * The next status to ask for, or null. What a tower reported stands: only a final status is asked for after that,
 * since a file that is loaded at each start must not undo what happened between.
 */
function nextStatus(
  { status, statusFrom }: Reservation,
  target: ReservationStatus,
): ReservationStatus | null {
  if (status === target || (statusFrom.boot !== null && !isTerminal(target))) return null;
  const path: ReservationStatus[] = ['NEW', ...(apiPathTo(target) ?? [])];
  return path.includes(status) ? (path[path.indexOf(status) + 1] ?? null) : target;
}

function lockerOf(stored: EntitySet, ref: EntityRef & { kind: 'locker' }): Locker {
  const locker = stored.get(ref);
  if (locker !== null) return locker;
  throw new TowercastError('locker_unknown', `tower ${ref.towerId} has no locker ${ref.locker}`);
}

/** Conflicts with the running functions, which may be at the same locker. */
const maxConflicts = 20;

/** Decides and commits, one transaction after the other, until there is nothing left to decide. */
async function commitSteps(
  store: NetworkStore,
  refs: readonly EntityRef[],
  decide: (stored: EntitySet) => Decision | null,
): Promise<DomainEvent[]> {
  const events: DomainEvent[] = [];
  let stored = await store.entities.getMany(refs);
  let conflicts = 0;
  for (;;) {
    const decision = decide(stored);
    if (decision === null) return events;
    const outcome = await store.commit(decision);
    if (outcome.kind === 'committed') {
      events.push(...decision.events);
      for (const entity of decision.changes) stored.set({ ...entity, version: entity.version + 1 });
    } else {
      conflicts += 1;
      if (conflicts > maxConflicts)
        throw new TowercastError('network_conflict', 'others keep changing the same entities');
      stored = await store.entities.getMany(refs);
    }
  }
}
