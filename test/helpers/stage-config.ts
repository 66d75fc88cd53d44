import type { z } from 'zod';
import type { StageConfigSchema } from '../../lib/config.ts';

type Partially<T> = { [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : Partially<T[K]> };

/** What `-c config=` may give: any part of the stage config. */
export type StageOverrides = Partially<z.input<typeof StageConfigSchema>>;

/**
 * The stage that end-to-end tests deploy: the product as it is, with short schedules and timeouts. A killed
 * function's messages come back after the queue's visibility timeout, which is a multiple of `timeoutSeconds`.
 */
export const testStage: StageOverrides = {
  operatorTimeZone: 'America/Argentina/Buenos_Aires',
  delivery: {
    scheduleSeconds: [0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3],
    pointerScheduleSeconds: [0, 1, 2, 3, 4, 5, 5],
    maxDelaySeconds: 30,
    attemptTimeoutMs: 1_000,
    timeoutSeconds: 3,
    endpointCacheSeconds: 1,
    // Each retry is made: breaker.test.ts has another.
    breaker: { failures: 1_000, openSeconds: 30, maxOpenSeconds: 60 },
  },
  timers: { timeoutSeconds: 10, leaseSeconds: 20 },
  redrive: { perSecond: 50, settleSeconds: 1 },
};

type Breaker = NonNullable<NonNullable<StageOverrides['delivery']>['breaker']>;

/** The same, with a breaker that opens; what it says of an endpoint is seen at once. */
export const testStageWithBreaker = (breaker: Breaker): StageOverrides => ({
  ...testStage,
  delivery: { ...testStage.delivery, endpointCacheSeconds: 0, breaker },
});
