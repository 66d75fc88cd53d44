import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import { instantToMs } from '../../../schemas/instant.ts';
import { isOfHead, laneGraceMs } from '../../domain/lane.ts';
import { successorOf } from '../../shared/delivery-record.ts';
import { isHeadDone } from '../../shared/lane-entry.ts';
import { passTurn, type Step } from '../../shared/lane-turn.ts';
import { scheduleFor } from '../../shared/retry-schedule.ts';
import { settlementDeps } from '../delivery.ts';
import { resume } from '../settlement.ts';
import type { LaneDeps, Situation } from './situation.ts';
import { watch, watchIfNext } from './watch.ts';

/**
 * It is on record what came of this task, but whoever wrote that may have died before the end: what may be missing is
 * done again, here or by the next who comes. That may be another delivery's turn, too.
 */
export async function afterwards(deps: LaneDeps, situation: Situation): Promise<Step> {
  const { task, endpoint, lane, record, headRecord } = situation;
  // Made before its endpoint asked for order: what follows brings it into the lane, and may not have been sent.
  if (record?.sequence === undefined)
    await resume(settlementDeps(deps, scheduleFor(endpoint, deps.config)), task, record);
  const isHead = isOfHead(lane, record);
  if (!isHead) deps.metrics.addMetric('ChainsDropped', 'Count', 1);
  // What stands in its place may not have been sent.
  if (isHead && record?.status !== 'pending') return passTurn(deps, lane, record, endpoint);
  if (await isHeadDone(deps, { lane, headRecord, endpoint, partnerId: task.partnerId }))
    return passTurn(deps, lane, headRecord, endpoint);
  if (record === null || lane.head?.eventId !== task.event.id) return watchIfNext(deps, situation);
  if (record.sequence === lane.head.sequence) {
    if (record.taskId === task.taskId) await sendSuccessor(deps, task, record);
    return 'done';
  }
  // What goes on outside of its lane, as its endpoint wanted no order, wakes nobody when it is over.
  return lane.given > lane.head.sequence ? watch(deps, situation, lane.head.sequence) : 'done';
}

/** It may never have been sent. One too many does nothing, and without any `timers` would come, later. */
async function sendSuccessor(deps: LaneDeps, task: DeliveryTask, record: DeliveryRecord): Promise<void> {
  if (record.dueAt === null || record.waitsFor === 'endpoint') return;
  const dueMs = instantToMs(record.dueAt) - laneGraceMs - deps.now();
  const delaySeconds = Math.max(0, Math.ceil(dueMs / 1_000));
  // `timers` has it.
  if (delaySeconds > deps.maxDelaySeconds) return;
  const { attempts, sequence } = record;
  const next = successorOf(task, { taskId: deps.newTaskId(), attempts });
  const place = sequence === undefined ? {} : { sequence };
  await deps.tasks.send([{ task: { ...next, ...place }, delaySeconds }]);
}
