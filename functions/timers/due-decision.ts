import type { Entity, LockerOpenRequest, Reservation } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { settleOverdue } from '../domain/command.ts';
import type { Decision } from '../domain/event.ts';
import { expireLockerOpenRequest, withoutTimer } from '../domain/link-use.ts';
import { runPositionTimer } from '../domain/position.ts';
import { runReservationTimer } from '../domain/reservation-commands.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { EntityRef } from '../shared/keys.ts';

export interface DueContext {
  /** What `refsBehind` named, as far as it exists. */
  entities: EntitySet;
  /** Towers' last signs of life. */
  lastSeen: ReadonlyMap<string, Instant | null>;
  now: Instant;
  policy: ReservationPolicy;
}

/** What must be known besides a due entity itself. */
export function refsBehind(entity: Entity): EntityRef[] {
  if (entity.kind === 'reservation') return [lockerOf(entity)];
  if (entity.kind !== 'request') return [];
  const { tokenId } = entity;
  return tokenId === undefined ? [lockerOf(entity)] : [lockerOf(entity), { kind: 'token', tokenId }];
}

/** What only those know of. */
export function refsFurtherBehind(entity: Entity, behind: EntitySet): EntityRef[] {
  const commandId = entity.kind === 'request' ? tokenOf(entity, behind)?.commandId : undefined;
  return commandId === undefined ? [] : [{ kind: 'command', commandId }];
}

/** What time makes of a due entity; null when it is not due after all, or nothing can be done. Pure. */
export function decideDue(entity: Entity, context: DueContext): Decision | null {
  const { entities, now, policy } = context;
  switch (entity.kind) {
    case 'reservation': {
      const locker = entities.get(lockerOf(entity));
      const outcome = runReservationTimer({ reservation: entity, locker, now, policy });
      return outcome.kind === 'decided' ? outcome : null;
    }
    case 'position': {
      const outcome = runPositionTimer(entity, now);
      return outcome.kind === 'decided' ? outcome : null;
    }
    case 'command':
      return settleOverdue(entity, now, context.lastSeen.get(entity.towerId) ?? null);
    case 'request':
      return decideRequest(entity, context);
    case 'tower':
    case 'progress':
    case 'locker':
    case 'token':
    case 'link':
    case 'key':
    case 'lock':
    case 'partner':
    case 'client':
    case 'endpoint':
    case 'booking':
    case 'message':
    case 'queue':
    // Runs by itself: redrives.ts.
    case 'redrive':
      return null;
  }
}

function decideRequest(request: LockerOpenRequest, { entities, now }: DueContext): Decision | null {
  const locker = entities.get(lockerOf(request));
  if (locker === null) return null;
  const token = tokenOf(request, entities);
  const commandId = token?.commandId;
  const command = commandId === undefined ? null : entities.get({ kind: 'command', commandId });
  const ending = expireLockerOpenRequest({ request, locker, token, command }, now);
  if (ending?.kind === 'over') return { changes: [withoutTimer(request)], events: [] };
  return ending?.kind === 'ended' ? ending : null;
}

const tokenOf = ({ tokenId }: LockerOpenRequest, entities: EntitySet) =>
  tokenId === undefined ? null : entities.get({ kind: 'token', tokenId });

const lockerOf = ({ towerId, locker }: Reservation | LockerOpenRequest) =>
  ({ kind: 'locker', towerId, locker }) as const;
