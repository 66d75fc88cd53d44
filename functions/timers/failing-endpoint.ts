import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import { instantToMs } from '../../schemas/instant.ts';

/**
 * Whether an endpoint's attempts have failed for so long, the first and the last of them counted: one that nobody sends to
 * is given no verdict.
 */
export function isHopeless(
  { failingSince, lastFailureAt }: Pick<EndpointHealth, 'failingSince' | 'lastFailureAt'>,
  disableAfterHours: number,
): boolean {
  if (failingSince === null || lastFailureAt === null) return false;
  return instantToMs(lastFailureAt) - instantToMs(failingSince) >= disableAfterHours * 3_600_000;
}
