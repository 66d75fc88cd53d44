import { createHash } from 'node:crypto';
import { expresses } from '../../schemas/contract-events.ts';
import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { Lane, WaitingInLane } from '../../schemas/lane.ts';
import { claimWaiting, headSequence, replaceHead } from '../domain/lane.ts';
import { sequenceSkipped } from '../domain/operational-event.ts';
import type { DeliveryStore } from './delivery-store.ts';
import type { EventReader } from './event-reader.ts';
import type { LaneStore, LaneWrite } from './lane-store.ts';
import type { TaskSender } from './queue.ts';

export interface LaneTurnDeps {
  lanes: LaneStore;
  store: Pick<DeliveryStore, 'get' | 'advance'>;
  /** For what has waited: a lane knows its events by id. */
  events: Pick<EventReader, 'get'>;
  tasks: TaskSender;
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
  now: () => number;
  /** Of deliveries, from the receipt of their events. */
  retentionDays: number;
}

/** `contended`: the lane has changed meanwhile, so that all is to be read and decided again. */
export type Step = 'done' | 'contended';

const stepOf = (written: LaneWrite): Step => (written === 'written' ? 'done' : 'contended');

/** What says that a delivery was given up, and at whose endpoint. */
interface Skipped {
  event: DomainEvent;
  partnerId: string;
}

/**
 * What says that this delivery was given up; null when it was not, nobody can be told, or the contract can't say it.
 * Its id follows from the record, so that it is the same event each time.
 */
export function skipOf(
  record: DeliveryRecord | null,
  endpoint: Pick<Endpoint, 'contract'> | null,
): Skipped | null {
  if (record?.status !== 'dead' || record.sequence === undefined || endpoint === null) return null;
  if (record.event.type === 'sequence.skipped') return null;
  const at = record.attempts.at(-1)?.at ?? record.event.receivedAt;
  const event = sequenceSkipped({ ...record, sequence: record.sequence }, at);
  return expresses(endpoint.contract, event) ? { event, partnerId: record.partnerId } : null;
}

/**
 * The turn of the lane's head is over, as its record says: what says that it was given up takes its place, else what
 * waits next is woken. The turn itself is taken by the woken task, so that once too often does no harm.
 */
export async function passTurn(
  deps: LaneTurnDeps,
  lane: Lane,
  headRecord: DeliveryRecord | null,
  endpoint: Pick<Endpoint, 'contract'> | null,
): Promise<Step> {
  const skipped = skipOf(headRecord, endpoint);
  if (skipped === null || headRecord?.sequence !== lane.head?.sequence)
    return wakeNext(deps, lane, headRecord);
  if (lane.head?.eventId !== skipped.event.id) {
    const change = { lane: replaceHead(lane, skipped.event), seen: lane };
    if ((await deps.lanes.writeWithEvent(change, skipped.event)) === 'contended') return 'contended';
    deps.metrics.addMetric('SequencesSkipped', 'Count', 1);
  }
  const { event, partnerId } = skipped;
  const { endpointId } = lane;
  const taskId = turnId({ ...lane, head: null }, event.id);
  await wake(deps, {
    v: 1,
    taskId,
    partnerId,
    endpointId,
    event,
    attempts: [],
    sequence: headSequence(lane),
  });
  return 'done';
}

/**
 * Names a turn by what comes before it and whose it is. SQS drops what has a name that it has seen within five minutes:
 * however many ask for one turn, there is one task.
 */
const turnId = ({ endpointId, subject, head }: Lane, eventId: string): string => {
  const name = `${endpointId} ${subject} ${head?.sequence} ${head?.eventId} ${eventId}`;
  return `turn-${createHash('sha256').update(name).digest('base64url')}`;
};

/** Sends a task of its own, which comes after all that is in the lane's group by now. */
export const wake = ({ tasks }: Pick<LaneTurnDeps, 'tasks'>, task: DeliveryTask): Promise<void> =>
  tasks.send([{ task, delaySeconds: 0, via: 'ordered' }]);

async function wakeNext(deps: LaneTurnDeps, lane: Lane, overRecord: DeliveryRecord | null): Promise<Step> {
  if (lane.given === headSequence(lane)) return 'done';
  const waiting = await deps.lanes.waiting(lane, headSequence(lane) + 1);
  // Somebody has just taken the turn.
  if (waiting === null) return 'contended';
  const { endpointId } = lane;
  const { eventId, receivedAt, partnerId, sequence, replay } = waiting;
  const [event, record] = await Promise.all([
    deps.events.get(eventId),
    deps.store.get({ endpointId, event: { id: eventId, receivedAt } }),
  ]);
  if (event === null) return passOver(deps, { lane, overRecord, waiting, record });
  const attempts = record?.attempts ?? [];
  const task = {
    v: 1 as const,
    taskId: turnId(lane, eventId),
    partnerId,
    endpointId,
    event,
    attempts,
    sequence,
  };
  await wake(deps, replay === null ? task : { ...task, replay });
  return 'done';
}

interface Unknown {
  lane: Lane;
  overRecord: DeliveryRecord | null;
  waiting: WaitingInLane;
  record: DeliveryRecord | null;
}

/** It has waited for longer than events are kept: it is dead, and must not hold up the others. */
async function passOver(deps: LaneTurnDeps, { lane, overRecord, waiting, record }: Unknown): Promise<Step> {
  if (record?.status === 'pending') {
    const dead = { ...record, status: 'dead' as const, reason: 'event_expired', dueAt: null };
    await deps.store.advance(dead, record.attempts.length + 1);
  }
  const { partnerId: _, ...place } = waiting;
  const next = claimWaiting(lane, overRecord, place);
  const step = stepOf(await deps.lanes.writeFromWaiting({ lane: next, seen: lane }));
  return step === 'contended' ? step : wakeNext(deps, next, null);
}
