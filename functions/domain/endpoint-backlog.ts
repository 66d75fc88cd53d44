import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { quietly, type HealthStep } from './endpoint-health.ts';

/** A mark of the backlog that is older than this is made anew before another delivery is parked. */
const markEveryMs = 30_000;
/** Whoever has seen a mark parks within this, or dies: more than a mark's age and a function's time together. */
const parkedWithinMs = 120_000;

/** Whether a delivery may be parked under the mark that stands, without a new one. */
export const isMarked = (health: EndpointHealth | undefined, nowMs: number): boolean =>
  health?.backlogAt != null && instantToMs(health.backlogAt) > nowMs - markEveryMs;

/** To be written before a delivery is parked. */
export const backlogMarked = (health: EndpointHealth, nowMs: number): HealthStep | undefined =>
  isMarked(health, nowMs) ? undefined : quietly({ ...health, backlogAt: instantFromMs(nowMs) });

/**
 * Takes the mark off a backlog that was found empty; undefined while somebody who has seen the mark may still be about
 * to park, and without a mark.
 */
export const backlogCleared = (health: EndpointHealth, nowMs: number): HealthStep | undefined =>
  health.backlogAt !== null && instantToMs(health.backlogAt) + parkedWithinMs <= nowMs
    ? quietly({ ...health, backlogAt: null })
    : undefined;

/** Whether what was received then has waited for the endpoint to recover: that is given to it at a limited rate. */
export const isOfBacklog = (health: EndpointHealth | undefined, receivedAt: Instant): boolean =>
  health?.breaker === 'closed' &&
  health.closedAt !== null &&
  instantToMs(receivedAt) < instantToMs(health.closedAt);
