import type { EndpointHealth, EndpointState } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { isPast, isSlow, quietly, wasSilent, type HealthStep } from './endpoint-health.ts';

/** Longer than an open breaker waits from one probe to the next, unless the partner asks for it. */
const missedMs = 3_600_000;

/**
 * When `timers` must look at an endpoint: at once while there may be parked deliveries that may be sent, else when the
 * breaker lets a probe through, or when one that came and went will have stayed closed. Null: never. Nothing waits that
 * would not come by itself, and no verdict on its failures is due.
 */
export function lookAt(health: EndpointHealth, nowMs: number): Instant | null {
  const { breaker, openUntil, openedAt, backlogAt, settlesAt } = health;
  if (breaker === 'closed') return backlogAt ?? settlesAt;
  return backlogAt === null && wasSilent(health, nowMs) ? null : (openUntil ?? openedAt);
}

/** To be written when there is no need to look at it any more; undefined while there is. */
export const leftAlone = (health: EndpointHealth, nowMs: number): HealthStep | undefined =>
  health.dueAt !== null && lookAt(health, nowMs) === null ? quietly({ ...health }) : undefined;

/** Whether somebody waits for it: deliveries are parked, or it was tried lately. */
export const isMissed = ({ backlogAt, lastFailureAt }: EndpointHealth, nowMs: number): boolean =>
  backlogAt !== null || (lastFailureAt !== null && instantToMs(lastFailureAt) + missedMs > nowMs);

/** What is to be shown of an endpoint. */
export function stateOf(
  { status }: Pick<Endpoint, 'status'>,
  health: EndpointHealth | null,
  nowMs: number,
): EndpointState {
  if (status === 'disabled') return 'disabled';
  if (health === null) return 'healthy';
  if (health.breaker === 'open') return isPast(health.openUntil, nowMs) ? 'recovering' : 'open';
  if (health.failures > 0) return 'failing';
  if (health.backlogAt !== null) return 'recovering';
  return isSlow(health) ? 'slow' : 'healthy';
}
