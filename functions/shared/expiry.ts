import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** When DynamoDB may clean up what is kept for so many days from an instant: its TTL attribute, in epoch seconds. */
export const expiresAfter = (from: Instant, retentionDays: number): number =>
  Math.floor((instantToMs(from) + retentionDays * 86_400_000) / 1_000);

/** Whether what is kept for so many days from an instant may be cleaned up by then, in milliseconds since 1970. */
export const isExpiredBy = (atMs: number, from: Instant, retentionDays: number): boolean =>
  atMs >= expiresAfter(from, retentionDays) * 1_000;
