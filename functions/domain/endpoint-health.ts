import type { EndpointHealth, EndpointState, HealthPolicy } from '../../schemas/endpoint-health.ts';
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
  kind: 'success' | 'failure';
  startedAtMs: number;
  durationMs: number;
  /** Stable code of a failure. */
  reason: string | null;
  /** What Retry-After asked for. */
  retryAfterMs: number | null;
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

/** A mark of the backlog that is older than this is made anew before another delivery is parked. */
const markEveryMs = 30_000;
/** Whoever has seen a mark parks within this, or dies: more than a mark's age and a function's time together. */
const parkedWithinMs = 120_000;
/**
 * Who has not failed for so long, for nobody sent anything, has not failed all the time: the next failure is a first one. No
 * retry of a usual schedule comes later than that.
 */
const silenceMs = 48 * 3_600_000;
/** Longer than an open breaker waits from one probe to the next, unless the partner asks for it. */
const missedMs = 3_600_000;
/** The mark of slowness is renewed at most this often. */
const slowMarkEveryMs = 60_000;

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

const unharmed = {
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
  provenAt: null,
  slowUntil: null,
} as const satisfies Partial<EndpointHealth>;

const wasSilent = ({ lastFailureAt }: EndpointHealth, nowMs: number): boolean =>
  lastFailureAt !== null && instantToMs(lastFailureAt) + silenceMs <= nowMs;

const quietly = (health: EndpointHealth): HealthStep => ({ health, announces: null });
const isPast = (instant: Instant | null, nowMs: number): boolean =>
  instant === null || instantToMs(instant) <= nowMs;

export const isSlow = (health: EndpointHealth | undefined): boolean =>
  health !== undefined && health.slowUntil !== null;

/** Slow, or so bad that only probes are sent: not for the queue of those that answer in time. */
export const isTroubled = (health: EndpointHealth | undefined): boolean =>
  isSlow(health) || health?.breaker === 'open';

/** Whether it is known to answer in time. */
export const isProven = (health: EndpointHealth | undefined): boolean =>
  health !== undefined && health.provenAt !== null && health.slowUntil === null;

/** `probe`: it is time to ask for the lease of the probe. */
export function passage(health: EndpointHealth | undefined, nowMs: number): 'free' | 'probe' | 'closed' {
  if (health === undefined || health.breaker === 'closed') return 'free';
  return isPast(health.openUntil, nowMs) && isPast(health.probeUntil, nowMs) ? 'probe' : 'closed';
}

/** Takes the lease of the one probe; undefined when it isn't to be had. */
export function probeTaken(
  health: EndpointHealth,
  { policy, nowMs }: Pick<HealthContext, 'policy' | 'nowMs'>,
): HealthStep | undefined {
  if (passage(health, nowMs) !== 'probe') return undefined;
  return quietly({ ...health, probeUntil: instantFromMs(nowMs + policy.probeSeconds * 1_000) });
}

/**
 * Takes the lease of the one request that shows whether an unproven endpoint answers in time; undefined when it isn't to
 * be had, or not needed.
 */
export function trialTaken(
  health: EndpointHealth,
  { policy, nowMs }: Pick<HealthContext, 'policy' | 'nowMs'>,
): HealthStep | undefined {
  if (isTroubled(health) || isProven(health) || !isPast(health.probeUntil, nowMs)) return undefined;
  return quietly({ ...health, probeUntil: instantFromMs(nowMs + policy.probeSeconds * 1_000) });
}

/** Gives the lease back without having made the attempt. */
export const probeReturned = (health: EndpointHealth, probe: Instant): HealthStep | undefined =>
  health.probeUntil === probe ? quietly({ ...health, probeUntil: null }) : undefined;

/** What is known after an attempt. */
export function attempted(
  health: EndpointHealth,
  observation: Observation,
  context: HealthContext,
): HealthStep | undefined {
  const step =
    observation.kind === 'success'
      ? succeeded(health, observation, context)
      : failed(health, observation, context);
  const judged = step?.health ?? health;
  const paced = observation.replay ? judged : pacedBy(judged, observation, context);
  const next = withoutLease(paced, observation.probe);
  return next === health ? undefined : { health: next, announces: step?.announces ?? null };
}

