import { acknowledgementOf } from '../../schemas/contract.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { isExpiredBy } from './expiry.ts';

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

/** Part of each step by which it varies, so that what failed together doesn't come back together. */
const jitter = 0.2;

/** Whether the last attempt may come when its delivery is cleaned up: so many days after the event. */
export const outlasts = (scheduleSeconds: readonly number[], retentionDays: number): boolean =>
  scheduleSeconds.reduce((sum, step) => sum + step, 0) * (1 + jitter) >= retentionDays * 86_400;

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
 * Milliseconds to wait for the next attempt, or null when the schedule is exhausted. Each step varies by ±20%. A
 * Retry-After makes the wait longer, never shorter, and no longer than the schedule's longest step.
 */
export function nextDelayMs(context: RetryContext): number | null {
  const { scheduleSeconds, attemptsMade, retryAfterMs, random } = context;
  const step = scheduleSeconds[attemptsMade];
  if (step === undefined) return null;
  const jittered = step * 1_000 * (1 - jitter + 2 * jitter * random());
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, Math.max(...scheduleSeconds) * 1_000));
}

export interface NextAttemptContext extends RetryContext {
  /** Epoch milliseconds. */
  nowMs: number;
  /** Of the event. */
  receivedAt: Instant;
  /** Of deliveries, from then on. */
  retentionDays: number;
}

/**
 * When the next attempt is. `none`: the schedule is exhausted. `too-late`: by then the record would be cleaned up, with nobody
 * told: of an old event that is sent again, or where a Retry-After puts off each attempt.
 */
export function nextAttempt({
  nowMs,
  receivedAt,
  retentionDays,
  ...context
}: NextAttemptContext): { kind: 'in'; delayMs: number } | { kind: 'none' | 'too-late' } {
  const delayMs = nextDelayMs(context);
  if (delayMs === null) return { kind: 'none' };
  return isExpiredBy(nowMs + delayMs, receivedAt, retentionDays)
    ? { kind: 'too-late' }
    : { kind: 'in', delayMs };
}
