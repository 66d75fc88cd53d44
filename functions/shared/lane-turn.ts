import { createHash } from 'node:crypto';
import { expresses } from '../../schemas/contract-events.ts';
import type { DeliveryRecord, DeliveryTask, Replay } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { Lane, LanePlace, WaitingInLane } from '../../schemas/lane.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { claimWaiting, headSequence, isOfHead, replaceHead } from '../domain/lane.ts';
import { sequenceSkipped } from '../domain/operational-event.ts';
import { isSampleId } from '../domain/sample-event.ts';
import { expiredRecord, noticeOf, recordOfTask } from './delivery-record.ts';
import type { DeliveryStore } from './delivery-store.ts';
import type { EventReader } from './event-reader.ts';
import { laneOfId } from './keys.ts';
import type { LaneStore } from './lane-store.ts';
import type { TaskSender } from './queue.ts';

export interface LaneTurnDeps {
  lanes: LaneStore;
  store: Pick<DeliveryStore, 'get' | 'advance'>;
  /** For what has waited: a lane knows its events by id. */
  events: Pick<EventReader, 'get'>;
  tasks: TaskSender;
  metrics: { addMetric(name: string, unit: 'Count', value: number): unknown };
  now: () => number;
  /** Who hears of dead deliveries besides the partner. */
  operatorPartnerId: string | null;
  /** Of deliveries, from the receipt of their events. */
  retentionDays: number;
}

/** `contended`: the lane has changed meanwhile, so that all is to be read and decided again. */
export type Step = 'done' | 'contended';

/** What says that a delivery was given up, and at whose endpoint. */
interface Skipped {
  event: DomainEvent;
  partnerId: string;
}

/**
 * What says that this delivery was given up; null when it was not, nobody can or need be told, or the contract can't say it.
 * Its id follows from the record, so that it is the same event each time.
 */
export function skipOf(
  record: DeliveryRecord | null,
  endpoint: Pick<Endpoint, 'contract'> | null,
): Skipped | null {
  if (record?.status !== 'dead' || record.sequence === undefined || endpoint === null) return null;
  // Who tries an endpoint with a sample has the answer of that.
  if (record.event.type === 'sequence.skipped' || isSampleId(record.event.id)) return null;
  const now = record.attempts.at(-1)?.at ?? record.event.receivedAt;
  const lane = laneOfId(record.event.id) ?? '';
  const event = sequenceSkipped({ ...record, sequence: record.sequence }, { lane, now });
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
    return wakeNext(deps, { lane, overRecord: headRecord, endpoint });
  const isTold = lane.head?.eventId === skipped.event.id;
  const replaced = isTold ? lane : replaceHead(lane, skipped.event);
  if (!isTold) {
    if ((await deps.lanes.writeWithEvent({ lane: replaced, seen: lane }, skipped.event)) === 'contended')
      return 'contended';
    deps.metrics.addMetric('SequencesSkipped', 'Count', 1);
  }
  const { event, partnerId } = skipped;
  await wake(deps, taskOfHead(replaced, event, { partnerId, replay: null, attempts: [] }));
  return 'done';
}

/** A head whose task may have come to nothing, and whose it is. */
interface LostHead {
  lane: Lane;
  headRecord: DeliveryRecord | null;
  endpoint: Pick<Endpoint, 'contract'> | null;
  partnerId: string;
}

/**
 * Sends a task of the head's that may never have been sent. One too many finds it further. Without its event nobody can
 * send it any more, so it is over.
 */
export async function wakeHead(
  deps: LaneTurnDeps,
  { lane, headRecord, endpoint, partnerId }: LostHead,
): Promise<void> {
  const { head } = lane;
  if (head === null) return;
  const { sequence, replay } = head;
  const event = await deps.events.get(head.eventId);
  if (event !== null) {
    const attempts = headRecord?.attempts ?? [];
    await wake(deps, taskOfHead(lane, event, { partnerId, replay, attempts }));
    return;
  }
  // What left no record either is forgotten at the end of its retention.
  if (headRecord !== null) await writeExpired(deps, { ...headRecord, sequence, replay }, endpoint);
}

function taskOfHead(
  lane: Lane,
  event: DomainEvent,
  { replay, ...rest }: Pick<DeliveryTask, 'partnerId' | 'attempts'> & { replay: Replay | null },
): DeliveryTask {
  const sequence = headSequence(lane);
  const taskId = turnId({ ...lane, head: null }, { sequence, eventId: event.id });
  const task = {
    v: 1 as const,
    taskId,
    endpointId: lane.endpointId,
    event,
    sequence,
    ...rest,
  };
  return replay === null ? task : { ...task, replay };
}

/**
 * Names a turn by what comes before it and whose it is. SQS drops what has a name that it has seen within five minutes:
 * however many ask for one turn, there is one task. A head that was over and goes on after all has another turn.
 */
const turnId = (
  { endpointId, subject, head, turn }: Lane,
  { sequence, eventId }: Pick<LanePlace, 'sequence' | 'eventId'>,
): string => {
  const before = `${head?.sequence} ${head?.eventId} ${turn?.until}`;
  const name = `${endpointId} ${subject} ${before} ${sequence} ${eventId}`;
  return `turn-${createHash('sha256').update(name).digest('base64url')}`;
};

/**
 * Sends a task of its own, which comes after all that is in the lane's group by now. `slow`: one that has its number may
 * have its turn there.
 */
export const wake = (
  { tasks }: Pick<LaneTurnDeps, 'tasks'>,
  task: DeliveryTask,
  via: 'ordered' | 'slow' = 'ordered',
): Promise<void> => tasks.send([{ task, delaySeconds: 0, via }]);

