import type { EndpointLimits } from '../../schemas/endpoint.ts';

/** What is known of an endpoint's limits, all functions together. Epoch milliseconds, with fractions. */
export interface LimitsState {
  /** No request may start before: one interval after the one let through last (GCRA with a burst of 1). */
  nextMs: number;
  /** The first turn that nobody has: those that can't go at once line up behind each other. */
  nextTurnMs: number;
  /** The rate that turns were given by last; 0 before. */
  perSecond: number;
  /** Requests under way, and when a crash of theirs is forgotten. */
  leases: Readonly<Record<string, number>>;
}

export interface AdmissionRequest {
  limits: EndpointLimits;
  nowMs: number;
  /** Names the lease. */
  leaseId: string;
  /** How long a request may take at most. */
  leaseMs: number;
  /** The turn that it was given before; null when it comes for the first time. */
  turnMs: number | null;
  /** How long it may wait where it is. */
  maxWaitMs: number;
  /**
   * Turns further ahead than that aren't given, nor is anybody kept waiting so long after its turn. 0: it takes what is
   * free and no turn, so that nobody else waits for it.
   */
  maxAheadMs: number;
}

export type Admission =
  | { kind: 'go'; waitMs: number }
  /** `turnMs`: the turn that it has. `retryMs`: when to come again, at the earliest. */
  | { kind: 'later'; turnMs: number; retryMs: number; limit: Limit }
  | { kind: 'full'; limit: Limit };

export type Limit = 'rate' | 'concurrency';

export const unlimited: LimitsState = { nextMs: 0, nextTurnMs: 0, perSecond: 0, leases: {} };

/**
 * Whether a request may be made. Nothing is let through sooner than one interval after what was let through before, so
 * that no second ever has more than the rate. Turns only spread those who must come back: a turn is a place in the line,
 * and the request is let through when it really comes. Pure.
 */
export function admit(
  state: LimitsState,
  request: AdmissionRequest,
): { state: LimitsState; admission: Admission } {
  const { limits, nowMs, turnMs, maxAheadMs, leaseId, leaseMs } = request;
  const leases = Object.fromEntries(Object.entries(state.leases).filter(([, untilMs]) => untilMs > nowMs));
  const isOverdue = turnMs !== null && nowMs - turnMs > maxAheadMs;
  if (limits.concurrency !== undefined && Object.keys(leases).length >= limits.concurrency) {
    if (isOverdue || maxAheadMs === 0) return { state, admission: { kind: 'full', limit: 'concurrency' } };
    const turn = turnMs ?? Math.max(nowMs, state.nextTurnMs);
    return { state, admission: { kind: 'later', turnMs: turn, retryMs: nowMs, limit: 'concurrency' } };
  }
  const passed = pass(atRate(state, request), request);
  if (passed.admission.kind !== 'go')
    return isOverdue ? { state, admission: { kind: 'full', limit: 'rate' } } : passed;
  if (limits.concurrency === undefined) return passed;
  const untilMs = nowMs + passed.admission.waitMs + leaseMs;
  return { ...passed, state: { ...passed.state, leases: { ...leases, [leaseId]: untilMs } } };
}

/**
 * As many have turns as before, but further apart or closer together when the rate has changed: who comes now isn't put
 * behind a line that no longer is as long. Those who have turns keep them.
 */
function atRate(state: LimitsState, { limits, nowMs, maxAheadMs }: AdmissionRequest): LimitsState {
  const { perSecond } = limits;
  // Who takes no turn leaves that to the next who does.
  if (perSecond === undefined || perSecond === state.perSecond || maxAheadMs === 0) return state;
  if (state.perSecond === 0) return { ...state, perSecond };
  const scaled = (untilMs: number) => nowMs + Math.max(untilMs - nowMs, 0) * (state.perSecond / perSecond);
  return {
    ...state,
    perSecond,
    nextMs: Math.min(scaled(state.nextMs), nowMs + 1_000 / perSecond),
    // No line is longer than that.
    nextTurnMs: Math.min(scaled(state.nextTurnMs), nowMs + maxAheadMs),
  };
}

function pass(
  state: LimitsState,
  { limits, nowMs, turnMs, maxWaitMs, maxAheadMs }: AdmissionRequest,
): { state: LimitsState; admission: Admission } {
  if (limits.perSecond === undefined) return { state, admission: { kind: 'go', waitMs: 0 } };
  const intervalMs = 1_000 / limits.perSecond;
  const startMs = Math.max(nowMs, state.nextMs, turnMs ?? state.nextTurnMs);
  if (startMs - nowMs <= maxWaitMs)
    return {
      state: { ...state, nextMs: startMs + intervalMs },
      admission: { kind: 'go', waitMs: startMs - nowMs },
    };
  if (turnMs !== null)
    return { state, admission: { kind: 'later', turnMs, retryMs: startMs, limit: 'rate' } };
  const turn = Math.max(state.nextTurnMs, state.nextMs, nowMs + maxWaitMs);
  if (maxAheadMs === 0 || turn - nowMs > maxAheadMs)
    return { state, admission: { kind: 'full', limit: 'rate' } };
  return {
    state: { ...state, nextTurnMs: turn + intervalMs },
    admission: { kind: 'later', turnMs: turn, retryMs: turn, limit: 'rate' },
  };
}

/** The end of a request. */
export function released(state: LimitsState, leaseId: string): LimitsState {
  if (!(leaseId in state.leases)) return state;
  const { [leaseId]: _, ...leases } = state.leases;
  return { ...state, leases };
}
