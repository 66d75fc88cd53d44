import type { EndpointHealth, HealthPolicy } from '../../schemas/endpoint-health.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import {
  isPast,
  isProven,
  isSlow,
  isTroubled,
  quietly,
  unharmed,
  wasSilent,
  type HealthContext,
  type HealthStep,
  type Observation,
} from './endpoint-health.ts';

/** The mark of slowness is renewed at most this often. */
const slowMarkEveryMs = 60_000;

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

/** A test has shown that it answers: the next delivery may be the probe, however long the pause was to last. */
export const answeredTest = (health: EndpointHealth, nowMs: number): HealthStep | undefined =>
  health.breaker === 'open' && !isPast(health.openUntil, nowMs)
    ? quietly({ ...health, openUntil: instantFromMs(nowMs) })
    : undefined;

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
  const { breaker, openedAt, toldSince, failures } = health;
  if (replay && probe === null && (breaker === 'open' || failures > 0)) return undefined;
  if (breaker === 'open') {
    const openedAtMs = openedAt === null ? startedAtMs : instantToMs(openedAt);
    if (startedAtMs < openedAtMs) return undefined;
    const closed = { ...health, ...unharmed, closedAt: instantFromMs(nowMs) };
    if (!isUnsteady(health, policy, openedAtMs)) return recovered(closed);
    return quietly({ ...closed, settlesAt: instantFromMs(nowMs + policy.maxOpenSeconds * 1_000) });
  }
  // A probe whose lease is over may have begun before the endpoint was disabled, and end after that.
  const isStale = probe !== null && health.probeUntil !== probe;
  if (toldSince !== null && !isStale && !isUnsteady(health, policy, nowMs))
    return recovered({ ...health, ...unharmed });
  return failures > 0 ? quietly({ ...health, ...unharmed }) : undefined;
}

const recovered = (health: EndpointHealth): HealthStep => ({
  health: { ...health, toldSince: null, settlesAt: null },
  announces: 'endpoint.recovered',
});

/** It has stayed closed since: that is to be told, though nothing may have been sent that would show it again. */
export const settled = (health: EndpointHealth, nowMs: number): HealthStep | undefined =>
  health.settlesAt !== null && isPast(health.settlesAt, nowMs) && health.failures === 0
    ? recovered(health)
    : undefined;

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
    const failingSince = wasSilent(health, startedAtMs, observation)
      ? failure.lastFailureAt
      : health.failingSince;
    return quietly(opened({ ...health, ...failure, failingSince }, observation, context));
  }
  if (replay) return undefined;
  // In a row only if nothing succeeded in between: neither here, nor, by what is written, elsewhere.
  const isRow =
    (lastSuccessMs === null ||
      health.lastFailureAt === null ||
      lastSuccessMs <= instantToMs(health.lastFailureAt)) &&
    !wasSilent(health, startedAtMs, observation);
  const row = isRow ? health : { ...health, ...unharmed };
  const next = {
    ...row,
    ...failure,
    failures: row.failures + 1,
    failingSince: row.failingSince ?? failure.lastFailureAt,
    countedSince: row.countedSince ?? instantFromMs(context.nowMs),
  };
  // It is disabled for that, which is told: to tell that it fails, too, would be one trouble told twice.
  const isOpening = observation.kind !== 'gone' && isRowLongEnough(next, context);
  return isOpening ? opening(next, observation, context) : quietly(next);
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
  { retryAfterMs, longestStepMs }: Observation,
  { policy, nowMs, random }: HealthContext,
): EndpointHealth {
  const longestMs = policy.maxOpenSeconds * 1_000;
  const factor = 2 ** Math.min(Math.max(pausesBefore, 0), 30);
  const stepMs = Math.min(policy.openSeconds * 1_000 * factor, longestMs);
  // ±20 %, as the retries, so that endpoints that failed together aren't tried together.
  const variedMs = Math.min(stepMs * (0.8 + 0.4 * random()), longestMs);
  const pauseMs = Math.max(variedMs, Math.min(retryAfterMs ?? 0, longestStepMs));
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
