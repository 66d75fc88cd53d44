import type { Step } from '../../shared/lane-turn.ts';
import type { LaneDeps, Situation } from './situation.ts';

/** When to look again after a head that should be under way, and is not seen to be. */
const watchSeconds = 30;

/** The head's task may have come to nothing: this one looks again when that would show. */
export async function watch(deps: LaneDeps, { task }: Situation, sequence: number): Promise<Step> {
  deps.metrics.addMetric('LanesWatched', 'Count', 1);
  const again = { ...task, sequence, taskId: deps.newTaskId() };
  await deps.tasks.send([{ task: again, delaySeconds: Math.min(watchSeconds, deps.maxDelaySeconds) }]);
  return 'done';
}
