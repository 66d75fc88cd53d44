import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { addMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { ended, movedOn, selects, slotsFor, type Candidate } from '../domain/redrive.ts';
import { laneOf } from '../shared/keys.ts';
import type { OutgoingTask, TaskSender } from '../shared/queue.ts';
import type { SourcePage } from '../shared/redrive-source.ts';
import type { RedriveStore } from '../shared/redrive-store.ts';
import type { ReplayMarks } from '../shared/replay-marks.ts';

export interface RedrivePageDeps {
  redrives: RedriveStore;
  replayMarks: ReplayMarks;
  sender: TaskSender;
  /** How long a delivery belongs to the run that took it, from its turn on. */
  leaseSeconds: number;
  redriveConfig: {
    /** Of redrives, from their end. */
    retentionDays: number;
  };
  clock: () => Instant;
  newTaskId: () => string;
}

export interface PageToSend {
  redrive: Redrive;
  /** The rate that it has now. */
  perSecond: number;
  endpoint: Endpoint;
  page: SourcePage;
  /** Whether nothing will follow. */
  isOver: boolean;
}

/**
 * Sends a page, and only then moves the cursor: a crash in between repeats it, less what is on record as on its way by then,
 * and never leaves anything out. Gives the redrive as stored, or null when somebody else was ahead.
 */
export async function sendPage(
  deps: RedrivePageDeps,
  { redrive, perSecond, endpoint, page, isOver }: PageToSend,
): Promise<Redrive | null> {
  const chosen = page.candidates.filter((candidate) => selects(redrive, endpoint, candidate));
  const pace = { perSecond, nextSlotAt: redrive.nextSlotAt };
  const { delaysMs, nextSlotAt } = slotsFor(pace, chosen.length, deps.clock());
  const sent =
    endpoint.ordered === true
      ? await sendInOrder(deps, redrive, chosen)
      : await markAndSend(deps, redrive, chosen, delaysMs);
  const running = movedOn(redrive, { cursor: page.cursor, looked: page.looked, sent, nextSlotAt });
  const moved = isOver ? ended(running, 'done', { now: deps.clock(), ...deps.redriveConfig }) : running;
  return (await deps.redrives.save(moved)) ? { ...moved, version: moved.version + 1 } : null;
}

function taskOf(
  { newTaskId }: RedrivePageDeps,
  { partnerId, endpointId, redriveId }: Redrive,
  { event, record }: Candidate,
): DeliveryTask {
  const attempts = record?.attempts ?? [];
  const replay = { redriveId, attemptsBefore: attempts.length };
  return { v: 1, taskId: newTaskId(), partnerId, endpointId, event, attempts, replay };
}

/**
 * Each is on record as pending before it is sent: under its endpoint's limits it may wait for a quarter of an hour, and another
 * redrive would send it again. If its task is lost, it is due again when its lease ends.
 */
async function markAndSend(
  deps: RedrivePageDeps,
  redrive: Redrive,
  chosen: readonly Candidate[],
  delaysMs: readonly number[],
): Promise<number> {
  const now = deps.clock();
  const marks = chosen.map((candidate, index) => {
    const delayMs = delaysMs[index] ?? 0;
    const dueAt = addMs(now, delayMs + deps.leaseSeconds * 1_000);
    // Its task is no good once the delivery is due again.
    const task = { ...taskOf(deps, redrive, candidate), leasedUntil: dueAt };
    return { task, seen: candidate.record, dueAt, delayMs };
  });
  const marked = await deps.replayMarks.mark(marks);
  const own = marks.filter((mark) => marked.has(mark));
  await deps.sender.send(
    // `deliver` lets replays go over the queue of the slow only.
    own.map(({ task, delayMs }) => ({ task, delaySeconds: Math.floor(delayMs / 1_000), via: 'slow' })),
  );
  return own.length;
}

/**
 * A lane puts on record by itself what has a place in it, within seconds: its queue knows no delay. A request may fail for
 * one of its tasks only, so each has one task of a lane at most, and the next waits for it.
 */
async function sendInOrder(
  deps: RedrivePageDeps,
  redrive: Redrive,
  chosen: readonly Candidate[],
): Promise<number> {
  const tasks = chosen.map((candidate) => taskOf(deps, redrive, candidate));
  const lanes = Map.groupBy(tasks, ({ event }) => laneOf(event));
  const longest = Math.max(0, ...[...lanes.values()].map(({ length }) => length));
  for (let round = 0; round < longest; round += 1)
    await deps.sender.send(
      [...lanes.values()].flatMap((lane): OutgoingTask[] => {
        const task = lane[round];
        return task === undefined ? [] : [{ task, delaySeconds: 0, via: 'ordered' }];
      }),
    );
  return tasks.length;
}
