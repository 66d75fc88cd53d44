import { acknowledgementOf } from '../../schemas/contract.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';

/** Seconds before each attempt, for endpoints without a schedule of their own. */
export interface Schedules {
  scheduleSeconds: readonly number[];
  /**
   * For what is acknowledged by reading. The last step is followed by no attempt: it is the time left to read after
   * the last one.
   */
  pointerScheduleSeconds: readonly number[];
}

/** The schedule of an endpoint; the usual one where the endpoint is not known. */
export function scheduleFor(
  endpoint: Pick<Endpoint, 'contract' | 'scheduleSeconds'> | null,
  { scheduleSeconds, pointerScheduleSeconds }: Schedules,
): readonly number[] {
  if (endpoint === null) return scheduleSeconds;
  if (endpoint.scheduleSeconds !== undefined) return endpoint.scheduleSeconds;
  return acknowledgementOf(endpoint.contract) === 'read' ? pointerScheduleSeconds : scheduleSeconds;
}

export interface RetryContext {
  /** Seconds before each attempt: the first from the event, the others from the attempt before. */
  scheduleSeconds: readonly number[];
  attemptsMade: number;
  /** What the partner asked for; null when it did not. */
  retryAfterMs: number | null;
  /** Uniform in [0, 1). */
  random: () => number;
}

/**
 * Milliseconds to wait for the next attempt, or null when the schedule is exhausted. Each step varies by ±20%, so that
 * what failed together doesn't come back together. A Retry-After makes the wait longer, never shorter, and no longer
 * than the schedule's longest step.
 */
export function nextDelayMs(context: RetryContext): number | null {
  const { scheduleSeconds, attemptsMade, retryAfterMs, random } = context;
  const step = scheduleSeconds[attemptsMade];
  if (step === undefined) return null;
  const jittered = step * 1_000 * (0.8 + 0.4 * random());
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, Math.max(...scheduleSeconds) * 1_000));
}
