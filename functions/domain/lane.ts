import type { DeliveryRecord, DeliveryTask, Replay } from '../../schemas/delivery.ts';
import type { Lane, LanePlace } from '../../schemas/lane.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';

/** Where a task's delivery stands in its lane. */
export type Place =
  /** It is on record what came of this task, or the delivery is further. */
  { kind: 'past' } | { kind: 'head' } | { kind: 'waiting'; sequence: number } | { kind: 'new' };

export const newLane = (endpointId: string, subject: string): Lane => ({
  endpointId,
  subject,
  version: 0,
  given: 0,
  acknowledged: 0,
  head: null,
  turn: null,
});

type TaskInLane = Pick<DeliveryTask, 'taskId' | 'attempts' | 'replay'> & { event: { id: string } };

/** `record` is the delivery's, or null. */
export function placeOf(lane: Lane, record: DeliveryRecord | null, task: TaskInLane): Place {
  if (record !== null && isPast(record, task)) return { kind: 'past' };
  if (record?.status === 'pending' && record.sequence !== undefined) {
    const { sequence } = record;
    if (sequence === lane.head?.sequence) return { kind: 'head' };
    return sequence > headSequence(lane) ? { kind: 'waiting', sequence } : { kind: 'past' };
  }
  if (!isOf(lane.head, task)) return { kind: 'new' };
  // A crash may have come between the claim and the first record.
  return isHeadAcknowledged(lane) ? { kind: 'past' } : { kind: 'head' };
}

/** Whether it is on record what came of a task, or its delivery is further. */
export function isPast(record: DeliveryRecord, { taskId, attempts, replay }: TaskInLane): boolean {
  if (record.attempts.length > attempts.length || isLaterRun(record.replay, replay ?? null)) return true;
  if (record.status === 'pending') return false;
  // What was held before its first attempt, and is asked for again, has no more attempts than before.
  const isOfThisRun = replay === undefined || isSameRun(record.replay, replay);
  return isOfThisRun || record.attempts.length < attempts.length || record.taskId === taskId;
}

const isOf = (head: LanePlace | null, { event, replay }: TaskInLane): boolean =>
  head?.eventId === event.id && isSameRun(head.replay, replay ?? null);

const isSameRun = (a: Replay | null, b: Replay | null): boolean =>
  a?.redriveId === b?.redriveId && a?.attemptsBefore === b?.attemptsBefore;

/** Whether run `a` of a delivery began after run `b`: the first one is null. */
const isLaterRun = (a: Replay | null, b: Replay | null): boolean =>
  (a?.attemptsBefore ?? -1) > (b?.attemptsBefore ?? -1);

export const headSequence = ({ head }: Lane): number => head?.sequence ?? 0;

/**
 * Whether a record is that of the lane's head, or of what the head stands in the place of. Another chain, of before the
 * lane, gave it no number.
 */
export function isOfHead({ head }: Lane, record: DeliveryRecord | null): boolean {
  if (head === null || record === null) return false;
  if (record.sequence !== undefined) return record.sequence === head.sequence;
  return record.event.id === head.eventId && isSameRun(record.replay, head.replay);
}

/** As its record had it, whatever has become of that since. */
const isHeadAcknowledged = (lane: Lane): boolean => lane.acknowledged >= headSequence(lane);

/** Whether the turn of the lane's head is over, by the head's record. */
export function isHeadOver(lane: Lane, record: DeliveryRecord | null, nowMs: number): boolean {
  if (lane.head === null || isHeadAcknowledged(lane)) return true;
  if (record === null) return false;
  if ((record.sequence ?? 0) > lane.head.sequence || isOverwritten(lane, record, nowMs)) return true;
  return record.status !== 'pending' && isOfHead(lane, record);
}

/**
 * Whether the record of the head's delivery was written by somebody else since: by a run that was asked for while its endpoint
 * wanted no order, by an older chain that delivered it after all, or under an earlier number of the same run. The head's
 * own task is dropped then. Where the other one may have begun before the head's was over, an attempt of its turn may last.
 */
function isOverwritten({ head, turn }: Lane, record: DeliveryRecord, nowMs: number): boolean {
  const { event, replay, attempts, status, sequence } = record;
  if (head === null || event.id !== head.eventId || sequence === head.sequence) return false;
  const isSince = isSameRun(replay, head.replay)
    ? status !== 'pending'
    : !isLaterRun(head.replay, replay) || attempts.length < (head.replay?.attemptsBefore ?? 0);
  if (!isSince) return false;
  const attemptsBefore = replay?.attemptsBefore ?? 0;
  return turn === null || turn.attempt <= attemptsBefore || nowMs >= instantToMs(turn.until);
}

