import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import { backlogCleared } from '../domain/endpoint-backlog.ts';
import { settled } from '../domain/endpoint-breaker.ts';
import { begunAnew, forgotten } from '../domain/endpoint-health.ts';
import { isMissed, leftAlone } from '../domain/endpoint-state.ts';
import { forEachAtMost } from '../shared/concurrency.ts';
import type { DisableEndpoint } from '../shared/disable-endpoint.ts';
import type { EndpointHealthStore } from '../shared/endpoint-health.ts';
import type { EntityStore } from '../shared/entity-store.ts';
import { isOver, runEndpointBacklog, type Backlog, type BacklogDeps } from './endpoint-backlog.ts';
import { isHopeless } from './failing-endpoint.ts';
import { addReport, emptyReport, type Run, type ShardReport } from './run.ts';
import type { Pace } from './pace.ts';

export interface EndpointsDeps extends BacklogDeps {
  entities: Pick<EntityStore, 'getMany'>;
  disable: DisableEndpoint;
  health: Pick<EndpointHealthStore, 'listDue' | 'change'>;
  disableAfterHours: number;
}

export interface EndpointsReport extends ShardReport {
  breakersOpen: number;
  /** Of those: open for longer than an hour, and somebody waits. */
  breakersOpenLong: number;
  parked: number;
  disabled: number;
  /** Since when the longest wait of a failing endpoint's partner lasts. */
  oldestAt: string | null;
  /** When the longest parked delivery was received whose endpoint takes requests. */
  oldestDrainingAt: string | null;
}

/**
 * What is due within this is counted; what is due now is worked on. As long as a breaker may stay open: no schedule has a
 * longer step.
 */
const horizonMs = 7 * 86_400_000;
const longMs = 3_600_000;
const endpointsAtOnce = 8;

/**
 * Looks at every endpoint that is not well: switches off what failed for days, drains backlogs. One that fails here stops
 * no other.
 */
export async function runEndpoints(deps: EndpointsDeps, run: Run, pace: Pace): Promise<EndpointsReport> {
  const nowMs = instantToMs(run.now);
  const { health: unwell, unreadable } = await deps.health.listDue(instantFromMs(nowMs + horizonMs));
  // One that can't be read must not keep the others from being looked at: then each is read by itself.
  const endpoints = await deps.entities.getMany(unwell.map(refOf)).catch(() => null);
  const report: EndpointsReport = {
    ...emptyReport(),
    // Nobody looks after these, and no gauge has them.
    failures: unreadable.map(({ key, error }) => ({ what: `health unreadable: ${key.pk} ${key.sk}`, error })),
    ...countBreakers(unwell, nowMs),
    parked: 0,
    disabled: 0,
    oldestDrainingAt: null,
  };
  const attending = { run, pace, report };
  const drains: Backlog[] = [];
  const each = async <T extends Pick<Backlog, 'health'>>(
    all: readonly T[],
    work: (one: T) => Promise<void>,
  ) =>
    forEachAtMost(endpointsAtOnce, all, async (one) => {
      if (!run.hasTime()) return;
      await work(one).catch((error: unknown) => {
        report.failures.push({ what: `endpoint ${one.health.endpointId}`, error });
      });
    });
  await each(
    unwell.map((health) => ({ health })),
    async ({ health }) => {
      const known = endpoints ?? (await deps.entities.getMany([refOf(health)]));
      const backlog = await judge(deps, { health, endpoint: known.get(refOf(health)) }, attending);
      if (health.backlogAt === null) return;
      // A probe is one delivery. What takes long comes when everybody has had that.
      if (isPaused(backlog)) await attend(deps, backlog, attending);
      else drains.push(backlog);
    },
  );
  await each(rotated(drains, nowMs), async (backlog) => attend(deps, backlog, attending));
  return report;
}

const isPaused = (backlog: Backlog): boolean => backlog.health.breaker === 'open' && !isOver(backlog);

interface Attending {
  run: Run;
  pace: Pace;
  report: EndpointsReport;
}

/** What is to be said of an endpoint, whatever waits for it. */
async function judge(deps: EndpointsDeps, unwell: Backlog, { run, report }: Attending): Promise<Backlog> {
  const backlog = await switchOff(deps, unwell, report);
  const { health, endpoint } = backlog;
  const nowMs = instantToMs(run.now);
  // Nothing counts against an endpoint that takes nothing: should it be enabled again, it begins anew.
  if (isOver(backlog))
    await deps.health.change(health, (current) =>
      endpoint === null ? forgotten(current) : begunAnew(current, endpoint, nowMs),
    );
  else if (settled(health, nowMs) !== undefined)
    await deps.health.change(health, (current) => settled(current, nowMs));
  if (health.backlogAt === null) await deps.health.change(health, (current) => leftAlone(current, nowMs));
  return backlog;
}

async function attend(
  deps: EndpointsDeps,
  backlog: Backlog,
  { run, pace, report }: Attending,
): Promise<void> {
  const part = await runEndpointBacklog(deps, backlog, run, pace);
  addReport(report, part);
  report.parked += part.parked;
  report.oldestAt = earliest(report.oldestAt, part.oldestAt);
  if (!isPaused(backlog)) report.oldestDrainingAt = earliest(report.oldestDrainingAt, part.oldestAt);
  if (part.parked === 0)
    await deps.health.change(backlog.health, (current) => backlogCleared(current, instantToMs(run.now)));
}

async function switchOff(
  { disable, disableAfterHours }: EndpointsDeps,
  { health, endpoint }: Backlog,
  report: EndpointsReport,
): Promise<Backlog> {
  if (endpoint?.status !== 'active' || !isHopeless(health, disableAfterHours)) return { health, endpoint };
  // Somebody has changed it: the next run looks again.
  if ((await disable({ ...endpoint, health }, 'failing')) === 'changed') return { health, endpoint };
  report.disabled += 1;
  return { health, endpoint: { ...endpoint, status: 'disabled', disabledReason: 'failing' } };
}

function countBreakers(unwell: readonly EndpointHealth[], nowMs: number) {
  const open = unwell.filter(({ breaker }) => breaker === 'open');
  const missed = unwell.filter((health) => isMissed(health, nowMs));
  const isLong = ({ breaker, openedAt }: EndpointHealth) =>
    breaker === 'open' && openedAt !== null && instantToMs(openedAt) + longMs <= nowMs;
  return {
    breakersOpen: open.length,
    breakersOpenLong: missed.filter(isLong).length,
    oldestAt: missed.map(({ failingSince }) => failingSince).reduce(earliest, null),
  };
}

const earliest = (a: string | null, b: string | null): string | null =>
  a === null || (b !== null && b < a) ? b : a;

const refOf = ({ partnerId, endpointId }: Pick<Endpoint, 'partnerId' | 'endpointId'>) =>
  ({ kind: 'endpoint', partnerId, endpointId }) as const;

/** Another one begins each time, far from the last, so that none is always the one that the time is too short for. */
const rotated = <T>(items: readonly T[], nowMs: number): T[] => {
  // A prime, so that all come first in their time.
  const start = items.length === 0 ? 0 : (Math.floor(nowMs / 60_000) * 7_919) % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
};
