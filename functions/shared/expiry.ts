import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** When DynamoDB may clean up what is kept for so many days from an instant: its TTL attribute, in epoch seconds. */
export const expiresAfter = (from: Instant, retentionDays: number): number =>
  Math.floor((instantToMs(from) + retentionDays * 86_400_000) / 1_000);
