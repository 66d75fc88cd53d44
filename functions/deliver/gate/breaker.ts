import { acknowledgementOf } from '../../../schemas/contract.ts';
import type { DeliveryTask } from '../../../schemas/delivery.ts';
import type { EndpointHealth, HealthPolicy } from '../../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { instantToMs } from '../../../schemas/instant.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import { backlogMarked, isMarked } from '../../domain/endpoint-backlog.ts';
import {
  answeredTest,
  attempted,
  passage,
  probeReturned,
  probeTaken,
  takingLong,
  trialTaken,
} from '../../domain/endpoint-breaker.ts';
import {
  healthyEndpoint,
  isProven,
  type HealthStep,
  type Observation,
} from '../../domain/endpoint-health.ts';
import type { EndpointHealthStore } from '../../shared/endpoint-health.ts';
import type { EndpointDirectory, KnownEndpoint } from '../../shared/endpoint-directory.ts';
import { TowercastError } from '../../shared/errors.ts';
import type { Made } from '../gate.ts';

export interface BreakerDeps {
  health: Pick<EndpointHealthStore, 'change'>;
  endpoints: Pick<EndpointDirectory, 'forget'>;
  policy: HealthPolicy;
  now: () => number;
  /** Uniform in [0, 1). */
  random: () => number;
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
}

/** `probe`: the lease under which the attempt is made; null when it needs none. */
export type Passage = { kind: 'pass'; probe: Instant | null } | { kind: 'closed' };

/** The health of endpoints, as the attempts of this process see and make it. */
export interface Breaker {
  /** Whether a request may pass. When it is time for a probe, `take` asks for its lease and `look` doesn't. */
  pass(endpoint: KnownEndpoint, how: 'take' | 'look'): Promise<Passage>;
  /**
   * Whether an endpoint that nobody knows may be sent to beside those that answer in time: one request at a time may. None
   * may whose health can't be read: nothing could be written of who is under way, or of how long it takes.
   */
  tryOut(endpoint: KnownEndpoint): Promise<Passage>;
  /** The lease is not needed after all. */
  giveBack(endpoint: KnownEndpoint, probe: Instant): Promise<void>;
  /** Writes what an attempt says, if that is anything new. */
  observe(endpoint: KnownEndpoint, task: DeliveryTask, probe: Instant | null, made: Made): Promise<void>;
  /** A test was answered as it should be. */
  testAnswered(endpoint: KnownEndpoint): Promise<void>;
  /**
   * Marks an endpoint as slow as soon as an attempt takes too long: until it ends, others would go the same way. Returns
   * how to stop watching. Never throws.
   */
  watch(endpoint: KnownEndpoint): () => void;
  /** To be awaited before a delivery is parked, so that none is parked that nobody looks for. */
  markBacklog(endpoint: KnownEndpoint): Promise<void>;
}

/** Endpoints whose last success is remembered. */
const maxRemembered = 5_000;

