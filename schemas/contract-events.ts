import type { ContractName } from './contract.ts';
import type { DomainEvent, EventType } from './event.ts';

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

/**
 * Whether a contract has a way to say this event, so that it is worth a delivery. Sources: the partner documents
 * (see test/seeds): `reservation-status` never reports what a partner did itself over HTTP.
 */
export function expresses(contract: ContractName, event: Pick<DomainEvent, 'type' | 'cause'>): boolean {
  switch (contract) {
    case 'standard':
      return true;
    case 'locker-open':
      return lockerOpenEvents.some((type) => type === event.type);
    case 'reservation-status':
      return event.cause !== 'api' && reservationStatusEvents.some((type) => type === event.type);
  }
}