const withoutLease = (health: EndpointHealth, probe: Instant | null): EndpointHealth =>
  probe !== null && health.probeUntil === probe ? { ...health, probeUntil: null } : health;

/**
 * A success closes the breaker if it says that the endpoint has recovered since: what began before it opened and ends
 * now says nothing. One that had opened again soon after it was closed may do so once more: it has recovered when it has
 * stayed closed.
 */
function succeeded(
  health: EndpointHealth,
  { startedAtMs, probe, replay }: Observation,
  { policy, nowMs }: HealthContext,
): HealthStep | undefined {
  if (replay && probe === null) return undefined;
  const { breaker, openedAt, toldSince, failures } = health;
  if (breaker === 'open') {
    const openedAtMs = openedAt === null ? startedAtMs : instantToMs(openedAt);
    if (startedAtMs < openedAtMs) return undefined;
    const closed = { ...health, ...unharmed, closedAt: instantFromMs(nowMs) };
    return isUnsteady(health, policy, openedAtMs) ? quietly(closed) : recovered(closed);
  }
  if (toldSince !== null && !isUnsteady(health, policy, nowMs)) return recovered({ ...health, ...unharmed });
  return failures > 0 ? quietly({ ...health, ...unharmed }) : undefined;
}

const recovered = (health: EndpointHealth): HealthStep => ({
  health: { ...health, toldSince: null },
  announces: 'endpoint.recovered',
});

/** Whether the breaker was closed a short time before: it may be opening and closing all the time. */
const isUnsteady = ({ closedAt }: EndpointHealth, { maxOpenSeconds }: HealthPolicy, atMs: number): boolean =>
  closedAt !== null && instantToMs(closedAt) + maxOpenSeconds * 1_000 > atMs;

function failed(
  health: EndpointHealth,
  observation: Observation,
  context: HealthContext,
): HealthStep | undefined {
  const { probe, replay, startedAtMs, lastSuccessMs, reason } = observation;
  const failure = { lastFailureAt: instantFromMs(startedAtMs), lastReason: reason };
  if (health.breaker === 'open') {
    // Others that were under way when it opened say nothing new, and would cost a write each.
    if (probe === null || health.probeUntil !== probe) return undefined;
    // It shows no more than that it is too early still.
    if (replay) return quietly(waitingOn(health, health.openings - 1, observation, context));
    const failingSince = wasSilent(health, startedAtMs) ? failure.lastFailureAt : health.failingSince;
    return quietly(opened({ ...health, ...failure, failingSince }, observation, context));
  }
  if (replay) return undefined;
  // In a row only if nothing succeeded in between: neither here, nor, by what is written, elsewhere.
  const isRow =
    (lastSuccessMs === null ||
      health.lastFailureAt === null ||
      lastSuccessMs <= instantToMs(health.lastFailureAt)) &&
    !wasSilent(health, startedAtMs);
  const row = isRow ? health : { ...health, ...unharmed };
  const next = {
    ...row,
    ...failure,
    failures: row.failures + 1,
    failingSince: row.failingSince ?? failure.lastFailureAt,
    countedSince: row.countedSince ?? instantFromMs(context.nowMs),
  };
  return isRowLongEnough(next, context) ? opening(next, observation, context) : quietly(next);
}

/** Opens it. Who was told that it fails, and not yet that it has recovered, knows. */
function opening(health: EndpointHealth, observation: Observation, context: HealthContext): HealthStep {
  const { openings, toldSince, closedAt, failingSince } = health;
  const again = isUnsteady(health, context.policy, context.nowMs) ? openings : 0;
  const open = opened({ ...health, openings: again }, observation, context);
  // Without a time of closing it was disabled meanwhile: that was told, too.
  if (toldSince !== null && closedAt !== null) return quietly(open);
  return { health: { ...open, toldSince: failingSince }, announces: 'endpoint.failing' };
}