/** A lane whose head is over. */
interface Over {
  lane: Lane;
  /** Of the head. */
  overRecord: DeliveryRecord | null;
  endpoint: Pick<Endpoint, 'contract'> | null;
}

/** What waits in a lane, as it stands now. */
interface Next {
  waiting: WaitingInLane;
  event: DomainEvent | null;
  record: DeliveryRecord | null;
}

async function wakeNext(deps: LaneTurnDeps, over: Over): Promise<Step> {
  const { lane } = over;
  if (lane.given === headSequence(lane)) return 'done';
  const next = await readWaiting(deps, lane, headSequence(lane) + 1);
  // Somebody has just taken the turn.
  if (next === null) return 'contended';
  const { event } = next;
  if (event === null || !isWaiting(next)) return passOver(deps, over, next);
  await wake(deps, taskOf(lane, event, next));
  return 'done';
}

async function readWaiting(deps: LaneTurnDeps, lane: Lane, sequence: number): Promise<Next | null> {
  const waiting = await deps.lanes.waiting(lane, sequence);
  if (waiting === null) return null;
  const { eventId, receivedAt } = waiting;
  const [event, record] = await Promise.all([
    deps.events.get(eventId),
    deps.store.get({ endpointId: lane.endpointId, event: { id: eventId, receivedAt } }),
  ]);
  return { waiting, event, record };
}

/**
 * Has one that waits look at the lane's head in a while: for who is about to end the head, and may die before the turn is
 * passed on. The first whose event is there, since without it there is no task.
 */
export async function lookOut(deps: LaneTurnDeps, lane: Lane): Promise<void> {
  const first = headSequence(lane) + 1;
  for (let sequence = first; sequence <= Math.min(lane.given, first + maxLookedAt); sequence += 1) {
    const waits = await readWaiting(deps, lane, sequence);
    if (waits === null || waits.event === null) continue;
    const task = taskOf(lane, waits.event, waits);
    // Each time another one: SQS must not take it for an earlier look.
    const look = { ...task, taskId: `look-${deps.now()}-${task.taskId}` };
    await deps.tasks.send([{ task: look, delaySeconds: lookOutSeconds, via: 'live' }]);
    return;
  }
}

/** By then the turn was passed on, as a rule. */
const lookOutSeconds = 60;
const maxLookedAt = 25;

const isWaiting = ({ waiting, record }: Next): boolean =>
  record?.status === 'pending' && record.sequence === waiting.sequence;

function taskOf(lane: Lane, event: DomainEvent, { waiting, record }: Next): DeliveryTask {
  const { endpointId } = lane;
  const { partnerId, sequence, replay } = waiting;
  const attempts = record?.attempts ?? [];
  const taskId = turnId(lane, waiting);
  const task = { v: 1 as const, taskId, partnerId, endpointId, event, attempts, sequence };
  return replay === null ? task : { ...task, replay };
}

/**
 * What should have the next turn can't take it: its event or its record was cleaned up, or another chain of the same
 * delivery, from before the lane, has written a record without this number. Nobody else would claim the number, so it
 * is claimed here. A chain that goes on comes into the lane with it.
 */
async function passOver(deps: LaneTurnDeps, over: Over, next: Next): Promise<Step> {
  const { lane, overRecord, endpoint } = over;
  const { waiting, event } = next;
  const record = await settleExpired(deps, over, next);
  if (record === 'changed') return wakeNext(deps, over);
  const { partnerId, ...place } = waiting;
  // The number goes to whatever run is on record now: that tells whether it is over.
  const replay = record === null ? place.replay : record.replay;
  const claimed = claimWaiting(lane, overRecord, { ...place, replay });
  if ((await deps.lanes.writeFromWaiting({ lane: claimed, seen: lane })) === 'contended') return 'contended';
  // Without an event the next one is woken to watch it.
  if (event === null || record?.status !== 'pending' || !isOfHead(claimed, record))
    return passTurn(deps, claimed, record, endpoint);
  await wakeHead(deps, { lane: claimed, headRecord: record, endpoint, partnerId });
  return 'done';
}

/** The record of what can't take its turn: over, if it has waited for longer than events or records are kept. */
async function settleExpired(
  deps: LaneTurnDeps,
  { lane, endpoint }: Over,
  next: Next,
): Promise<DeliveryRecord | 'changed' | null> {
  const { event, record } = next;
  if (record !== null && !isWaiting(next)) return record;
  const waited = record ?? (event === null ? null : behind(taskOf(lane, event, next)));
  // Nothing is left that could be told of.
  if (waited === null) return null;
  return writeExpired(deps, waited, endpoint);
}

/** What nobody can send any more is over, which is told. `changed`: somebody has written its record meanwhile. */
async function writeExpired(
  deps: LaneTurnDeps,
  record: DeliveryRecord,
  endpoint: Over['endpoint'],
): Promise<DeliveryRecord | 'changed'> {
  const expired = expiredRecord(record, endpoint);
  const { operatorPartnerId, now } = deps;
  const notice = noticeOf(expired, { operatorPartnerId, now: instantFromMs(now()) });
  const outcome = await deps.store.advance(expired, expired.attempts.length + 1, notice);
  if (outcome.kind === 'behind') return 'changed';
  if (expired.status === 'dead') deps.metrics.addMetric('DeliveriesDead', 'Count', 1);
  return expired;
}

/** The record of what waits in its lane. */
export const behind = (task: DeliveryTask): DeliveryRecord =>
  recordOfTask(task, {
    status: 'pending',
    reason: 'behind',
    attempts: task.attempts,
    dueAt: null,
    waitsFor: 'time',
  });
