import { TowercastError } from '../shared/errors.ts';
import type { Limiter } from '../shared/limiter.ts';

/** A request that keeps its function busy for long, until it ends. */
export interface LongRequest {
  /** Never rejects: what isn't noted is forgotten by itself when the request could not live any longer. */
  end(): Promise<void>;
}

/**
 * Those of one kind, of all functions together: pulls that wait for events, or dry runs that count. Each keeps a function from
 * answering anybody else.
 */
export interface LongRequests {
  /** Null when as many of the partner's are under way already. */
  begin(partnerId: string): Promise<LongRequest | null>;
}

export interface LongRequestsDeps {
  limiter: Limiter;
  perPartner: number;
  newId: () => string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Longer than a request lives: API Gateway waits for 29 s. What crashed counts no longer than that. */
const leaseMs = 30_000;

export function createLongRequests({ limiter, perPartner, newId, now }: LongRequestsDeps): LongRequests {
  const admit = async (partnerId: string, leaseId: string): Promise<boolean> => {
    const limits = { concurrency: perPartner };
    const patience = { turnMs: null, maxWaitMs: 0, maxAheadMs: 0 };
    try {
      const request = { limits, nowMs: now(), leaseId, leaseMs, ...patience };
      return (await limiter.admit(partnerId, request)).kind === 'go';
    } catch (error) {
      // So many ask at once that not all can be answered.
      if (error instanceof TowercastError && error.code === 'item_contended') return false;
      throw error;
    }
  };
  return {
    async begin(partnerId) {
      const leaseId = newId();
      if (!(await admit(partnerId, leaseId))) return null;
      return {
        end: () => limiter.release(partnerId, leaseId, null).catch(() => undefined),
      };
    },
  };
}

/**
 * Does `work` while it counts as one of the partner's; null: an operator's, which are not counted. Throws `refusal` when as
 * many of the partner's are under way already.
 */
export async function whileCounted<T>(
  requests: LongRequests,
  partnerId: string | null,
  { refusal, work }: { refusal: () => Error; work: () => Promise<T> },
): Promise<T> {
  if (partnerId === null) return work();
  const request = await requests.begin(partnerId);
  if (request === null) throw refusal();
  try {
    return await work();
  } finally {
    await request.end();
  }
}