/**
 * Successes are written only by who has read that something is wrong. Until everybody must have, a row of failures may be
 * what many functions say of an endpoint that takes nearly all of its requests; so many as open the breaker at once can't be.
 */
function isRowLongEnough(
  { failures, countedSince }: Pick<EndpointHealth, 'failures' | 'countedSince'>,
  { policy, nowMs }: Pick<HealthContext, 'policy' | 'nowMs'>,
): boolean {
  if (failures >= policy.failuresToOpenAtOnce) return true;
  return failures >= policy.failuresToOpen && isPast(countedSince, nowMs - policy.cacheSeconds * 1_000);
}

/** Opens it, each time for longer. */
function opened(health: EndpointHealth, observation: Observation, context: HealthContext): EndpointHealth {
  return {
    ...waitingOn(health, health.openings, observation, context),
    breaker: 'open',
    openedAt: health.openedAt ?? instantFromMs(context.nowMs),
    openings: health.openings + 1,
  };
}

/** With a pause from now on, as it is after so many, or as long as the partner asks for if that is longer. */
function waitingOn(
  health: EndpointHealth,
  pausesBefore: number,
  { retryAfterMs }: Observation,
  { policy, nowMs, random }: HealthContext,
): EndpointHealth {
  const longestMs = policy.maxOpenSeconds * 1_000;
  const factor = 2 ** Math.min(Math.max(pausesBefore, 0), 30);
  const stepMs = Math.min(policy.openSeconds * 1_000 * factor, longestMs);
  // ±20 %, as the retries, so that endpoints that failed together aren't tried together.
  const variedMs = Math.min(stepMs * (0.8 + 0.4 * random()), longestMs);
  const pauseMs = Math.max(variedMs, Math.min(retryAfterMs ?? 0, policy.maxRetryAfterSeconds * 1_000));
  return { ...health, openUntil: instantFromMs(Math.round(nowMs + pauseMs)), probeUntil: null };
}

/** What a request's time says. A failure in time is in time: it holds up nobody. */
function pacedBy(
  health: EndpointHealth,
  { durationMs, reason }: Observation,
  context: HealthContext,
): EndpointHealth {
  if (durationMs > context.policy.slowMs || reason === 'timeout')
    return takingLong(health, context)?.health ?? health;
  if (isProven(health) || (isSlow(health) && !isPast(health.slowUntil, context.nowMs))) return health;
  return { ...health, provenAt: instantFromMs(context.nowMs), slowUntil: null };
}

/** An attempt has taken too long already, whatever comes of it. */
export function takingLong(
  health: EndpointHealth,
  { policy, nowMs }: Pick<HealthContext, 'policy' | 'nowMs'>,
): HealthStep | undefined {
  const untilMs = nowMs + policy.slowSeconds * 1_000;
  const renewedMs = Math.min(slowMarkEveryMs, policy.slowSeconds * 500);
  if (health.slowUntil !== null && instantToMs(health.slowUntil) > untilMs - renewedMs) return undefined;
  return quietly({ ...health, slowUntil: instantFromMs(untilMs) });
}

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

/** A new start: for an endpoint that was disabled or is enabled again. Its backlog stays, and what was told of it. */
export function madeWell(health: EndpointHealth): HealthStep | undefined {
  const { failures, breaker, closedAt } = health;
  const isWell = failures === 0 && breaker === 'closed' && closedAt === null && !isSlow(health);
  return isWell ? undefined : quietly({ ...health, ...newStart });
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

/**
 * When `timers` must look at an endpoint: at once while there may be parked deliveries that may be sent, else when the
 * breaker lets a probe through. Null: never. Nothing waits that would not come by itself, and no verdict on its failures is
 * due.
 */
export function lookAt(health: EndpointHealth, nowMs: number): Instant | null {
  const { breaker, openUntil, openedAt, backlogAt } = health;
  if (breaker === 'closed') return backlogAt;
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
