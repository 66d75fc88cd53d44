import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { isOfHead, isTurnTaken } from '../domain/lane.ts';
import { expiredRecord, noticeOf } from '../shared/delivery-record.ts';
import type { EntityStore } from '../shared/entity-store.ts';
import { TowercastError } from '../shared/errors.ts';
import { laneOfId } from '../shared/keys.ts';
import type { LaneRef } from '../shared/lane-store.ts';
import { lookOut, passTurn, type LaneTurnDeps } from '../shared/lane-turn.ts';

export interface GiveUpDeps extends LaneTurnDeps {
  entities: Pick<EntityStore, 'getMany'>;
}

/** Settles a delivery that nobody can send any more: its event was cleaned up while it waited. */
export type GiveUp = (record: DeliveryRecord) => Promise<void>;

const maxTries = 5;

export const createGiveUp =
  (deps: GiveUpDeps): GiveUp =>
  async (record) => {
    const ref = laneOfRecord(record);
    const lane = ref === null ? null : await deps.lanes.read(ref);
    // Its attempt is being made, with an event that was there a moment ago. It is due again when its lease ends.
    if (lane !== null && isTurnTaken(lane, record, deps.now())) return;
    // Once its record stands it is due no more.
    if (lane !== null && isOfHead(lane, record)) await lookOut(deps, lane);
    await settle(deps, record);
  };

async function settle(deps: GiveUpDeps, record: DeliveryRecord): Promise<void> {
  const { partnerId, endpointId } = record;
  const name = { kind: 'endpoint', partnerId, endpointId } as const;
  const endpoint = (await deps.entities.getMany([name])).get(name);
  const over = expiredRecord(record, endpoint);
  const { operatorPartnerId, now } = deps;
  const notice = noticeOf(over, { operatorPartnerId, now: instantFromMs(now()) });
  const outcome = await deps.store.advance(over, record.attempts.length + 1, notice);
  // An attempt of it was on its way, and is on record now.
  if (outcome.kind === 'behind') return;
  if (over.status === 'dead') deps.metrics.addMetric('DeliveriesDead', 'Count', 1);
  await letLaneGoOn(deps, over, endpoint);
}

/** Null outside of lanes. Of `sequence.skipped`, only the event itself knew the lane: whoever comes next finds its head over. */
const laneOfRecord = ({ endpointId, event, sequence }: DeliveryRecord): LaneRef | null => {
  const subject = laneOfId(event.id);
  const isKnown = sequence !== undefined && event.type !== 'sequence.skipped' && subject !== null;
  return isKnown ? { endpointId, subject } : null;
};

/** What waits behind it has the next turn. Should this run die before that, it looks for itself, as does whoever comes next. */
async function letLaneGoOn(
  deps: GiveUpDeps,
  record: DeliveryRecord,
  endpoint: Endpoint | null,
): Promise<void> {
  const ref = laneOfRecord(record);
  if (ref === null) return;
  for (let tries = 0; tries < maxTries; tries += 1) {
    const lane = await deps.lanes.read(ref);
    if (!isOfHead(lane, record)) return;
    if ((await passTurn(deps, lane, record, endpoint)) === 'done') return;
  }
  throw new TowercastError('lane_contended', `${ref.subject} of ${ref.endpointId} keeps changing`);
}
