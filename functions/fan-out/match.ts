import { expresses } from '../../schemas/contract-events.ts';
import type { Endpoint, EndpointFilter } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';

/**
 * Whether an event is for an endpoint: its partner is in the audience, its contract can say it, its filter wants it.
 * A disabled endpoint matches too: what it misses is recorded as held.
 */
export function matches(endpoint: Endpoint, event: DomainEvent): boolean {
  return (
    event.partnerIds.includes(endpoint.partnerId) &&
    expresses(endpoint.contract, event) &&
    passes(endpoint.filter, event)
  );
}

function passes(filter: EndpointFilter, event: DomainEvent): boolean {
  const { types, towerIds, lockers } = filter;
  return (
    (types === undefined || types.some((wanted) => covers(wanted, event.type))) &&
    (towerIds === undefined || towerIds.includes(event.towerId)) &&
    // What concerns the tower as a whole is at none of the lockers.
    (lockers === undefined || (event.locker !== null && lockers.includes(event.locker)))
  );
}

/** `reservation.*` covers its family, anything else itself. */
const covers = (wanted: string, type: string): boolean =>
  wanted.endsWith('.*') ? type.startsWith(wanted.slice(0, -1)) : wanted === type;
