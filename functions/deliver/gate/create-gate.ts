import type { DeliveryTask } from '../../../schemas/delivery.ts';
import { instantFromMs, instantToMs } from '../../../schemas/instant.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import { isOfBacklog } from '../../domain/endpoint-backlog.ts';
import { isProven, isTroubled } from '../../domain/endpoint-health.ts';
import type { Admission, AdmissionRequest } from '../../domain/endpoint-limits.ts';
import type { KnownEndpoint } from '../../shared/endpoint-directory.ts';
import type { EndpointLimiter } from '../../shared/endpoint-limits.ts';
import { TowercastError } from '../../shared/errors.ts';
import { maxDelaySeconds } from '../../shared/queue.ts';
import type { Entry, Gate, Made } from '../gate.ts';
import { createBreaker, type Breaker, type BreakerDeps } from './breaker.ts';

export interface GateDeps extends BreakerDeps {
  limiter: EndpointLimiter;
  /** Of what has waited in an endpoint's lanes until it recovered. */
  drainPerSecond: number;
  /** How long one of an endpoint's concurrent requests counts if it never ends: longer than an attempt may take. */
  leaseMs: number;
  newLeaseId: () => string;
  sleep: (ms: number) => Promise<unknown>;
  logger: { error(message: string, fields: Record<string, unknown>): void };
}

/**
 * How long a request waits for its turn where it is. It holds its batch for so long. Newcomers less: what they take of the
 * time ahead, one that comes in its turn must be able to wait for.
 */
const waitOfNewcomersMs = 250;
const waitInTurnMs = 1_000;
/** Beyond that the queue holds nothing back: the delivery is parked. */
const maxAheadMs = maxDelaySeconds * 1_000;

/**
 * Asks, in this order: is the breaker closed, or is this the probe; is this the right queue for so slow an endpoint, or
 * for one that nobody knows; what do the endpoint's limits allow. An endpoint that is known to be well and has no limits
 * costs nothing here. A test delivery passes an open breaker, so that a partner can try its endpoint, and says nothing
 * about its health but that it may be probed. How long it takes is watched like any other's, as a replay's is: the requests
 * beside it would hang too.
 */
export function createGate(deps: GateDeps): Gate {
  const breaker = createBreaker(deps);
  return {
    async enter(endpoint, task, channel) {
      const { health } = endpoint;
      // What waits for its turn at the rate of a backlog holds its batch: nobody else's lane may be in it.
      const isBehind = channel === 'ordered' && isOfBacklog(health, task.event.receivedAt);
      const isMisplaced = channel !== 'slow' && (isBehind || saysNothing(task) || isTroubled(health));
      let probe: Instant | null = null;
      if (task.event.test === undefined) {
        // Anywhere else, a probe is only let go to the queue of the slow.
        const passage = await breaker.pass(endpoint, isMisplaced ? 'look' : 'take');
        if (passage.kind === 'closed') return park(breaker, endpoint, 'breaker_open');
        probe = passage.probe;
      }
      if (isMisplaced) return { kind: 'divert' };
      if (channel !== 'slow' && !isProven(health)) {
        // An attempt on the queue that keeps order holds up the lanes of its batch: nobody is tried there.
        if (channel === 'ordered') return { kind: 'divert' };
        const passage = await breaker.tryOut(endpoint);
        if (passage.kind === 'closed') return { kind: 'divert' };
        probe = passage.probe;
      }
      return enterLimits(deps, breaker, { endpoint, task, probe });
    },
  };
}

/**
 * Tests and replays don't count for the endpoint's health: whoever asks for many of them at an endpoint that hangs would
 * hold up everybody, and nothing would show it. So they take the way of the slow, always.
 */
const saysNothing = ({ event, replay }: DeliveryTask): boolean =>
  event.test !== undefined || replay !== undefined;

async function park(breaker: Breaker, endpoint: KnownEndpoint, reason: string): Promise<Entry> {
  await breaker.markBacklog(endpoint);
  return { kind: 'park', reason };
}

interface Visit {
  endpoint: KnownEndpoint;
  task: DeliveryTask;
  probe: Instant | null;
}

async function enterLimits(deps: GateDeps, breaker: Breaker, visit: Visit): Promise<Entry> {
  const { limits = {} } = visit.endpoint;
  const { perSecond, concurrency } = limits;
  const backlog = isPaced(deps, visit) ? { perSecond: deps.drainPerSecond, maxAheadMs } : undefined;
  if (backlog === undefined && perSecond === undefined && concurrency === undefined)
    return letGo(deps, breaker, visit, null);
  const leaseId = deps.newLeaseId();
  const asked = { limits, leaseId, ...patienceOf(visit.task), ...(backlog !== undefined && { backlog }) };
  const refused = await refusal(deps, breaker, visit, asked);
  if (refused !== null) return refused;
  return letGo(deps, breaker, visit, concurrency === undefined ? null : leaseId);
}

/**
 * Whether it is given at the pace of a backlog. Of a lane only the first is handed out by `timers`, at that pace; what waits
 * behind it would follow as fast as it is answered. A replay has the pace of its redrive.
 */
function isPaced({ drainPerSecond }: GateDeps, { endpoint, task }: Visit): boolean {
  const isBehind = task.sequence !== undefined && task.replay === undefined;
  const own = endpoint.limits?.perSecond ?? Infinity;
  return isBehind && own > drainPerSecond && isOfBacklog(endpoint.health, task.event.receivedAt);
}

