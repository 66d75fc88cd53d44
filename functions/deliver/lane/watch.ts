import { isTroubled } from '../../domain/endpoint-health.ts';
import { headSequence, isStuck, willLookAgain } from '../../domain/lane.ts';
import { wakeHead, type Step } from '../../shared/lane-turn.ts';
import type { LaneDeps, Situation } from './situation.ts';

/** When to look again after a head that should be under way, and is not seen to be. */
const watchSeconds = 30;

/**
 * The head's task may have come to nothing: this one looks again when that would show. What waits behind it is due at no
 * time, and so in no other alarm's sight: a lane that stands still for long is told of here, and its head is woken.
 */
export async function watch(deps: LaneDeps, situation: Situation, sequence: number): Promise<Step> {
  const { task, endpoint, lane, headRecord } = situation;
  deps.metrics.addMetric('LanesWatched', 'Count', 1);
  if (isStuck(lane, headRecord, deps.now())) {
    deps.metrics.addMetric('LanesStuck', 'Count', 1);
    const { endpointId, subject, head } = lane;
    deps.logger.error('lane stuck', { endpointId, subject, head });
    await wakeHead(deps, { lane, headRecord, endpoint, partnerId: task.partnerId });
  }
  const again = { ...task, sequence, taskId: deps.newTaskId() };
  const delaySeconds = Math.min(watchSeconds, deps.maxDelaySeconds);
  const via = isTroubled(endpoint?.health) ? 'slow' : 'live';
  await deps.tasks.send([{ task: again, delaySeconds, via }]);
  return 'done';
}

/**
 * A waiting delivery must look again, lest nobody sees that the head is over. Who waits behind another one needn't: that one
 * knows of it when it takes its turn, and wakes it at its end. So a lane has one that looks, however many wait: the task with
 * the next number, whatever has become of its delivery meanwhile.
 */
export async function watchIfNext(deps: LaneDeps, situation: Situation, sequence?: number): Promise<Step> {
  const { lane, headRecord, task } = situation;
  const next = headSequence(lane) + 1;
  const isNext = sequence === next || (task.sequence === next && next <= lane.given);
  return isNext && !willLookAgain(lane, headRecord, deps.now()) ? watch(deps, situation, next) : 'done';
}
