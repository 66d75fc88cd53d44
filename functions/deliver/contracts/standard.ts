import { renderJson, type Contract } from './contract.ts';
import { eventData } from './event-data.ts';

/** The body that Standard Webhooks recommends: https://github.com/standard-webhooks/standard-webhooks */
export const renderStandard: Contract = (event, endpoint) =>
  renderJson(endpoint, {
    type: event.type,
    timestamp: event.occurredAt,
    data: eventData(event, endpoint.detail),
  });
