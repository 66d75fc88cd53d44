import { isTroubled, passage } from '../domain/endpoint-health.ts';
import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { instantToMs } from '../../schemas/instant.ts';
import { backlogShard } from '../shared/keys.ts';
import { handOut, type HandOutDeps, type Turn } from './hand-out.ts';
import { windowSeconds, type Pace } from './pace.ts';
import type { Run, ShardReport } from './run.ts';

export interface BacklogDeps extends HandOutDeps {
  /** Deliveries of a backlog that its endpoint is given in a second, beside what happens now. */
  drainPerSecond: number;
}

export interface Backlog {
  /** As it is stored; null when it is gone: then nothing waits for anybody. */
  endpoint: Endpoint | null;
  health: EndpointHealth;
}

export interface BacklogReport extends ShardReport {
  /** What was parked when this run came, as far as one run looks. */
  parked: number;
  /** When the longest parked was received. */
  oldestAt: Instant | null;
}

/**
 * Sends an endpoint's parked deliveries, oldest first: one as a probe when the breaker is due for one, and at a limited
 * rate once it is closed. One that is taken leaves the backlog for the due index, where it comes back if its task is lost.
 */
export async function runEndpointBacklog(
  deps: BacklogDeps,
  backlog: Backlog,
  run: Run,
  pace: Pace,
): Promise<BacklogReport> {
  const { endpointId } = backlog.health;
  const { waiting } = await deps.deliveries.list({
    partition: backlogShard(endpointId),
    until: run.now,
    limit: Math.ceil(deps.drainPerSecond * windowSeconds),
    from: null,
  });
  const nowMs = instantToMs(run.now);
  const via = isTroubled(backlog.health) ? ('slow' as const) : ('live' as const);
  const turns = waiting.slice(0, allowance(backlog, nowMs)).flatMap((one): Turn[] => {
    const atMs = pace.take(endpointId, backlog.endpoint?.limits?.perSecond);
    return atMs === null ? [] : [{ waiting: one, atMs, via }];
  });
  const report = await handOut(deps, turns, run);
  return { ...report, parked: waiting.length, oldestAt: waiting[0]?.dueAt ?? null };
}

/** How many may go; the pace says when. Those of an endpoint that takes nothing any more are only filed. */
function allowance({ endpoint, health }: Backlog, nowMs: number): number {
  if (endpoint === null || endpoint.status === 'disabled') return Infinity;
  const way = passage(health, nowMs);
  return way === 'free' ? Infinity : way === 'probe' ? 1 : 0;
}
