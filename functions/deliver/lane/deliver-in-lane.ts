import type { DeliveryTask } from '../../../schemas/delivery.ts';
import { claimNew, claimWaiting, headSequence, isTurnTaken, placeAt, placeOf } from '../../domain/lane.ts';
import { isOfBacklog } from '../../domain/endpoint-backlog.ts';
import { isTroubled } from '../../domain/endpoint-health.ts';
import { TowercastError } from '../../shared/errors.ts';
import { laneOf } from '../../shared/keys.ts';
import { isTurnFree, waitInLane } from '../../shared/lane-entry.ts';
import { passTurn, wake, type Step } from '../../shared/lane-turn.ts';
import { afterwards } from './afterwards.ts';
import { look, type LaneDeps, type Situation } from './situation.ts';
import { useTurn } from './use-turn.ts';
import { watch, watchIfNext } from './watch.ts';

/** A lane changes under one's hands only when SQS gives its group to two invocations at a time. */
const maxTries = 5;

/** How a task of a lane comes up. */
export interface Coming {
  channel: 'ordered' | 'slow';
  /** Whether there is time for an attempt. */
  hasTime: boolean;
}

/**
 * One task of a lane: at most one attempt, if it is the delivery's turn; else the delivery waits in its lane. Without time
 * for an attempt it waits too. Numbers are given to what comes over the queue that keeps order only; what has one is in
 * order by that, and may have its turn over a queue that repeats, delays and reorders: the lane has the turn's version.
 * Rejects when the task must be given again.
 */
export async function deliverInLane(
  deps: LaneDeps,
  task: DeliveryTask,
  { channel, hasTime }: Coming,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries += 1)
    if ((await takeStep(deps, await look(deps, { task, channel }), hasTime)) === 'done') return;
  throw new TowercastError('lane_contended', `${laneOf(task.event)} of ${task.endpointId} keeps changing`);
}

async function takeStep(deps: LaneDeps, situation: Situation, hasTime: boolean): Promise<Step> {
  const { lane, record, task } = situation;
  const place = placeOf(lane, record, task);
  switch (place.kind) {
    case 'past':
      return afterwards(deps, situation);
    case 'head':
      if (isTurnTaken(lane, record, deps.now())) return watch(deps, situation, headSequence(lane));
      if (!hasTime || isElsewhere(situation)) return wakeAgain(deps, situation, headSequence(lane));
      return useTurn(deps, situation, { lane, seen: lane, write: deps.lanes.write });
    case 'waiting':
    case 'new': {
      if (place.kind === 'new' && situation.channel !== 'ordered') return sendForNumber(deps, task);
      const isFree = await isTurnFree(deps, { ...situation, partnerId: task.partnerId });
      if (isFree === 'contended') return 'contended';
      const prospect = { isFree, hasTime };
      return place.kind === 'new'
        ? enter(deps, situation, prospect)
        : takeTurnOfWaiting(deps, situation, { ...prospect, sequence: place.sequence });
    }
  }
}

interface Prospect {
  /** Whether the head is over. */
  isFree: boolean;
  hasTime: boolean;
}

/** A delivery that has no place yet: it has the next turn, or waits behind the others. */
async function enter(deps: LaneDeps, situation: Situation, { isFree, hasTime }: Prospect): Promise<Step> {
  const { lane, headRecord, task, endpoint } = situation;
  if (isFree && hasTime && lane.given === headSequence(lane)) {
    const claimed = claimNew(lane, headRecord, task);
    return useTurn(deps, situation, { lane: claimed, seen: lane, write: deps.lanes.write });
  }
  const step = await waitInLane(deps, { lane, headRecord, isFree, task, endpoint });
  if (step === 'contended' || isFree) return step;
  return watchIfNext(deps, situation, lane.given + 1);
}

async function takeTurnOfWaiting(
  deps: LaneDeps,
  situation: Situation,
  { isFree, hasTime, sequence }: Prospect & { sequence: number },
): Promise<Step> {
  const { lane, headRecord, task, endpoint } = situation;
  if (!isFree) return watchIfNext(deps, situation, sequence);
  if (sequence !== headSequence(lane) + 1) return passTurn(deps, lane, headRecord, endpoint);
  if (!hasTime || isElsewhere(situation)) return wakeAgain(deps, situation, sequence);
  const claimed = claimWaiting(lane, headRecord, placeAt(sequence, task));
  return useTurn(deps, situation, { lane: claimed, seen: lane, write: deps.lanes.writeFromWaiting });
}

/**
 * Whether the queue that keeps order is no place for an attempt: one of a slow endpoint, or one that waits for its turn at the
 * rate of a backlog, would hold up the lanes of all others in its batch, and an invocation that others need.
 */
const isElsewhere = ({ channel, endpoint, task }: Situation): boolean =>
  channel === 'ordered' &&
  (isTroubled(endpoint?.health) || isOfBacklog(endpoint?.health, task.event.receivedAt));

async function wakeAgain(deps: LaneDeps, situation: Situation, sequence: number): Promise<Step> {
  const again = { ...situation.task, sequence, taskId: deps.newTaskId() };
  await wake(deps, again, isElsewhere(situation) ? 'slow' : 'ordered');
  return 'done';
}

/** It has lost its place, or never had one. It stays the same task, so that SQS drops a second one. */
async function sendForNumber(deps: LaneDeps, task: DeliveryTask): Promise<Step> {
  await wake(deps, task);
  return 'done';
}
