import * as z from 'zod';
import { DeliveryRecordSchema, type DeliveryRecord, type EventSummary } from '../../schemas/delivery.ts';
import { inMilliseconds } from '../../schemas/instant.ts';
import { expiresAfter } from './expiry.ts';
import {
  backlogShard,
  deliveryId,
  deliveryKey,
  dueShard,
  undeliveredPartition,
  type ItemKey,
} from './keys.ts';
import { packAttempt, PackedAttemptSchema } from './packed-attempt.ts';

export interface DeliveryItemOptions {
  /** Partitions of the due index. */
  dueShards: number;
  /** From the receipt of the event. */
  retentionDays: number;
}

/** What a record names a delivery by. */
export interface DeliveryRef {
  endpointId: string;
  event: Pick<EventSummary, 'id' | 'receivedAt'>;
}

export const deliveryRecordKey = (record: DeliveryRef): ItemKey =>
  deliveryKey(record.endpointId, record.event.receivedAt, record.event.id);

/** `dueAt` is compared as text in the index, so it has milliseconds, always. */
export const dueText = inMilliseconds;

/**
 * A record as the deliveries table holds it. Only what waits has the attributes of the due index, and what is dead or held:
 * that is in a partition of its endpoint's own, by its time of receipt, where nobody takes it as due.
 */
export function deliveryItem(record: DeliveryRecord, options: DeliveryItemOptions): Record<string, unknown> {
  // Its key names it.
  const { id: _, dueAt, waitsFor, replay, attempts, ...rest } = record;
  const key = deliveryRecordKey(record);
  return {
    ...key,
    ...rest,
    attempts: attempts.map(packAttempt),
    expiresAt: expiresAfter(record.event.receivedAt, options.retentionDays),
    // What is as it is by default takes no room.
    ...(replay !== null && { replay }),
    ...(dueAt !== null && { duePk: duePartition(record, key, options), dueAt: dueText(dueAt), waitsFor }),
    ...(isUndelivered(record) && {
      duePk: undeliveredPartition(record.endpointId),
      dueAt: dueText(record.event.receivedAt),
    }),
  };
}

export const isUndelivered = ({ status }: Pick<DeliveryRecord, 'status'>): boolean =>
  status === 'dead' || status === 'held';

const duePartition = (
  { waitsFor, endpointId }: DeliveryRecord,
  key: ItemKey,
  { dueShards }: DeliveryItemOptions,
): string => (waitsFor === 'endpoint' ? backlogShard(endpointId) : dueShard(key, dueShards));

const DeliveryItemSchema = DeliveryRecordSchema.omit({ id: true }).extend({
  attempts: z.array(PackedAttemptSchema),
});

/** Throws ZodError for what is no record. */
export function parseDeliveryItem(item: unknown): DeliveryRecord {
  const packed = DeliveryItemSchema.parse(item);
  const id = deliveryId(packed.endpointId, packed.event.receivedAt, packed.event.id);
  // Its place in the index says when it was received.
  return { ...packed, id, dueAt: isUndelivered(packed) ? null : packed.dueAt };
}
