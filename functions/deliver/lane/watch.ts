import { isTroubled } from '../../domain/endpoint-health.ts';
import { isStuck } from '../../domain/lane.ts';
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
    await wakeHead(deps, lane, headRecord, task.partnerId);
  }
  const again = { ...task, sequence, taskId: deps.newTaskId() };
  const delaySeconds = Math.min(watchSeconds, deps.maxDelaySeconds);
  const via = isTroubled(endpoint?.health) ? 'slow' : 'live';
  await deps.tasks.send([{ task: again, delaySeconds, via }]);
  return 'done';
}
