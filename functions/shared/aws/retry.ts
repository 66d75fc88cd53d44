import type { RetryReason } from './errors.ts';

/** Milliseconds, doubled from try to try. */
const baseDelayMs = { transient: 50, throttling: 1_000 } as const;
const maxDelayMs = 20_000;

/** Before the next try, with full jitter; `failed` counts the tries so far. */
export function retryDelayMs(reason: RetryReason, failed: number, random: () => number): number {
  // Nothing is wrong with the other side, and the next connection is another one.
  if (reason === 'stale') return 0;
  return Math.floor(random() * Math.min(baseDelayMs[reason] * 2 ** (failed - 1), maxDelayMs));
}

/**
 * What a client may still spend on retries. Each takes some of it, each request that passes gives some back: while a
 * service is down, only the first tries go on, and it can come up again. Figures of the SDK.
 */
export interface RetryQuota {
  /** Null when there is not enough left; otherwise what was taken. */
  take(reason: RetryReason): number | null;
  /** `taken`: by the last retry of a request that passed, 0 when it had none. */
  giveBack(taken: number): void;
}

const quotaCapacity = 500;
const quotaCost = { stale: 5, throttling: 5, transient: 14 } as const;

export function createRetryQuota(capacity = quotaCapacity): RetryQuota {
  let left = capacity;
  return {
    take(reason) {
      const cost = quotaCost[reason];
      if (cost > left) return null;
      left -= cost;
      return cost;
    },
    giveBack(taken) {
      left = Math.min(capacity, left + Math.max(taken, 1));
    },
  };
}
