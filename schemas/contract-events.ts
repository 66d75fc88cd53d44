import type { ContractName } from './contract.ts';
import type { DomainEvent, EventType } from './event.ts';
import { queuePositionEvents } from './position.ts';

export const reservationStatusEvents = [
  'reservation.expired',
  'reservation.incomplete',
  'reservation.stocked',
  'reservation.returning',
  'reservation.returned',
  'reservation.picked_up',
] as const satisfies readonly EventType[];

export const lockerOpenEvents = [
  'locker.assigned',
  'locker.token_created',
  'locker.token_used',
] as const satisfies readonly EventType[];

export const messagePointerEvents = [
  'booking.added',
  'booking.edited',
  'booking.deleted',
] as const satisfies readonly EventType[];

export const accessEventEvents = ['access.locked', 'access.unlocked'] as const satisfies readonly EventType[];

/**
 * Whether a contract has a way to say this event, so that it is worth a delivery. Sources: the partner documents
 * (see test/seeds): `reservation-status` never reports what a partner did itself over HTTP, `access-event` only what was
 * done with an integrator's key. Without `data` it is about some event of this type.
 */
export function expresses(contract: ContractName, event: Expressible): boolean {
  switch (contract) {
    case 'standard':
    case 'cloudevents':
      return true;
    case 'locker-open':
      return lockerOpenEvents.some((type) => type === event.type);
    case 'reservation-status':
      return event.cause !== 'api' && reservationStatusEvents.some((type) => type === event.type);
    case 'message-pointer':
      return messagePointerEvents.some((type) => type === event.type);
    case 'queue-position':
      return queuePositionEvents.some((type) => type === event.type);
    case 'access-event':
      return accessEventEvents.some((type) => type === event.type) && isIntegrators(event);
  }
}

/** What decides whether a contract has a way to say an event. */
export type Expressible = Pick<DomainEvent, 'type' | 'cause'> & { data?: object };

const isIntegrators = ({ data }: Expressible): boolean =>
  data === undefined || ('keyOrigin' in data && data.keyOrigin === 'integrator');
