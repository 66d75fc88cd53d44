import { expresses } from '../../schemas/contract-events.ts';
import type { Endpoint, EndpointFilter } from '../../schemas/endpoint.ts';
import { coversType } from '../../schemas/event-type-pattern.ts';
import { isOperational, type DomainEvent } from '../../schemas/event.ts';

/**
 * Whether an event is for an endpoint: its partner is in the audience, its contract can say it, its filter wants it.
 * A disabled endpoint matches too: what it misses is recorded as held.
 */
export function matches(endpoint: Endpoint, event: DomainEvent): boolean {
  return (
    event.partnerIds.includes(endpoint.partnerId) &&
    expresses(endpoint.contract, event) &&
    // A lane says by itself that it skipped something.
    event.type !== 'sequence.skipped' &&
    !isAboutHealthOf(endpoint, event) &&
    (event.test === undefined
      ? isOperational(event.type) === (endpoint.operational ?? false) &&
        concernsDepartment(endpoint, event) &&
        passes(endpoint.filter, event)
      : event.test.endpointId === endpoint.endpointId)
  );
}

/** An endpoint that fails would get deliveries about that, and fail. */
const isAboutHealthOf = ({ endpointId }: Endpoint, { type, data }: DomainEvent): boolean =>
  type.startsWith('endpoint.') && 'endpointId' in data && data.endpointId === endpointId;

/** An integration belongs to a department; other endpoints hear of all of them. */
const concernsDepartment = ({ integration }: Endpoint, { data }: DomainEvent): boolean =>
  integration === undefined || ('departmentId' in data && data.departmentId === integration.departmentId);

/** Whether a filter lets an event through. Absent lists let all through. */
export function passes(filter: EndpointFilter, event: DomainEvent): boolean {
  const { types, towerIds, lockers, lockIds } = filter;
  return (
    (types === undefined || types.some((wanted) => coversType(wanted, event.type))) &&
    // What happened at no tower passes no such filter.
    (towerIds === undefined || (event.towerId !== null && towerIds.includes(event.towerId))) &&
    // What concerns the tower as a whole is at none of the lockers.
    (lockers === undefined || (event.locker !== null && lockers.includes(event.locker))) &&
    (lockIds === undefined || ('lockId' in event.data && lockIds.includes(event.data.lockId)))
  );
}
