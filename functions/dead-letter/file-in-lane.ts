import { createHash } from 'node:crypto';
import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Lane } from '../../schemas/lane.ts';
import {
  claimNew,
  claimWaiting,
  headSequence,
  isOfHead,
  isTurnTaken,
  laneGraceMs,
  placeAt,
  placeOf,
  takeTurn,
  willLookAgain,
  type Place,
} from '../domain/lane.ts';
import { isOutcomeOf, successorOf } from '../shared/delivery-record.ts';
import { TowercastError } from '../shared/errors.ts';
import { laneOf } from '../shared/keys.ts';
import { isHeadDone, isTurnFree, readHead, waitInLane } from '../shared/lane-entry.ts';
import type { LaneStore } from '../shared/lane-store.ts';
import { passTurn, wake, type LaneTurnDeps } from '../shared/lane-turn.ts';
import { fileDelivery, type Filed, type FileDeliveryDeps } from './file-delivery.ts';

export type FileInLaneDeps = FileDeliveryDeps & LaneTurnDeps;

/** A task that could not be processed, and where it was to go; null when there is no such endpoint; outside of lanes also when it can't be read. */
export interface FailedTask {
  task: DeliveryTask;
  endpoint: Endpoint | null;
  scheduleSeconds: readonly number[];
}

interface Seen {
  lane: Lane;
  record: DeliveryRecord | null;
}

const maxTries = 5;
/** Filing takes less. */
const filingMs = 10_000;

/**
 * Files a task of a lane that the function could not process. The delivery has its place in the lane already, or gets
 * it now: what comes after it must wait. Its next attempt is due by its schedule; if it has none left, the lane goes on.
 */
export async function fileInLane(deps: FileInLaneDeps, failed: FailedTask): Promise<Filed> {
  const { task } = failed;
  const ref = { endpointId: task.endpointId, subject: laneOf(task.event) };
  for (let tries = 0; tries < maxTries; tries += 1) {
    // The lane first: a delivery that was over before it was read is on record as that.
    const lane = await deps.lanes.read(ref);
    const record = await deps.store.get(task);
    const filed = await tryToFile(deps, { lane, record }, failed);
    if (filed !== 'contended') return filed;
  }
  throw new TowercastError('lane_contended', `${ref.subject} of ${ref.endpointId} keeps changing`);
}

async function tryToFile(deps: FileInLaneDeps, seen: Seen, failed: FailedTask): Promise<Filed | 'contended'> {
  const { lane, record } = seen;
  const { task, endpoint } = failed;
  const place = placeOf(lane, record, task);
  if (place.kind === 'past') return takeUp(deps, seen, failed);
  // Whoever has the turn may have lost this task to the DLQ only because SQS was impatient. It stays there till then.
  if (place.kind === 'head' && isTurnTaken(lane, record, deps.now()))
    throw new TowercastError('turn_taken', `${task.event.id} is being delivered`);
  const claimed = await claim(deps, { lane, place }, failed);
  if (claimed === 'contended') return 'contended';
  if (claimed === 'waits') return 'dropped';
  const filed = await fileDelivery(deps, { ...task, sequence: headSequence(claimed) }, failed);
  if (filed === 'rescheduled' || filed === 'dropped') return filed;
  const step = await passTurn(deps, claimed, await deps.store.get(task), endpoint);
  // Read again, it is found dead, and the rest is done.
  return step === 'contended' ? step : filed;
}

/** The function may have died between the record and the next one's turn; and so may this one have. */
async function takeUp(
  deps: FileInLaneDeps,
  { lane, record }: Seen,
  { task, endpoint }: FailedTask,
): Promise<Filed | 'contended'> {
  const isHead = isOfHead(lane, record);
  // Made before its endpoint asked for order: what follows brings it into the lane.
  if (!isHead && isOutcomeOf(task, record) && record.status === 'pending' && record.dueAt === null)
    await wakeAgain(deps, { ...task, attempts: record.attempts });
  const headRecord = isHead ? record : await readHead(deps, lane);
  const isOver =
    (isHead && record?.status !== 'pending') ||
    (await isHeadDone(deps, { lane, headRecord, endpoint, partnerId: task.partnerId }));
  if (isOver)
    return (await passTurn(deps, lane, headRecord, endpoint)) === 'contended' ? 'contended' : 'dropped';
  if (isHead && record?.taskId === task.taskId && isOverdue(record, deps.now()))
    await wakeAgain(deps, { ...task, attempts: record.attempts, sequence: headSequence(lane) });
  return 'dropped';
}

/** What came next should have been sent by now. `timers` would have it too, but later. */
const isOverdue = ({ dueAt, waitsFor }: DeliveryRecord, nowMs: number): boolean =>
  dueAt !== null && waitsFor === 'time' && instantToMs(dueAt) - laneGraceMs <= nowMs;

/** However often this is filed, it is one task: SQS knows its name. */
const wakeAgain = (deps: LaneTurnDeps, task: DeliveryTask): Promise<void> => {
  const name = createHash('sha256').update(task.taskId).digest('base64url');
  return wake(deps, successorOf(task, { taskId: `again-${name}`, attempts: task.attempts }));
};

/** Who is at the head may have looked before this one came to wait, and nobody else would look for it. */
async function lookLater(
  deps: FileInLaneDeps,
  { lane, headRecord, task, sequence }: Claimant,
): Promise<void> {
  if (!willLookAgain(lane, headRecord, deps.now())) await wakeAgain(deps, { ...task, sequence });
}

interface Claimant {
  lane: Lane;
  headRecord: DeliveryRecord | null;
  task: DeliveryTask;
  sequence: number;
}

interface Standing {
  lane: Lane;
  place: Exclude<Place, { kind: 'past' }>;
}

/**
 * The lane with this delivery as its head, and the turn: no attempt may begin while it is filed. `waits`: it is not its
 * turn.
 */
async function claim(
  deps: FileInLaneDeps,
  { lane, place }: Standing,
  { task, endpoint }: FailedTask,
): Promise<Lane | 'waits' | 'contended'> {
  const take = async (next: Lane, write: LaneStore['write']) => {
    const taken = takeTurn(next, task.attempts.length + 1, deps.now() + filingMs);
    return (await write({ lane: taken, seen: lane })) === 'written' ? taken : 'contended';
  };
  if (place.kind === 'head') return take(lane, deps.lanes.write);
  const headRecord = await readHead(deps, lane);
  const isFree = await isTurnFree(deps, { lane, headRecord, endpoint, partnerId: task.partnerId });
  if (isFree === 'contended') return 'contended';
  if (place.kind === 'new') {
    const isNext = isFree && lane.given === headSequence(lane);
    if (isNext) return take(claimNew(lane, headRecord, task), deps.lanes.write);
    const step = await waitInLane(deps, { lane, headRecord, isFree, task, endpoint });
    if (step === 'contended') return 'contended';
    if (!isFree) await lookLater(deps, { lane, headRecord, task, sequence: lane.given + 1 });
    return 'waits';
  }
  const { sequence } = place;
  if (!isFree) {
    await lookLater(deps, { lane, headRecord, task, sequence });
    return 'waits';
  }
  if (sequence !== headSequence(lane) + 1)
    return (await passTurn(deps, lane, headRecord, endpoint)) === 'done' ? 'waits' : 'contended';
  return take(claimWaiting(lane, headRecord, placeAt(sequence, task)), deps.lanes.writeFromWaiting);
}
