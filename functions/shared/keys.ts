import { createHash } from 'node:crypto';
import { isSample, parseEventId, timeToBase36 } from '../../schemas/event-id.ts';
import type { Entity } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

export interface ItemKey {
  pk: string;
  sk: string;
}

/** Which entity: its kind and the fields that name it. */
export type EntityRef =
  | { kind: 'tower'; towerId: string }
  | { kind: 'progress'; towerId: string; boot: string }
  | { kind: 'locker'; towerId: string; locker: number }
  | { kind: 'reservation'; reservationId: string }
  | { kind: 'request'; requestId: number }
  | { kind: 'token'; tokenId: number }
  | { kind: 'link'; linkHash: string }
  | { kind: 'command'; commandId: string }
  | { kind: 'key'; keyId: string }
  | { kind: 'lock'; lockId: string }
  | { kind: 'partner'; partnerId: string }
  | { kind: 'client'; clientId: string }
  | { kind: 'endpoint'; partnerId: string; endpointId: string }
  | { kind: 'booking'; bookingId: string }
  | { kind: 'message'; messageId: string }
  | { kind: 'position'; positionId: string }
  | { kind: 'queue'; queueId: string }
  | { kind: 'redrive'; partnerId: string; redriveId: string };

/** Key in the entities table. An Entity is a valid ref to itself. */
export function entityKey(ref: EntityRef | Entity): ItemKey {
  switch (ref.kind) {
    case 'tower':
      return { pk: `tower#${ref.towerId}`, sk: 'tower' };
    case 'progress':
      return { pk: `tower#${ref.towerId}`, sk: `progress#${ref.boot}` };
    case 'locker':
      return { pk: `tower#${ref.towerId}`, sk: `locker#${String(ref.locker).padStart(4, '0')}` };
    case 'reservation':
      return { pk: `reservation#${ref.reservationId}`, sk: 'reservation' };
    case 'request':
      return { pk: `request#${ref.requestId}`, sk: 'request' };
    case 'token':
      return { pk: `token#${ref.tokenId}`, sk: 'token' };
    case 'link':
      return { pk: `link#${ref.linkHash}`, sk: 'link' };
    case 'command':
      return { pk: `command#${ref.commandId}`, sk: 'command' };
    case 'key':
      return { pk: `key#${ref.keyId}`, sk: 'key' };
    case 'lock':
      return { pk: `lock#${ref.lockId}`, sk: 'lock' };
    case 'partner':
      return { pk: `partner#${ref.partnerId}`, sk: 'partner' };
    case 'client':
      return { pk: `client#${ref.clientId}`, sk: 'client' };
    case 'endpoint':
      return { pk: `partner#${ref.partnerId}`, sk: `endpoint#${ref.endpointId}` };
    case 'booking':
      return { pk: `booking#${ref.bookingId}`, sk: 'booking' };
    case 'message':
      return { pk: `message#${ref.messageId}`, sk: 'message' };
    case 'position':
      return { pk: `position#${ref.positionId}`, sk: 'position' };
    case 'queue':
      return { pk: `queue#${ref.queueId}`, sk: 'queue' };
    case 'redrive':
      return { pk: `partner#${ref.partnerId}`, sk: `redrive#${ref.redriveId}` };
  }
}

/**
 * One endpoint's deliveries of one day are one query, newest first by descending `sk`, and one partition, which takes 1,000 writes a
 * second: docs/runbook.md, "Limits".
 */
export function deliveryKey(endpointId: string, receivedAt: Instant, eventId: string): ItemKey {
  return { pk: `${endpointId}#${receivedAt.slice(0, 10)}`, sk: `${timeToBase36(receivedAt)}_${eventId}` };
}

/** Self-locating, like an event's id: `dlv_{endpoint}_{time of receipt in base 36}_{event id}`. */
export function deliveryId(endpointId: string, receivedAt: Instant, eventId: string): string {
  return `dlv_${endpointId}_${timeToBase36(receivedAt)}_${eventId}`;
}

/** The partition of the due index that holds an endpoint's backlog, in order of receipt. */
export const backlogShard = (endpointId: string): string => `parked#${endpointId}`;

/** The partition of the due index that holds what an endpoint has dead or held, in order of receipt. Nothing there is due. */
export const undeliveredPartition = (endpointId: string): string => `undelivered#${endpointId}`;

/**
 * Whose deliveries to an ordered endpoint come one after the other: the subject that an event's id names. What says
 * that a delivery was skipped stands in that delivery's place.
 */
export function laneOf(event: Pick<DomainEvent, 'id' | 'type' | 'data'>): string {
  const skipped = event.type === 'sequence.skipped' && 'eventId' in event.data ? event.data.eventId : '';
  const lane = laneOfId(skipped) ?? laneOfId(event.id);
  if (lane === null) throw new TypeError(`not an event id: ${event.id}`);
  return lane;
}

/**
 * The lane of an event that has this id, if it isn't `sequence.skipped`; null when it is no event id. A sample is a lane by
 * itself: it is sent to find out what fails, and must not wait for another one that did.
 */
export function laneOfId(eventId: string): string | null {
  const key = parseEventId(eventId);
  if (key === null) return null;
  return isSample(key) ? `${key.pk}_${key.sk}` : key.pk;
}

/** Key of a lane in the deliveries table. */
export const laneKey = (endpointId: string, subject: string): ItemKey => ({
  pk: `lane#${endpointId}#${subject}`,
  sk: 'lane',
});

/** Key of what waits in a lane. */
export const waitingKey = (endpointId: string, subject: string, sequence: number): ItemKey => ({
  pk: laneKey(endpointId, subject).pk,
  sk: `waiting#${String(sequence).padStart(16, '0')}`,
});

/** The partition of the due index that an item waits in: uniform, and the same at each write of that item. */
export const dueShard = (key: ItemKey, shards: number): string => dueShardName(shardOf(key, shards));

export const dueShardName = (shard: number): string => `due#${shard}`;

/** The same for the health of endpoints that `timers` must look at. */
export const healthShard = (key: ItemKey, shards: number): string => healthShardName(shardOf(key, shards));

export const healthShardName = (shard: number): string => `health#${shard}`;

function shardOf(key: ItemKey, shards: number): number {
  const digest = createHash('sha256').update(`${key.pk}|${key.sk}`).digest();
  return digest.readUInt32BE(0) % shards;
}

/** The key that a delivery's id contains, or null when it is no delivery id. */
export function parseDeliveryId(id: string): ItemKey | null {
  const match = /^dlv_([A-Za-z0-9-]{1,64})_([0-9a-z]{8})_(evt_.{1,200})$/.exec(id);
  const [, endpointId, time, eventId] = match ?? [];
  if (endpointId === undefined || time === undefined || eventId === undefined) return null;
  return deliveryKey(endpointId, instantFromMs(Number.parseInt(time, 36)), eventId);
}
