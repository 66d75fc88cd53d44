import type { DomainEvent } from '../../../schemas/event.ts';
import { parseJsonText, renderJson, type Contract } from './contract.ts';

/** The body that Standard Webhooks recommends: https://github.com/standard-webhooks/standard-webhooks */
export const renderStandard: Contract = (event, endpoint) =>
  renderJson(endpoint, {
    type: event.type,
    timestamp: event.occurredAt,
    data: endpoint.detail === 'full' ? fullData(event) : thinData(event),
  });

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
  };
}
