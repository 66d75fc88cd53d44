import { createHash } from 'node:crypto';
import { isTroubled } from '../../domain/endpoint-health.ts';
import { isStuck } from '../../domain/lane.ts';
import { wake, type Step } from '../../shared/lane-turn.ts';
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
    await wakeHead(deps, situation);
  }
  const again = { ...task, sequence, taskId: deps.newTaskId() };
  const delaySeconds = Math.min(watchSeconds, deps.maxDelaySeconds);
  const via = isTroubled(endpoint?.health) ? 'slow' : 'live';
  await deps.tasks.send([{ task: again, delaySeconds, via }]);
  return 'done';
}

/** However many look, it is one task as long as nothing changes: SQS knows its name. */
async function wakeHead(deps: LaneDeps, { task: { partnerId }, lane, headRecord }: Situation): Promise<void> {
  const { endpointId, subject, version, head } = lane;
  if (head === null) return;
  const event = await deps.events.get(head.eventId);
  // What was cleaned up is forgotten at the end of its retention.
  if (event === null) return;
  const name = createHash('sha256').update(`${endpointId} ${subject} ${version}`).digest('base64url');
  const { sequence, replay } = head;
  const attempts = headRecord?.attempts ?? [];
  const task = { v: 1 as const, taskId: `stuck-${name}`, partnerId, endpointId, event, attempts, sequence };
  await wake(deps, replay === null ? task : { ...task, replay });
}
