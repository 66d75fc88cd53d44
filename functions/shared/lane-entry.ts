import type { DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Lane } from '../../schemas/lane.ts';
import { append, isHeadOver, isUntouched } from '../domain/lane.ts';
import { behind, passTurn, skipOf, wakeHead, type LaneTurnDeps, type Step } from './lane-turn.ts';

type Contract = Pick<Endpoint, 'contract'> | null;

/** The record of the lane's head; null when there is none yet. */
export async function readHead(
  { store }: Pick<LaneTurnDeps, 'store'>,
  { endpointId, head }: Lane,
): Promise<DeliveryRecord | null> {
  if (head === null) return null;
  return store.get({ endpointId, event: { id: head.eventId, receivedAt: head.receivedAt } });
}

/** A lane as it stands, and who asks. */
export interface Standing {
  lane: Lane;
  headRecord: DeliveryRecord | null;
  endpoint: Contract;
  partnerId: string;
}

/** Whether the lane's head is over, by its record. One that nobody may have been told of is woken. */
export async function isHeadDone(deps: LaneTurnDeps, standing: Standing): Promise<boolean> {
  const { lane, headRecord } = standing;
  if (isHeadOver(lane, headRecord, deps.now())) return true;
  if (isUntouched(lane, headRecord)) await wakeHead(deps, standing);
  return false;
}

/**
 * Whether the next turn is to be had. Of a head that was given up the partner is told first, and nothing may overtake that:
 * then the lane is `contended`.
 */
export async function isTurnFree(deps: LaneTurnDeps, standing: Standing): Promise<boolean | 'contended'> {
  const { lane, headRecord, endpoint } = standing;
  if (!isForgotten(deps, lane, headRecord) && !(await isHeadDone(deps, standing))) return false;
  if (headRecord?.sequence !== lane.head?.sequence || skipOf(headRecord, endpoint) === null) return true;
  await passTurn(deps, lane, headRecord, endpoint);
  return 'contended';
}

const dayMs = 86_400_000;

/**
 * Whether the head's record was cleaned up: a lane lives on after its last change, while its head may be of an older
 * event. A record that is missing before that is yet to be written.
 */
const isForgotten = (
  { now, retentionDays }: Pick<LaneTurnDeps, 'now' | 'retentionDays'>,
  { head }: Lane,
  record: DeliveryRecord | null,
): boolean =>
  head !== null && record === null && instantToMs(head.receivedAt) + retentionDays * dayMs <= now();

export interface Latecomer {
  lane: Lane;
  headRecord: DeliveryRecord | null;
  isFree: boolean;
  task: DeliveryTask;
  endpoint: Contract;
}

/** Gives a delivery its place behind the others, where the API shows it as waiting. */
export async function waitInLane(deps: LaneTurnDeps, latecomer: Latecomer): Promise<Step> {
  const { lane, headRecord, isFree, task, endpoint } = latecomer;
  const { lane: next, place } = append(lane, headRecord, task);
  const waiting = { ...place, partnerId: task.partnerId };
  const written = await deps.lanes.append(
    { lane: next, seen: lane },
    waiting,
    behind({ ...task, sequence: place.sequence }),
  );
  if (written === 'contended') return 'contended';
  deps.metrics.addMetric('DeliveriesBehind', 'Count', 1);
  return isFree ? passTurn(deps, next, headRecord, endpoint) : 'done';
}