type Patience = Pick<AdmissionRequest, 'turnMs' | 'maxWaitMs' | 'maxAheadMs'>;

type Asked = Omit<AdmissionRequest, 'nowMs' | 'leaseMs'>;

/** Why it may not go now; null when it may, once it has waited for its turn. */
async function refusal(
  deps: GateDeps,
  breaker: Breaker,
  { endpoint, probe }: Visit,
  asked: Asked,
): Promise<Entry | null> {
  const admission = await askInPlace(deps, endpoint.endpointId, asked);
  if (admission.kind === 'go') {
    if (admission.waitMs > 0) await deps.sleep(admission.waitMs);
    return null;
  }
  deps.metrics.addMetric('RateLimited', 'Count', 1);
  if (probe !== null) await breaker.giveBack(endpoint, probe);
  const reason = `${admission.limit}_limited`;
  return admission.kind === 'full' ? park(breaker, endpoint, reason) : later(deps, admission, reason);
}

/** Asks again for as long as it may wait where it is: when a place comes free, nobody can know to the moment. */
async function askInPlace(
  deps: GateDeps,
  endpointId: string,
  { maxWaitMs, ...asked }: Asked,
): Promise<Admission> {
  const untilMs = deps.now() + maxWaitMs;
  for (let { turnMs } = asked; ;) {
    const nowMs = deps.now();
    const patience = { turnMs, maxWaitMs: Math.max(untilMs - nowMs, 0) };
    const request = { ...asked, ...patience, nowMs, leaseMs: deps.leaseMs };
    const admission = await admit(deps, endpointId, request);
    if (admission.kind !== 'later' || admission.retryMs > untilMs) return admission;
    ({ turnMs } = admission);
    await deps.sleep(Math.max(admission.retryMs - deps.now(), 0));
  }
}

/** What has waited, or was asked for again, must not make wait what happens now: it goes if it can, or waits again. */
function patienceOf({
  slotAt,
  yields,
  replay,
}: Pick<DeliveryTask, 'slotAt' | 'yields' | 'replay'>): Patience {
  const newcomer = { turnMs: null, maxWaitMs: waitOfNewcomersMs };
  if (yields === true || replay !== undefined) return { ...newcomer, maxAheadMs: 0 };
  if (slotAt === undefined) return { ...newcomer, maxAheadMs };
  return { turnMs: instantToMs(slotAt), maxWaitMs: waitInTurnMs, maxAheadMs };
}

/** So many ask at once that not all can be answered: that, too, is a reason to come again. */
async function admit(
  { limiter, random }: GateDeps,
  endpointId: string,
  request: AdmissionRequest,
): Promise<Admission> {
  try {
    return await limiter.admit(endpointId, request);
  } catch (error) {
    if (!(error instanceof TowercastError) || error.code !== 'item_contended') throw error;
    const { nowMs, turnMs } = request;
    // It takes no turn.
    if (request.maxAheadMs === 0) return { kind: 'full', limit: 'rate' };
    const retryMs = nowMs + 1_000 + random() * 4_000;
    const limit = request.limits.concurrency === undefined ? 'rate' : 'concurrency';
    return { kind: 'later', turnMs: turnMs ?? retryMs, retryMs, limit };
  }
}

function later(
  { now }: GateDeps,
  { turnMs, retryMs, limit }: Extract<Admission, { kind: 'later' }>,
  reason: string,
): Entry {
  const aheadSeconds = (retryMs - now()) / 1_000;
  // A place stays empty until somebody asks for it: who has a turn for one comes a little sooner, and waits the rest there.
  const wholeSeconds = limit === 'concurrency' ? Math.floor(aheadSeconds) : Math.ceil(aheadSeconds);
  const delaySeconds = Math.min(Math.max(wholeSeconds, 1), maxDelaySeconds);
  return { kind: 'later', delaySeconds, slotAt: instantFromMs(Math.ceil(turnMs)), reason };
}

async function noteOutcome(
  breaker: Breaker,
  { endpoint, task, probe }: Visit,
  made: Made | null,
): Promise<void> {
  if (made !== null && task.event.test === undefined) return breaker.observe(endpoint, task, probe, made);
  if (probe !== null) await breaker.giveBack(endpoint, probe);
  if (made?.verdict.kind === 'delivered') await breaker.testAnswered(endpoint);
}

function letGo(
  { limiter, logger, metrics, now }: GateDeps,
  breaker: Breaker,
  { endpoint, task, probe }: Visit,
  leaseId: string | null,
): Extract<Entry, { kind: 'go' }> {
  let stopWatching: (() => void) | null = null;
  const enteredMs = now();
  return {
    kind: 'go',
    begin() {
      stopWatching = breaker.watch(endpoint);
    },
    // What can't be noted is not worth the delivery: its record comes next. A lease that isn't given back ends by itself.
    async leave(made) {
      stopWatching?.();
      const { endpointId } = endpoint;
      const noted = await Promise.allSettled([
        leaseId !== null && limiter.release(endpointId, leaseId, made === null ? null : now() - enteredMs),
        noteOutcome(breaker, { endpoint, task, probe }, made),
      ]);
      for (const outcome of noted)
        if (outcome.status === 'rejected') {
          logger.error('health not noted', { endpointId, error: outcome.reason });
          metrics.addMetric('HealthNotNoted', 'Count', 1);
        }
    },
  };
}