/** Whether somebody may be making the head's attempt right now, by the head's record. */
export function isTurnTaken({ turn }: Lane, record: DeliveryRecord | null, nowMs: number): boolean {
  return turn !== null && (record?.attempts.length ?? 0) < turn.attempt && nowMs < instantToMs(turn.until);
}

/** How long after its time the head of a lane is also given out by `timers`. */
export const laneGraceMs = 120_000;

/** Whoever had the turn has written its record or died so long after the turn's end: longer than a function lasts. */
const afterTurnMs = 60_000;

/**
 * Whether the head will come up once more in its lane, by `timers` if by nobody else, and see then what has come to wait.
 * Who is at it right now may have looked before that came, and what is on record without its number may be sent elsewhere.
 */
export const willLookAgain = (lane: Lane, headRecord: DeliveryRecord | null, nowMs: number): boolean =>
  headRecord?.status === 'pending' &&
  headRecord.sequence === headSequence(lane) &&
  headRecord.dueAt !== null &&
  !isTurnTaken(lane, headRecord, nowMs - afterTurnMs);

/**
 * Whether the head was put in its place by somebody else, and nothing was done under its number yet: who did that may have
 * died before its task was sent.
 */
export const isUntouched = ({ head, turn }: Lane, headRecord: DeliveryRecord | null): boolean =>
  head !== null && turn === null && headRecord?.sequence !== head.sequence;

/** Longer than any crash takes until its task comes up again. */
const stuckAfterMs = 600_000;

/** Whether nothing has been heard of the head for so long that something must be wrong; until its next attempt is due nothing is to be heard. */
export function isStuck({ head, turn }: Lane, headRecord: DeliveryRecord | null, nowMs: number): boolean {
  const signs = [head?.receivedAt, turn?.until, headRecord?.attempts.at(-1)?.at, headRecord?.dueAt];
  return head !== null && signs.every((at) => !at || instantToMs(at) + stuckAfterMs <= nowMs);
}

/** A change that makes a lane another version. */
const changed = (lane: Lane, changes: Partial<Lane>): Lane => ({
  ...lane,
  ...changes,
  version: lane.version + 1,
});

/**
 * The last number that the partner acknowledged, when the head's turn is over. A replay that was given up or held leaves its
 * delivery delivered by an earlier run, and a chain of before the lane sends no number.
 */
function acknowledgedIn(lane: Lane, record: DeliveryRecord | null): number {
  const { head, acknowledged } = lane;
  if (head === null || record?.status !== 'delivered' || record.sequence !== head.sequence)
    return acknowledged;
  const attempts = record.attempts.slice(head.replay?.attemptsBefore ?? 0);
  return attempts.at(-1)?.outcome === 'delivered' ? head.sequence : acknowledged;
}

/** The place of a task's delivery. */
export const placeAt = (sequence: number, task: DeliveryTask): LanePlace => ({
  sequence,
  eventId: task.event.id,
  receivedAt: task.event.receivedAt,
  replay: task.replay ?? null,
});

/** Gives a delivery the next number, and the turn. `overRecord` is that of the head until now. */
export const claimNew = (lane: Lane, overRecord: DeliveryRecord | null, task: DeliveryTask): Lane =>
  changed(lane, {
    given: lane.given + 1,
    acknowledged: acknowledgedIn(lane, overRecord),
    head: placeAt(lane.given + 1, task),
    turn: null,
  });

/** Gives the turn to what has waited for it. */
export const claimWaiting = (lane: Lane, overRecord: DeliveryRecord | null, head: LanePlace): Lane =>
  changed(lane, { acknowledged: acknowledgedIn(lane, overRecord), head, turn: null });

/** Gives a delivery the next number, to wait with. */
export function append(
  lane: Lane,
  headRecord: DeliveryRecord | null,
  task: DeliveryTask,
): { lane: Lane; place: LanePlace } {
  const place = placeAt(lane.given + 1, task);
  return {
    lane: changed(lane, { given: place.sequence, acknowledged: acknowledgedIn(lane, headRecord) }),
    place,
  };
}

/** For one attempt of the head. No other may be made before `untilMs`, unless this one is on record by then. */
export const takeTurn = (lane: Lane, attempt: number, untilMs: number): Lane =>
  changed(lane, { turn: { attempt, until: instantFromMs(untilMs) } });

export const endTurn = (lane: Lane): Lane => changed(lane, { turn: null });

/** Puts what says that the head was given up in the head's place. */
export const replaceHead = (lane: Lane, { id, receivedAt }: { id: string; receivedAt: string }): Lane =>
  changed(lane, {
    head: { sequence: headSequence(lane), eventId: id, receivedAt, replay: null },
    turn: null,
  });
