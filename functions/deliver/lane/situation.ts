import type { DeliveryRecord, DeliveryTask } from '../../../schemas/delivery.ts';
import type { Lane } from '../../../schemas/lane.ts';
import { laneOf } from '../../shared/keys.ts';
import { readHead } from '../../shared/lane-entry.ts';
import type { LaneTurnDeps } from '../../shared/lane-turn.ts';
import type { Channel } from '../../shared/queue.ts';
import type { DeliverDeps, Destination } from '../delivery.ts';
import type { HandOver } from './hand-over.ts';

export interface LaneDeps extends DeliverDeps, Pick<LaneTurnDeps, 'lanes' | 'events'> {
  /** What had its turn and is given more often goes to the DLQ. */
  maxReceiveCount: number;
  handOver: HandOver;
}

/** What is known when a task comes up. */
export interface Situation {
  task: DeliveryTask;
  /** Over which queue it came: `ordered`, or `slow` with its number. */
  channel: Channel;
  endpoint: Destination['endpoint'];
  lane: Lane;
  /** Of the task's delivery. */
  record: DeliveryRecord | null;
  /** Of the lane's head. */
  headRecord: DeliveryRecord | null;
}

export async function look(
  deps: LaneDeps,
  { task, channel }: Pick<Situation, 'task' | 'channel'>,
): Promise<Situation> {
  const [endpoint, standing] = await Promise.all([deps.endpoints.get(task), readStanding(deps, task)]);
  return { task, channel, endpoint, ...standing };
}

/**
 * The lane before the records: who had its place in a lane that was read has it still, or is on record as further. The
 * other way round, a delivery that is over by now could be taken for a new one, and be sent after those that followed it.
 */
async function readStanding(
  deps: LaneDeps,
  task: DeliveryTask,
): Promise<Pick<Situation, 'lane' | 'record' | 'headRecord'>> {
  const lane = await readLane(deps, task);
  const isHead = lane.head?.eventId === task.event.id;
  const [record, other] = await Promise.all([deps.store.get(task), isHead ? null : readHead(deps, lane)]);
  return { lane, record, headRecord: isHead ? record : other };
}

export const readLane = ({ lanes }: LaneDeps, { endpointId, event }: DeliveryTask): Promise<Lane> =>
  lanes.read({ endpointId, subject: laneOf(event) });
