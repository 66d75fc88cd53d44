import { expresses } from '../../schemas/contract-events.ts';
import { eventSamples } from '../../schemas/documents/event-samples.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { eventIdOf, parseEventId, subjectEventKey } from '../../schemas/event-id.ts';
import type { DomainEvent, EventType } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';

export interface SampleRequest {
  endpoint: Pick<Endpoint, 'endpointId' | 'partnerId' | 'contract'>;
  type: EventType;
  /** Unique: it names the event. */
  sampleId: string;
  now: Instant;
}

/**
 * An event of this type, made up, for one endpoint only; null when its contract has no way to say such an event. It has
 * a subject of its own: no locker's and no lock's log shows it. Pure.
 */
export function sampleEvent({ endpoint, type, sampleId, now }: SampleRequest): DomainEvent | null {
  const sample = eventSamples.find((one) => one.type === type);
  if (sample === undefined || !expresses(endpoint.contract, sample)) return null;
  const subject = { kind: 'endpoint', id: endpoint.endpointId } as const;
  const key = subjectEventKey(subject, now, { entity: 'test', id: sampleId, version: 1 });
  return {
    ...sample,
    id: eventIdOf(key),
    occurredAt: now,
    receivedAt: now,
    partnerIds: [endpoint.partnerId],
    test: { endpointId: endpoint.endpointId },
  };
}

/** Whether an event is such a one: a delivery's record knows no more of its event than the id. */
export const isSampleId = (eventId: string): boolean => parseEventId(eventId)?.sk.includes('_test~') ?? false;
