import type { Endpoint } from '../../schemas/endpoint.ts';
import { addMs } from '../../schemas/instant.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { ended, ratesOf, roomOf, waitingFor } from '../domain/redrive.ts';
import type { EntityStore } from '../shared/entity-store.ts';
import type { RedriveSource } from '../shared/redrive-source.ts';
import { sendPage, type RedrivePageDeps } from './redrive-page.ts';
import { emptyReport, type Run, type ShardReport } from './run.ts';

export interface RedrivesDeps extends RedrivePageDeps {
  redriveSource: RedriveSource;
  redriveConfig: RedrivePageDeps['redriveConfig'] & {
    /** How long after its receipt a delivery is on record for sure, unless something is wrong. */
    settleSeconds: number;
    /** Deliveries a second that all redrives of an endpoint have together. */
    maxPerSecond: number;
  };
  entities: Pick<EntityStore, 'getMany'>;
}

const maxConcurrent = 4;
/** Deliveries of one step. A crash repeats a step at most. */
const stepSize = 100;

/** A redrive that has its turns in this run. */
interface Moving {
  redrive: Redrive;
  perSecond: number;
  /** Null until it was looked at. */
  endpoint: Endpoint | null;
  sent: number;
}

/**
 * Moves the redrives on by what their rates allow until the next run: one step of each in turn, since one that looks through
 * a long history uses up no rate and would go on until the time is over. One that fails harms no other.
 */
export async function runRedrives(deps: RedrivesDeps, run: Run): Promise<ShardReport> {
  const report = emptyReport();
  const { redrives: running, unreadable } = await deps.redrives.running(run.now);
  const rates = ratesOf(running, deps.redriveConfig.maxPerSecond);
  const all = running.map((redrive): Moving => {
    const perSecond = rates.get(redrive) ?? redrive.perSecond;
    return { redrive, perSecond, endpoint: null, sent: 0 };
  });
  const line = [...all];
  const takeTurns = async (): Promise<void> => {
    for (let one = line.shift(); one !== undefined && run.hasTime(); one = line.shift())
      try {
        if (await takeStep(deps, one)) line.push(one);
      } catch (error) {
        report.failures.push({ what: `redrive ${one.redrive.redriveId}`, error });
      }
  };
  await Promise.all(Array.from({ length: maxConcurrent }, takeTurns));
  report.done = all.reduce((sum, { sent }) => sum + sent, 0);
  report.skipped = all.filter(({ sent }) => sent === 0).length - report.failures.length;
  for (const { key, error } of unreadable)
    report.failures.push({ what: `redrive unreadable: ${key.pk} ${key.sk}`, error });
  return report;
}

/** A page of its source. Gives whether there is more for it to do in this run. */
async function takeStep(deps: RedrivesDeps, moving: Moving): Promise<boolean> {
  const { redrive, perSecond } = moving;
  const endpoint = moving.endpoint ?? (await lookAtEndpoint(deps, redrive));
  if (endpoint === null) return false;
  moving.endpoint = endpoint;
  const now = deps.clock();
  const limit = Math.min(roomOf({ ...redrive, perSecond }, now), stepSize);
  if (limit === 0) return false;
  const upTo = addMs(now, -deps.redriveConfig.settleSeconds * 1_000);
  const page = await deps.redriveSource.read(redrive, { cursor: redrive.cursor, limit, upTo });
  const isOver = page.isEnd && upTo >= redrive.until;
  const moved = await sendPage(deps, { redrive, perSecond, endpoint, page, isOver });
  // Canceled, or another run is at it.
  if (moved === null) return false;
  moving.sent += moved.sent - redrive.sent;
  moving.redrive = moved;
  // What is not on record for sure yet is left to the next run.
  return !page.isEnd;
}

/** Where it goes; null when that is nowhere now. */
async function lookAtEndpoint(deps: RedrivesDeps, redrive: Redrive): Promise<Endpoint | null> {
  const ref = { kind: 'endpoint', partnerId: redrive.partnerId, endpointId: redrive.endpointId } as const;
  const endpoint = (await deps.entities.getMany([ref])).get(ref);
  if (endpoint?.status === 'active') return endpoint;
  if (endpoint === null) {
    const circumstances = { now: deps.clock(), reason: 'endpoint_gone', ...deps.redriveConfig };
    await deps.redrives.save(ended(redrive, 'failed', circumstances));
  } else if (redrive.reason !== 'endpoint_disabled')
    // What it would send would only be held again.
    await deps.redrives.save(waitingFor(redrive, 'endpoint_disabled'));
  return null;
}