export function createBreaker(deps: BreakerDeps): Breaker {
  const { policy, now, random } = deps;
  const lastSuccesses = new Map<string, number>();

  const change = async (
    endpoint: KnownEndpoint,
    step: Parameters<EndpointHealthStore['change']>[1],
  ): Promise<HealthStep | undefined> => {
    let taken: HealthStep | undefined;
    await deps.health.change(endpoint, (health) => (taken = step(health)), endpoint.health ?? null);
    deps.endpoints.forget(endpoint);
    return taken;
  };

  return {
    async pass(endpoint, how) {
      const seen = passage(endpoint.health, now());
      if (seen === 'closed') return { kind: 'closed' };
      if (seen === 'free' || how === 'look') return { kind: 'pass', probe: null };
      let isClosedBreaker = false;
      const taken = await change(endpoint, (health) => {
        isClosedBreaker = health.breaker === 'closed';
        return probeTaken(health, { policy, nowMs: now() });
      });
      if (taken !== undefined) return { kind: 'pass', probe: taken.health.probeUntil };
      // Somebody else's probe has succeeded meanwhile.
      return isClosedBreaker ? { kind: 'pass', probe: null } : { kind: 'closed' };
    },
    async tryOut(endpoint) {
      let isKnown = false;
      try {
        const taken = await change(endpoint, (health) => {
          isKnown = isProven(health);
          return trialTaken(health, { policy, nowMs: now() });
        });
        if (taken !== undefined) return { kind: 'pass', probe: taken.health.probeUntil };
      } catch (error) {
        if (error instanceof TowercastError && error.code === 'health_unreadable') return { kind: 'closed' };
        throw error;
      }
      return isKnown ? { kind: 'pass', probe: null } : { kind: 'closed' };
    },
    async giveBack(endpoint, probe) {
      await change(endpoint, (health) => probeReturned(health, probe));
    },
    async observe(endpoint, task, probe, made) {
      const lastSuccessMs = lastSuccesses.get(endpoint.endpointId) ?? null;
      const observation = observationOf(policy, { endpoint, task, probe, made, lastSuccessMs });
      const context = { policy, nowMs: now(), random };
      if (observation.kind === 'success') {
        remember(lastSuccesses, endpoint.endpointId, context.nowMs);
        // All is well, as it was: that costs nothing.
        if (attempted(endpoint.health ?? healthyEndpoint(endpoint), observation, context) === undefined)
          return;
      }
      let before: EndpointHealth['breaker'] = 'closed';
      const taken = await change(endpoint, (health) => {
        before = health.breaker;
        return attempted(health, observation, context);
      });
      const after = taken?.health.breaker ?? before;
      if (after !== before)
        deps.metrics.addMetric(after === 'open' ? 'BreakerOpened' : 'BreakerClosed', 'Count', 1);
    },
    async testAnswered(endpoint) {
      if (endpoint.health?.breaker === 'open')
        await change(endpoint, (health) => answeredTest(health, now()));
    },
    watch(endpoint) {
      // The mark that it has is as good: to find that out anew costs a read of each of its requests.
      const seen = endpoint.health ?? healthyEndpoint(endpoint);
      if (takingLong(seen, { policy, nowMs: now() }) === undefined) return () => {};
      const timer = setTimeout(() => {
        // Its end marks it too: a mark that failed is not worth more.
        change(endpoint, (health) => takingLong(health, { policy, nowMs: now() })).catch(() => undefined);
      }, policy.slowMs);
      return () => clearTimeout(timer);
    },
    async markBacklog(endpoint) {
      if (isMarked(endpoint.health, now())) return;
      await change(endpoint, (health) => backlogMarked(health, now()));
    },
  };
}

interface Observed extends Pick<Observation, 'probe' | 'lastSuccessMs'> {
  endpoint: Endpoint;
  task: DeliveryTask;
  made: Made;
}

function observationOf(
  policy: HealthPolicy,
  { endpoint, task, made, probe, lastSuccessMs }: Observed,
): Observation {
  const { attempt, verdict } = made;
  // Who acknowledges by reading may answer what it likes: any answer shows that it is there.
  const isTaken =
    verdict.kind === 'delivered' ||
    (acknowledgementOf(endpoint.contract) === 'read' && attempt.status !== null);
  const untaken = verdict.kind === 'gone' ? 'gone' : 'failure';
  return {
    kind: isTaken ? 'success' : untaken,
    startedAtMs: instantToMs(attempt.at),
    durationMs: attempt.durationMs,
    reason: attempt.reason,
    retryAfterMs: verdict.kind === 'retry' ? verdict.retryAfterMs : null,
    longestStepMs: Math.max(...(endpoint.scheduleSeconds ?? [policy.longestStepSeconds])) * 1_000,
    probe,
    replay: task.replay !== undefined,
    lastSuccessMs,
  };
}

function remember(lastSuccesses: Map<string, number>, endpointId: string, nowMs: number): void {
  lastSuccesses.delete(endpointId);
  lastSuccesses.set(endpointId, nowMs);
  const [oldest] = lastSuccesses.keys();
  if (lastSuccesses.size > maxRemembered && oldest !== undefined) lastSuccesses.delete(oldest);
}
