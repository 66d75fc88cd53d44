import { createHash } from 'node:crypto';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { isOperational, type DomainEvent, type EndpointHealthData } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type EventDraft } from './event.ts';
import { isSampleId } from './sample-event.ts';

/** Whose operational events the operator hears too. Null: nobody's but the partners' own. */
export interface OperationalContext {
  operatorPartnerId: string | null;
  now: Instant;
}

type EndpointName = Pick<Endpoint, 'endpointId' | 'partnerId'>;

/** Tells what changed at an endpoint. `cause` names the change, so that telling it twice makes one event. */
export const endpointEvent = (
  type: 'endpoint.failing' | 'endpoint.recovered' | 'endpoint.disabled',
  endpoint: EndpointName,
  change: Omit<EndpointHealthData, keyof EndpointName> & { cause: string },
  context: OperationalContext,
): DomainEvent => {
  const { cause, ...data } = change;
  const { endpointId, partnerId } = endpoint;
  return operationalEvent(
    { type, data: { endpointId, partnerId, ...data } },
    endpoint,
    { name: `${type} ${cause}`, at: context.now },
    context,
  );
};

/**
 * Tells of a delivery that was given up; null when it was itself about a delivery, since that would never end, or a sample
 * that somebody tried an endpoint with, and has the answer of. `lane`: of a delivery in order, if it is known. Not every contract
 * can say that a number is skipped: this can, at the partner's operational endpoints.
 */
export function deliveryDead(
  record: Pick<
    DeliveryRecord,
    'id' | 'endpointId' | 'partnerId' | 'event' | 'reason' | 'attempts' | 'sequence'
  >,
  { lane = null, ...context }: OperationalContext & { lane?: string | null },
): DomainEvent | null {
  const { id, event, attempts, endpointId, partnerId, sequence = null } = record;
  if (isOperational(event.type) || isSampleId(event.id)) return null;
  const data = {
    deliveryId: id,
    endpointId,
    partnerId,
    eventId: event.id,
    eventType: event.type,
    reason: record.reason ?? 'unknown',
    attempts: attempts.length,
    sequence: lane === null ? null : sequence,
    sequenceOf: sequence === null ? null : lane,
  };
  // A replay of it may die once more, and has made more attempts by then.
  const name = `delivery.dead ${id} ${attempts.length}`;
  return operationalEvent({ type: 'delivery.dead', data }, record, { name, at: context.now }, context);
}

/** Takes the place of a delivery that was given up, at an endpoint that asks for order: in that lane, where that was. */
export function sequenceSkipped(
  record: Pick<DeliveryRecord, 'id' | 'endpointId' | 'partnerId' | 'event' | 'reason'> & { sequence: number },
  { lane, now }: { lane: string; now: Instant },
): DomainEvent {
  const { id, endpointId, event, sequence } = record;
  const data = {
    endpointId,
    sequence,
    sequenceOf: lane,
    deliveryId: id,
    eventId: event.id,
    eventType: event.type,
    reason: record.reason ?? 'unknown',
  };
  const circumstances = { name: `sequence.skipped ${id} ${sequence}`, at: now };
  const { towerId, locker } = event;
  const skipped = operationalEvent({ type: 'sequence.skipped', data }, record, circumstances, {
    operatorPartnerId: null,
    now,
  });
  return { ...skipped, towerId, locker };
}

function operationalEvent(
  draft: EventDraft,
  { endpointId, partnerId }: EndpointName,
  { name, at }: { name: string; at: Instant },
  { operatorPartnerId }: OperationalContext,
): DomainEvent {
  const audience = operatorPartnerId === null ? [partnerId] : [partnerId, operatorPartnerId];
  return toEvent(
    {
      subject: { kind: 'endpoint', id: endpointId },
      source: {
        entity: 'notice',
        id: createHash('sha256').update(name).digest('hex').slice(0, 20),
        version: 1,
      },
      occurredAt: at,
      receivedAt: at,
      cause: 'system',
      late: false,
      towerId: null,
      locker: null,
      partnerIds: [...new Set(audience)],
    },
    draft,
  );
}
