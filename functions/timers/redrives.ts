import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { addMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { ended, movedOn, roomOf, selects, slotsFor, waitingFor, type Candidate } from '../domain/redrive.ts';
import { forEachAtMost } from '../shared/concurrency.ts';
import type { EntityStore } from '../shared/entity-store.ts';
import { laneOf } from '../shared/keys.ts';
import type { OutgoingTask, TaskSender } from '../shared/queue.ts';
import type { RedriveSource, SourcePage } from '../shared/redrive-source.ts';
import type { RedriveStore } from '../shared/redrive-store.ts';
import type { Run, ShardReport } from './run.ts';

export interface RedrivesDeps {
  redrives: RedriveStore;
  redriveSource: RedriveSource;
  redriveConfig: {
    /** How long after its receipt a delivery is on record for sure, unless something is wrong. */
    settleSeconds: number;
    /** Of redrives, from their end. */
    retentionDays: number;
  };
  entities: Pick<EntityStore, 'getMany'>;
  sender: TaskSender;
  clock: () => Instant;
  newTaskId: () => string;
}

const maxConcurrent = 4;
/** Deliveries of one step. A crash repeats a step at most. */
const stepSize = 100;

/** Moves every redrive on by what its rate allows until the next run. One that fails harms no other. */
export async function runRedrives(deps: RedrivesDeps, run: Run): Promise<ShardReport> {
  const report: ShardReport = { done: 0, skipped: 0, failures: [] };
  const running = await deps.redrives.running(run.now);
  await forEachAtMost(maxConcurrent, running, async (redrive) => {
    try {
      const sent = await runRedrive(deps, redrive, run);
      if (sent === 0) report.skipped += 1;
      report.done += sent;
    } catch (error) {
      report.failures.push({ what: `redrive ${redrive.redriveId}`, error });
    }
  });
  return report;
}

/** How many deliveries it sent. */
async function runRedrive(deps: RedrivesDeps, loaded: Redrive, run: Run): Promise<number> {
  const ref = { kind: 'endpoint', partnerId: loaded.partnerId, endpointId: loaded.endpointId } as const;
  const endpoint = (await deps.entities.getMany([ref])).get(ref);
  if (endpoint === null) {
    const circumstances = { now: deps.clock(), reason: 'endpoint_gone', ...deps.redriveConfig };
    await deps.redrives.save(ended(loaded, 'failed', circumstances));
    return 0;
  }
  if (endpoint.status === 'disabled') {
    // What it would send would only be held again.
    if (loaded.reason !== 'endpoint_disabled')
      await deps.redrives.save(waitingFor(loaded, 'endpoint_disabled'));
    return 0;
  }
  let redrive = loaded;
  let sent = 0;
  while (run.hasTime()) {
    const now = deps.clock();
    const limit = Math.min(roomOf(redrive, now), stepSize);
    if (limit === 0) break;
    const upTo = addMs(now, -deps.redriveConfig.settleSeconds * 1_000);
    const page = await deps.redriveSource.read(redrive, { cursor: redrive.cursor, limit, upTo });
    const moved = await step(deps, { redrive, endpoint, page, isOver: page.isEnd && upTo >= redrive.until });
    // Canceled, or another run is at it.
    if (moved === null) break;
    sent += moved.sent - redrive.sent;
    redrive = moved;
    // What is not on record for sure yet is left to the next run.
    if (page.isEnd) break;
  }
  return sent;
}

/**
 * Sends a page, and only then moves the cursor: a crash in between sends it again, as far as it is not on record by
 * then, and never leaves anything out. Gives the redrive as stored, or null when somebody else was ahead.
 */
async function step(
  deps: RedrivesDeps,
  {
    redrive,
    endpoint,
    page,
    isOver,
  }: { redrive: Redrive; endpoint: Endpoint; page: SourcePage; isOver: boolean },
): Promise<Redrive | null> {
  const chosen = page.candidates.filter((candidate) => selects(redrive, endpoint, candidate));
  const { delaysMs, nextSlotAt } = slotsFor(redrive, chosen.length, deps.clock());
  const tasks = chosen.map((candidate) => taskOf(deps, redrive, candidate));
  if (endpoint.ordered === true) await sendInOrder(deps, tasks);
  else
    await deps.sender.send(
      tasks.map((task, index) => ({ task, delaySeconds: Math.floor((delaysMs[index] ?? 0) / 1_000) })),
    );
  const { cursor, looked } = page;
  const running = movedOn(redrive, { cursor, looked, sent: chosen.length, nextSlotAt });
  const moved = isOver ? ended(running, 'done', { now: deps.clock(), ...deps.redriveConfig }) : running;
  return (await deps.redrives.save(moved)) ? { ...moved, version: moved.version + 1 } : null;
}

function taskOf(
  { newTaskId }: RedrivesDeps,
  { partnerId, endpointId, redriveId }: Redrive,
  { event, record }: Candidate,
): DeliveryTask {
  const attempts = record?.attempts ?? [];
  const replay = { redriveId, attemptsBefore: attempts.length };
  return { v: 1, taskId: newTaskId(), partnerId, endpointId, event, attempts, replay };
}

/** A request may fail for one of its tasks only: so each has one task of a lane at most, and the next waits for it. */
async function sendInOrder({ sender }: RedrivesDeps, tasks: readonly DeliveryTask[]): Promise<void> {
  const lanes = Map.groupBy(tasks, ({ event }) => laneOf(event));
  const longest = Math.max(0, ...[...lanes.values()].map(({ length }) => length));
  for (let round = 0; round < longest; round += 1)
    await sender.send(
      [...lanes.values()].flatMap((lane): OutgoingTask[] => {
        const task = lane[round];
        return task === undefined ? [] : [{ task, delaySeconds: 0, via: 'ordered' }];
      }),
    );
}
