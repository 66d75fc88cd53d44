import { createGate } from '../../../../functions/deliver/gate/create-gate.ts';
import {
  admit,
  released,
  unlimited,
  type LimitsState,
} from '../../../../functions/domain/endpoint-limits.ts';
import type { EndpointLimiter } from '../../../../functions/shared/endpoint-limits.ts';
import type { EndpointLimits } from '../../../../schemas/endpoint.ts';
import type { Instant } from '../../../../schemas/primitives.ts';
import { makeObserver } from '../../../helpers/batches.ts';
import { makeAttempt, makeEndpoint, makeTask } from '../../../helpers/deliveries.ts';
import { makeHealth, policy } from '../../../helpers/health.ts';
import { randomOf } from '../../../helpers/random.ts';
import { makeVirtualTime, type VirtualTime } from '../lane/virtual-time.ts';

export interface Burst {
  limits: EndpointLimits;
  /** Mean duration of an attempt; each one's is by chance up to so much of it longer or shorter. */
  attempts: { meanMs: number; spread: number };
  deliveries: number;
  /** What attempts are known to take from before; 0: nothing is. */
  knownMs?: number;
  /** Limits that it has from some time on. Milliseconds from the first delivery, as below. */
  changed?: { atMs: number; limits: EndpointLimits };
  /** Nobody comes back before. */
  idleUntilMs?: number;
  seed: number;
}

const startMs = Date.parse('2026-03-20T09:15:00.000Z');
/** Of one request to the table. */
const requestMs = 5;

/** Limits as a table keeps them, and what they cost there. */
function makeLimiter({ now, sleep }: Pick<VirtualTime, 'now' | 'sleep'>, meanMs: number) {
  let state: LimitsState = { ...unlimited, meanMs };
  const requests = { reads: 0, writes: 0 };
  const step = (next: LimitsState): void => {
    requests[next === state ? 'reads' : 'writes'] += 1;
    state = next;
  };
  const limiter: EndpointLimiter = {
    async admit(_endpointId, request) {
      await sleep(requestMs);
      const asked = admit(state, { ...request, nowMs: now() });
      step(asked.state);
      return asked.admission;
    },
    async release(_endpointId, ...end) {
      await sleep(requestMs);
      step(released(state, ...end));
    },
  };
  return { limiter, requests };
}

/**
 * What becomes of many deliveries at once to one endpoint that has limits: the gate itself, in virtual time, and a queue that
 * gives a message a moment after its delay.
 */
export async function simulateBurst(burst: Burst) {
  const { limits, attempts, deliveries, knownMs = 0, changed, idleUntilMs = 0, seed } = burst;
  const time = makeVirtualTime(startMs);
  const random = randomOf(seed);
  const { limiter, requests } = makeLimiter(time, knownMs);
  const observer = makeObserver();
  let leases = 0;
  const gate = createGate({
    health: { change: async () => makeHealth() },
    endpoints: { forget: () => undefined },
    limiter,
    drainPerSecond: 2,
    policy,
    leaseMs: 20_000,
    newLeaseId: () => `lease-${(leases += 1)}`,
    now: time.now,
    sleep: time.sleep,
    random,
    logger: observer.logger,
    metrics: observer.recorder,
  });
  const endpoint = () => {
    const isChanged = changed !== undefined && time.now() >= startMs + changed.atMs;
    return { ...makeEndpoint({ limits: isChanged ? changed.limits : limits }), health: makeHealth() };
  };
  const seen = {
    underWay: 0,
    mostAtOnce: 0,
    busyMs: 0,
    lastEndMs: startMs,
    parked: 0,
    startsMs: [] as number[],
  };
  const rounds: number[] = [];

  const attempt = async (): Promise<void> => {
    const durationMs = attempts.meanMs * (1 + attempts.spread * (2 * random() - 1));
    seen.startsMs.push(time.now());
    seen.underWay += 1;
    seen.mostAtOnce = Math.max(seen.mostAtOnce, seen.underWay);
    await time.sleep(durationMs);
    seen.underWay -= 1;
    seen.busyMs += durationMs;
    seen.lastEndMs = time.now();
  };
  const deliver = async (): Promise<void> => {
    await time.sleep(50 * random());
    let slotAt: Instant | undefined;
    for (let round = 1; ; round += 1) {
      const entry = await gate.enter(endpoint(), makeTask(slotAt === undefined ? {} : { slotAt }), 'slow');
      if (entry.kind === 'later') {
        slotAt = entry.slotAt;
        const comesMs = Math.max(time.now() + entry.delaySeconds * 1_000, startMs + idleUntilMs);
        await time.sleep(comesMs - time.now() + 20 + 180 * random());
        continue;
      }
      if (entry.kind === 'go') {
        rounds.push(round);
        await attempt();
        await entry.leave({ attempt: makeAttempt(), verdict: { kind: 'delivered' } });
      } else seen.parked += 1;
      return;
    }
  };

  const all = Promise.all(Array.from({ length: deliveries }, () => deliver()));
  let isOver = false;
  void all.then(() => (isOver = true));
  await time.run(startMs + 86_400_000, () => isOver);
  await all;
  const places = limits.concurrency ?? 1;
  return {
    ...seen,
    rounds: rounds.reduce((sum, one) => sum + one, 0) / rounds.length,
    mostRounds: Math.max(...rounds),
    /** Of the places that the limit leaves, until the last request has ended. */
    utilisation: seen.busyMs / (places * (seen.lastEndMs - startMs)),
    readsPerDelivery: requests.reads / deliveries,
    writesPerDelivery: requests.writes / deliveries,
    lastSeconds: (seen.lastEndMs - startMs) / 1_000,
  };
}
