import { parseEventId } from '../../../schemas/event-id.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import type { Contract } from './contract.ts';
import { eventData } from './event-data.ts';

/**
 * CNCF CloudEvents 1.0, structured JSON: https://github.com/cloudevents/spec (spec.md, json-format.md). `source` and
 * `id` together name the event, the same in each retry.
 */
export const renderCloudEvent: Contract = (event, endpoint) => ({
  method: endpoint.method,
  headers: { 'content-type': 'application/cloudevents+json' },
  body: Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: event.id,
      source: sourceOf(event),
      type: event.type,
      subject: parseEventId(event.id)?.pk,
      time: event.occurredAt,
      datacontenttype: 'application/json',
      data: eventData(event, endpoint.detail),
    }),
  ),
});

/** A URI reference: the tower that it happened at, or us. A tower's id may contain colons. */
const sourceOf = ({ towerId }: DomainEvent): string =>
  towerId === null ? '/towercast' : `/towers/${encodeURIComponent(towerId)}`;
