import type { EndpointHealth, HealthPolicy } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

export interface HealthContext {
  policy: HealthPolicy;
  nowMs: number;
  /** Uniform in [0, 1): spreads the ends of pauses. */
  random: () => number;
}

/** What an attempt says about its endpoint. */
export interface Observation {
  /** `gone`: a failure by which it says that it wants no more. */
  kind: 'success' | 'failure' | 'gone';
  startedAtMs: number;
  durationMs: number;
  /** Stable code of a failure. */
  reason: string | null;
  /** What Retry-After asked for. */
  retryAfterMs: number | null;
  /** The longest step of the endpoint's schedule. */
  longestStepMs: number;
  /** The lease that it ran under (`probeUntil`); null when it was no probe. */
  probe: Instant | null;
  /** True: only what it says as a probe counts. */
  replay: boolean;
  /** When this process last saw a success of the endpoint: those are not written while all is well. */
  lastSuccessMs: number | null;
}

/** Health after a step. Undefined when nothing changed: then there is nothing to write. */
export interface HealthStep {
  health: EndpointHealth;
  /** What is announced with it, in the same commit. */
  announces: 'endpoint.failing' | 'endpoint.recovered' | null;
}

type EndpointName = Pick<Endpoint, 'partnerId' | 'endpointId'>;

/** No retry of a usual schedule comes later than that. */
const silenceMs = 48 * 3_600_000;
/** A step may take a fifth more; and then it waits to be handed out. */
const lateness = 1.25;

export const healthyEndpoint = ({ partnerId, endpointId }: EndpointName): EndpointHealth => ({
  kind: 'endpoint-health',
  partnerId,
  endpointId,
  ...newStart,
  toldSince: null,
  backlogAt: null,
  dueAt: null,
  version: 0,
});

/** As if it had never failed. */
export const unharmed = {
  failures: 0,
  failingSince: null,
  countedSince: null,
  lastFailureAt: null,
  lastReason: null,
  breaker: 'closed',
  openedAt: null,
  openUntil: null,
  probeUntil: null,
} as const satisfies Partial<EndpointHealth>;

const newStart = {
  ...unharmed,
  openings: 0,
  closedAt: null,
  settlesAt: null,
  provenAt: null,
  slowUntil: null,
} as const satisfies Partial<EndpointHealth>;

/**
 * Who has not failed for so long, for nobody sent anything, has not failed all the time: the next failure is a first one.
 * A schedule's next retry must come sooner, however long its steps: an endpoint with few events would never be seen to
 * fail for days. Without a schedule, the usual one.
 */
export const wasSilent = (
  { lastFailureAt }: EndpointHealth,
  nowMs: number,
  { longestStepMs }: Pick<Observation, 'longestStepMs'> = { longestStepMs: 0 },
): boolean =>
  lastFailureAt !== null &&
  instantToMs(lastFailureAt) + Math.max(silenceMs, longestStepMs * lateness) <= nowMs;

export const quietly = (health: EndpointHealth): HealthStep => ({ health, announces: null });
/** Null is long past. */
export const isPast = (instant: Instant | null, nowMs: number): boolean =>
  instant === null || instantToMs(instant) <= nowMs;

export const isSlow = (health: EndpointHealth | undefined): boolean =>
  health !== undefined && health.slowUntil !== null;

/** Slow, or so bad that only probes are sent: not for the queue of those that answer in time. */
export const isTroubled = (health: EndpointHealth | undefined): boolean =>
  isSlow(health) || health?.breaker === 'open';

/** Whether it is known to answer in time. */
export const isProven = (health: EndpointHealth | undefined): boolean =>
  health !== undefined && health.provenAt !== null && health.slowUntil === null;

/** A new start, for an endpoint that takes nothing any more. Its backlog stays, and what was told of it. */
export function madeWell(health: EndpointHealth): HealthStep | undefined {
  const { failures, breaker, closedAt } = health;
  const isWell = failures === 0 && breaker === 'closed' && closedAt === null && !isSlow(health);
  return isWell ? undefined : quietly({ ...health, ...newStart });
}

/** The same, for an endpoint that is gone: what was told of it will have no end to tell, either. */
export function forgotten(health: EndpointHealth): HealthStep | undefined {
  const step = madeWell(health);
  if (health.toldSince === null) return step;
  return quietly({ ...(step?.health ?? health), toldSince: null });
}

/** Whether nobody asked for it: see DisableEndpoint. That is told, and what is held then is somebody's business. */
export const isDisabledUnasked = ({ disabledReason }: Pick<Endpoint, 'disabledReason'>): boolean =>
  disabledReason === 'gone' || disabledReason === 'failing';

/**
 * A new start, for the endpoint that was disabled. Unless that was asked for it was told, so its end is to be told, too: by the first
 * success once it is enabled, whether or not it was told to be failing before.
 */
export function begunAnew(
  health: EndpointHealth,
  endpoint: Pick<Endpoint, 'disabledReason'>,
  nowMs: number,
): HealthStep | undefined {
  if (!isDisabledUnasked(endpoint) || health.toldSince !== null) return madeWell(health);
  return quietly({ ...health, ...newStart, toldSince: health.failingSince ?? instantFromMs(nowMs) });
}

/**
 * For an endpoint that has got another URL or other credentials: its failures were those of the old ones, and nobody knows
 * whether it answers in time. An open breaker lets a probe through at once.
 */
export function triedAnew(health: EndpointHealth, nowMs: number): HealthStep | undefined {
  const { failures, breaker, provenAt } = health;
  if (breaker === 'closed')
    return failures === 0 && provenAt === null
      ? undefined
      : quietly({ ...health, ...unharmed, provenAt: null });
  const now = instantFromMs(nowMs);
  return quietly({
    ...health,
    failingSince: now,
    openUntil: now,
    openings: 0,
    probeUntil: null,
    provenAt: null,
  });
}
