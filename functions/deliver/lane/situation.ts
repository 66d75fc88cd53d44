import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import type { Lane } from '../../../schemas/lane.ts';
import { laneOf } from '../../shared/keys.ts';
import type { LaneTurnDeps } from '../../shared/lane-turn.ts';
import type { DeliverDeps, Destination } from '../delivery.ts';

export interface LaneDeps extends DeliverDeps, Pick<LaneTurnDeps, 'lanes' | 'events' | 'retentionDays'> {
  /** One attempt, from its start to the end of the response. */
  attemptTimeoutMs: number;
}

/** What is known when a task comes up. */
export interface Situation {
  task: DeliveryTask;
  endpoint: Destination['endpoint'];
  lane: Lane;
  /** Of the task's delivery. */
  record: DeliveryRecord | null;
}

export async function look(deps: LaneDeps, task: DeliveryTask): Promise<Situation> {
  const { endpointId, event } = task;
  const [endpoint, lane, record] = await Promise.all([
    deps.endpoints.get(task),
    deps.lanes.read({ endpointId, subject: laneOf(event) }),
    deps.store.get(task),
  ]);
  return { task, endpoint, lane, record };
}
