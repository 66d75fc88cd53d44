import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { parseJsonText } from './contract.ts';

/** What the forms of our own say of an event: all of it, or ids and times. */
export const eventData = (event: DomainEvent, detail: Endpoint['detail']): object =>
  detail === 'full' ? fullData(event) : thinData(event);

// The audience is left out of both: no partner learns who else heard of it.
const fullData = (event: DomainEvent): object => ({
  id: event.id,
  occurredAt: event.occurredAt,
  receivedAt: event.receivedAt,
  cause: event.cause,
  late: event.late,
  towerId: event.towerId,
  locker: event.locker,
  ...event.data,
  ...('requestPayload' in event.data && { requestPayload: parseJsonText(event.data.requestPayload) }),
});

/** Ids and times: enough to ask the API for the rest. */
function thinData(event: DomainEvent): object {
  const { data } = event;
  return {
    id: event.id,
    occurredAt: event.occurredAt,
    receivedAt: event.receivedAt,
    towerId: event.towerId,
    locker: event.locker,
    ...('reservationId' in data && { reservationId: data.reservationId }),
    ...('requestId' in data && { requestId: data.requestId }),
    ...('tokenId' in data && { tokenId: data.tokenId }),
    ...('lockId' in data && { lockId: data.lockId }),
    ...('keyId' in data && { keyId: data.keyId }),
    ...('bookingId' in data && { bookingId: data.bookingId }),
    ...('positionId' in data && { positionId: data.positionId }),
    ...('endpointId' in data && { endpointId: data.endpointId }),
    ...('partnerId' in data && { partnerId: data.partnerId }),
    ...('deliveryId' in data && { deliveryId: data.deliveryId }),
  };
}
