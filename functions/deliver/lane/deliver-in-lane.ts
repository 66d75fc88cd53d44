import type { DeliveryTask } from '../../../schemas/delivery.ts';
import {
  claimNew,
  claimWaiting,
  headSequence,
  isTurnTaken,
  placeAt,
  placeOf,
  willLookAgain,
} from '../../domain/lane.ts';
import { TowercastError } from '../../shared/errors.ts';
import { laneOf } from '../../shared/keys.ts';
import { isTurnFree, waitInLane } from '../../shared/lane-entry.ts';
import { passTurn, wake, type Step } from '../../shared/lane-turn.ts';
import { afterwards } from './afterwards.ts';
import { look, type LaneDeps, type Situation } from './situation.ts';
import { useTurn } from './use-turn.ts';
import { watch } from './watch.ts';

/** A lane changes under one's hands only when SQS gives its group to two invocations at a time. */
const maxTries = 5;

/**
 * One task of the queue that keeps order: at most one attempt, if it is the delivery's turn; else the delivery waits in
 * its lane. Without time for an attempt it waits too. Rejects when the task must be given again.
 */
export async function deliverInLane(deps: LaneDeps, task: DeliveryTask, hasTime: boolean): Promise<void> {
  for (let tries = 0; tries < maxTries; tries += 1)
    if ((await takeStep(deps, await look(deps, task), hasTime)) === 'done') return;
  throw new TowercastError('lane_contended', `${laneOf(task.event)} of ${task.endpointId} keeps changing`);
}

async function takeStep(deps: LaneDeps, situation: Situation, hasTime: boolean): Promise<Step> {
  const { lane, record, headRecord, task, endpoint } = situation;
  const place = placeOf(lane, record, task);
  switch (place.kind) {
    case 'past':
      return afterwards(deps, situation);
    case 'head':
      if (isTurnTaken(lane, record, deps.now())) return watch(deps, situation, headSequence(lane));
      if (!hasTime) return wakeAgain(deps, task, headSequence(lane));
      return useTurn(deps, situation, { lane, seen: lane, write: deps.lanes.write });
    case 'waiting':
    case 'new': {
      const isFree = await isTurnFree(deps, lane, headRecord, endpoint);
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
  if (step === 'contended' || isFree || willLookAgain(lane, headRecord, deps.now())) return step;
  return watch(deps, situation, lane.given + 1);
}

async function takeTurnOfWaiting(
  deps: LaneDeps,
  situation: Situation,
  { isFree, hasTime, sequence }: Prospect & { sequence: number },
): Promise<Step> {
  const { lane, headRecord, task, endpoint } = situation;
  if (!isFree) return willLookAgain(lane, headRecord, deps.now()) ? 'done' : watch(deps, situation, sequence);
  if (sequence !== headSequence(lane) + 1) return passTurn(deps, lane, headRecord, endpoint);
  if (!hasTime) return wakeAgain(deps, task, sequence);
  const claimed = claimWaiting(lane, headRecord, placeAt(sequence, task));
  return useTurn(deps, situation, { lane: claimed, seen: lane, write: deps.lanes.writeFromWaiting });
}

async function wakeAgain(deps: LaneDeps, task: DeliveryTask, sequence: number): Promise<Step> {
  await wake(deps, { ...task, sequence, taskId: deps.newTaskId() });
  return 'done';
}
