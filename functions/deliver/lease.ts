import type { DeliveryTask } from '../../schemas/delivery.ts';
import { instantToMs } from '../../schemas/instant.ts';

/** What a task takes at most besides its attempt: its entry at the gate, reading secrets, writing down what came of it. */
export const leaseMarginMs = 5_000;

/**
 * Whether an attempt that begins now might end after the task's lease. Then the delivery may be due again before this
 * attempt is on record, and another task of it would repeat it.
 */
export function isLeaseOver(
  { leasedUntil }: Pick<DeliveryTask, 'leasedUntil'>,
  { now, attemptTimeoutMs }: { now: () => number; attemptTimeoutMs: number },
): boolean {
  if (leasedUntil === undefined) return false;
  return now() + attemptTimeoutMs + leaseMarginMs > instantToMs(leasedUntil);
}
