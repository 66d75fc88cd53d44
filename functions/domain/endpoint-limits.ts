import type { EndpointLimits } from '../../schemas/endpoint.ts';

/** Where a rate stands. Epoch milliseconds, with fractions. */
export interface RateState {
  /** No request may start before: one interval after the one let through last (GCRA with a burst of 1). */
  nextMs: number;
  /** The first turn that nobody has: those that can't go at once line up behind each other. */
  nextTurnMs: number;
  /** The rate that turns were given by last; 0 before. */
  perSecond: number;
}

/** What is known of an endpoint's limits, all functions together. */
export interface LimitsState extends RateState {
  /** What a request that counted as under way has lately taken on average; 0 while none has ended. */
  meanMs: number;
  /** Requests under way, and when a crash of theirs is forgotten. */
  leases: Readonly<Record<string, number>>;
  /** Of those requests that are its backlog. */
  backlog: RateState;
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
  /** How long it may yet wait where it is. */
  maxWaitMs: number;
  /**
   * Turns further ahead than that aren't given, nor is anybody kept waiting so long after its turn. 0: it takes what is
   * free and no turn, so that nobody else waits for it.
   */
  maxAheadMs: number;
  /** Set for what has waited until the endpoint recovered: a rate that it must keep to besides. */
  backlog?: { perSecond: number; maxAheadMs: number };
}

export type Admission =
  | { kind: 'go'; waitMs: number }
  /** `turnMs`: the turn that it has now. `retryMs`: when to ask again, at the earliest. */
  | { kind: 'later'; turnMs: number; retryMs: number; limit: Limit }
  | { kind: 'full'; limit: Limit };

export type Limit = 'rate' | 'concurrency';

export const unused: RateState = { nextMs: 0, nextTurnMs: 0, perSecond: 0 };
export const unlimited: LimitsState = { ...unused, meanMs: 0, leases: {}, backlog: unused };

/** A place is expected a little later than it should come free: who comes too early has to come again. */
const slack = 1.05;
/** What a request is taken to need while nothing is known. Too little, since turns that come too early are given anew. */
const guessMs = 50;
/** Who waits where it is for a place asks again after so long at the earliest. */
const askAgainMs = 50;

type Request = Omit<AdmissionRequest, 'backlog'>;

interface Admitted {
  state: LimitsState;
  admission: Admission;
}

/**
 * Whether a request may be made. Nothing is let through sooner than one interval after what was let through before, so
 * that no second ever has more than the rate, and nothing while as many as may be are under way. Turns only spread those
 * who must come back: a turn is a place in the line, and the request is let through when it really comes. Pure.
 */
export function admit(state: LimitsState, { backlog, ...request }: AdmissionRequest): Admitted {
  if (backlog === undefined) return admitWithin(state, request);
  const { perSecond, maxAheadMs } = backlog;
  const line = { ...unlimited, ...state.backlog };
  const paced = admitWithin(line, { ...request, limits: { perSecond }, maxAheadMs });
  const passed = { ...state, backlog: rateOf(paced.state) };
  if (paced.admission.kind !== 'go')
    return { state: paced.state === line ? state : passed, admission: paced.admission };
  const { waitMs } = paced.admission;
  const { nowMs, maxWaitMs } = request;
  const own = admitWithin(state, { ...request, nowMs: nowMs + waitMs, maxWaitMs: maxWaitMs - waitMs });
  // What its own limits refuse leaves the backlog's turn to another one.
  if (own.admission.kind !== 'go') return own;
  return {
    state: { ...own.state, backlog: passed.backlog },
    admission: { kind: 'go', waitMs: waitMs + own.admission.waitMs },
  };
}

const rateOf = ({ nextMs, nextTurnMs, perSecond }: RateState): RateState => ({
  nextMs,
  nextTurnMs,
  perSecond,
});

function admitWithin(before: LimitsState, request: Request): Admitted {
  const { limits, nowMs, leaseId, leaseMs } = request;
  if (limits.perSecond === undefined && limits.concurrency === undefined)
    return { state: before, admission: { kind: 'go', waitMs: 0 } };
  const leases = Object.fromEntries(Object.entries(before.leases).filter(([, untilMs]) => untilMs > nowMs));
  const expectedMs = expectedMsOf({ ...before, leases }, request);
  const intervalMs = intervalMsOf(limits, expectedMs);
  const state = atInterval(before, request, intervalMs);
  const isFull = limits.concurrency !== undefined && Object.keys(leases).length >= limits.concurrency;
  const firstEndMs = Math.min(...Object.values(leases)) - leaseMs + expectedMs;
  const { admission, ...next } = isFull
    ? waitForPlace(state, request, { firstEndMs, intervalMs })
    : pass(state, request, intervalMs);
  if (admission.kind === 'go' && limits.concurrency !== undefined) {
    const untilMs = nowMs + admission.waitMs + leaseMs;
    return { state: { ...next.state, leases: { ...leases, [leaseId]: untilMs } }, admission };
  }
  // What was only computed anew is not worth a write.
  return { state: next.state === state ? before : next.state, admission };
}

/** How long a request counts as under way. While none has ended: longer than the newest has been. */
function expectedMsOf({ meanMs, leases }: LimitsState, { nowMs, leaseMs }: Request): number {
  if (meanMs > 0) return meanMs * slack;
  const agesMs = Object.values(leases).map((untilMs) => nowMs + leaseMs - untilMs);
  return agesMs.length === 0 ? guessMs : Math.max(guessMs, Math.min(...agesMs));
}

