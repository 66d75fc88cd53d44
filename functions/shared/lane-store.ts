import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { LaneSchema, WaitingInLaneSchema, type Lane, type WaitingInLane } from '../../schemas/lane.ts';
import { newLane } from '../domain/lane.ts';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from './aws/documents.ts';
import type { DeliveryItemOptions } from './delivery-item.ts';
import { putUnlessFurther } from './delivery-store.ts';
import { eventItem } from './event-item.ts';
import { expiresAfter } from './expiry.ts';
import { laneKey, waitingKey, type ItemKey } from './keys.ts';
import { isOvertaken, whileVersion } from './optimistic-locking.ts';

export type LaneRef = Pick<Lane, 'endpointId' | 'subject'>;

/** `contended`: the lane is no longer the version that was seen, as a rule, and nothing was written. */
export type LaneWrite = 'written' | 'contended';

/** A lane's next version, and which one it follows. */
export interface LaneChange {
  lane: Lane;
  seen: Lane;
}

export interface LaneStore {
  /** Consistent; an empty lane where none is stored. */
  read(ref: LaneRef): Promise<Lane>;
  /** Consistent; null when it does not wait. */
  waiting(ref: LaneRef, sequence: number): Promise<WaitingInLane | null>;
  write: (change: LaneChange) => Promise<LaneWrite>;
  /** Gives the turn to what waited for it: the lane's head waits no longer. One transaction. */
  writeFromWaiting: (change: LaneChange) => Promise<LaneWrite>;
  /**
   * What waits from now on, and its record, which makes it visible. One transaction; `contended` also when the delivery is
   * on record with more attempts, or as delivered and this is no replay of it.
   */
  append(change: LaneChange, waiting: WaitingInLane, record: DeliveryRecord): Promise<LaneWrite>;
  /** The lane with an event that only it sends. One transaction. */
  writeWithEvent(change: LaneChange, event: DomainEvent): Promise<LaneWrite>;
}

export interface LaneStoreOptions extends DeliveryItemOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  eventsTable: string;
  now: () => number;
}

/** Longer than any step of a schedule, so that no lane is cleaned up while something waits in it. */
const minIdleDays = 30;

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

export function createLaneStore(options: LaneStoreOptions): LaneStore {
  const { documents, deliveriesTable: TableName, eventsTable, retentionDays } = options;
  const get = async (Key: ItemKey): Promise<Record<string, unknown> | undefined> =>
    (await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
  const transact = async (items: TransactItem[]): Promise<LaneWrite> =>
    contendedIfRefused(() => documents.send(new TransactWriteCommand({ TransactItems: items })));

  return {
    async read(ref) {
      const item = await get(laneKey(ref.endpointId, ref.subject));
      return item === undefined ? newLane(ref.endpointId, ref.subject) : LaneSchema.parse(item);
    },
    async waiting(ref, sequence) {
      const item = await get(waitingKey(ref.endpointId, ref.subject, sequence));
      return item === undefined ? null : WaitingInLaneSchema.parse(item);
    },
    write: (change) => contendedIfRefused(() => documents.send(new PutCommand(lanePut(options, change)))),
    writeFromWaiting: (change) => {
      const { endpointId, subject, head } = change.lane;
      const Key = waitingKey(endpointId, subject, head?.sequence ?? 0);
      return transact([{ Put: lanePut(options, change) }, { Delete: { TableName, Key } }]);
    },
    append(change, waiting, record) {
      const { endpointId, subject } = change.lane;
      const Item = { ...waitingKey(endpointId, subject, waiting.sequence), ...waiting };
      return transact([
        { Put: lanePut(options, change) },
        { Put: { TableName, Item } },
        // A chain of before the lane doesn't change it, and may be further by now.
        { Put: putUnlessFurther(options, record, record.attempts.length + 1) },
      ]);
    },
    writeWithEvent: (change, event) =>
      transact([
        { Put: lanePut(options, change) },
        { Put: { TableName: eventsTable, Item: eventItem(event, retentionDays) } },
      ]),
  };
}

function lanePut({ deliveriesTable, retentionDays, now }: LaneStoreOptions, { lane, seen }: LaneChange) {
  const expiresAt = expiresAfter(instantFromMs(now()), Math.max(retentionDays, minIdleDays));
  return {
    TableName: deliveriesTable,
    Item: { ...laneKey(lane.endpointId, lane.subject), ...lane, expiresAt },
    ...whileVersion(seen.version),
  };
}

async function contendedIfRefused(write: () => Promise<unknown>): Promise<LaneWrite> {
  try {
    await write();
    return 'written';
  } catch (error) {
    if (isOvertaken(error)) return 'contended';
    throw error;
  }
}
