import { DeliveryRecordSchema, type DeliveryRecord } from '../../schemas/delivery.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { expiresAfter } from './expiry.ts';
import { deliveryKey, dueShard, type ItemKey } from './keys.ts';

export interface DeliveryItemOptions {
  /** Partitions of the due index. */
  dueShards: number;
  /** From the receipt of the event. */
  retentionDays: number;
}

export const deliveryRecordKey = (record: Pick<DeliveryRecord, 'endpointId' | 'event'>): ItemKey =>
  deliveryKey(record.endpointId, record.event.receivedAt, record.event.id);

/** `dueAt` is compared as text in the index, so it has milliseconds, always. */
export const dueText = (instant: Instant): Instant => instantFromMs(instantToMs(instant));

/** A record as the deliveries table holds it. Only what waits for `timers` has the attributes of the due index. */
export function deliveryItem(record: DeliveryRecord, options: DeliveryItemOptions): Record<string, unknown> {
  const { dueAt, ...rest } = record;
  const key = deliveryRecordKey(record);
  return {
    ...key,
    ...rest,
    expiresAt: expiresAfter(record.event.receivedAt, options.retentionDays),
    ...(dueAt !== null && { duePk: dueShard(key, options.dueShards), dueAt: dueText(dueAt) }),
  };
}

export const parseDeliveryItem = (item: unknown): DeliveryRecord => DeliveryRecordSchema.parse(item);