/** From one turn to the next: by the rate, and by how often a place comes free. */
const intervalMsOf = ({ perSecond, concurrency }: EndpointLimits, expectedMs: number): number =>
  Math.max(
    perSecond === undefined ? 0 : 1_000 / perSecond,
    concurrency === undefined ? 0 : expectedMs / concurrency,
  );

/**
 * Who has a turn keeps it. Once the rate is raised, as many have turns as before, but closer together: who comes now isn't
 * put behind a line that no longer is as long. Once it is lowered, whoever had a turn too soon has another one behind the
 * line by then, which makes it longer: to make room for them in advance would leave the rate unused when that time comes.
 */
function atInterval(state: LimitsState, request: Request, intervalMs: number): LimitsState {
  const { limits, nowMs, maxAheadMs } = request;
  const perSecond = 1_000 / intervalMs;
  // Who takes no turn leaves that to the next who does.
  if (perSecond === state.perSecond || maxAheadMs === 0) return state;
  if (state.perSecond === 0) return { ...state, perSecond };
  const isLowered = perSecond < state.perSecond;
  const scaled = (untilMs: number) => nowMs + Math.max(untilMs - nowMs, 0) * (state.perSecond / perSecond);
  const nextTurnMs = isLowered ? state.nextTurnMs : scaled(state.nextTurnMs);
  if (limits.concurrency !== undefined) {
    // Means go up and down: only a line that is twice as long as it need be has to be shortened.
    return isLowered || perSecond >= 2 * state.perSecond ? { ...state, perSecond, nextTurnMs } : state;
  }
  const nextMs = Math.min(scaled(state.nextMs), nowMs + intervalMs);
  return { ...state, perSecond, nextMs, nextTurnMs };
}

/** As many are under way as may be. Who has a turn waits for a place that is about to come free, or has another turn. */
function waitForPlace(
  state: LimitsState,
  request: Request,
  { firstEndMs, intervalMs }: { firstEndMs: number; intervalMs: number },
): Admitted {
  const { nowMs, turnMs, maxWaitMs } = request;
  const limit = 'concurrency';
  if (turnMs !== null && turnMs > nowMs)
    return { state, admission: { kind: 'later', turnMs, retryMs: turnMs, limit } };
  const freeMs = Math.max(firstEndMs, nowMs + Math.max(intervalMs, askAgainMs));
  if (turnMs !== null && freeMs - nowMs <= maxWaitMs)
    return { state, admission: { kind: 'later', turnMs, retryMs: freeMs, limit } };
  return lineUp(state, request, { fromMs: freeMs, intervalMs, limit });
}

/** There is a place. Who finds no room at its turn has another one: with the old one, all that are late came back together. */
function pass(state: LimitsState, request: Request, intervalMs: number): Admitted {
  const { limits, nowMs, turnMs, maxWaitMs, maxAheadMs } = request;
  const { perSecond } = limits;
  if (perSecond === undefined) {
    if (turnMs !== null || state.nextTurnMs <= nowMs) return { state, admission: { kind: 'go', waitMs: 0 } };
    return lineUp(state, request, { fromMs: nowMs, intervalMs, limit: 'concurrency' });
  }
  const startMs = Math.max(nowMs, state.nextMs, turnMs ?? state.nextTurnMs);
  if (startMs - nowMs <= maxWaitMs)
    return {
      state: { ...state, nextMs: startMs + 1_000 / perSecond },
      admission: { kind: 'go', waitMs: startMs - nowMs },
    };
  if (turnMs !== null && turnMs > nowMs)
    return { state, admission: { kind: 'later', turnMs, retryMs: startMs, limit: 'rate' } };
  if (turnMs !== null && nowMs - turnMs > maxAheadMs)
    return { state, admission: { kind: 'full', limit: 'rate' } };
  return lineUp(state, request, {
    fromMs: Math.max(state.nextMs, nowMs + maxWaitMs),
    intervalMs,
    limit: 'rate',
  });
}

/** A turn behind all that were given, if that is not too far ahead. */
function lineUp(
  state: LimitsState,
  { nowMs, maxAheadMs }: Request,
  { fromMs, intervalMs, limit }: { fromMs: number; intervalMs: number; limit: Limit },
): Admitted {
  const turnMs = Math.max(state.nextTurnMs, fromMs);
  if (maxAheadMs === 0 || turnMs - nowMs > maxAheadMs) return { state, admission: { kind: 'full', limit } };
  return {
    state: { ...state, nextTurnMs: turnMs + intervalMs },
    admission: { kind: 'later', turnMs, retryMs: turnMs, limit },
  };
}

/** Of the latest ends, one in so many is what the mean goes by. */
const endsOfMean = 8;

/** The end of a request that took `heldMs` from its start; null when none was made. */
export function released(state: LimitsState, leaseId: string, heldMs: number | null): LimitsState {
  if (!(leaseId in state.leases)) return state;
  const { [leaseId]: _, ...leases } = state.leases;
  return { ...state, leases, meanMs: heldMs === null ? state.meanMs : meanWith(state, heldMs) };
}

const meanWith = ({ meanMs }: LimitsState, heldMs: number): number =>
  meanMs === 0 ? heldMs : meanMs + (heldMs - meanMs) / endsOfMean;
