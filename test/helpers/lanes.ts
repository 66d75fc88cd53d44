import type { LaneChange, LaneRef, LaneStore } from '../../functions/shared/lane-store.ts';
import { newLane } from '../../functions/domain/lane.ts';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { Lane, WaitingInLane } from '../../schemas/lane.ts';

/** Lanes in memory, by `laneName`. */
export interface Lanes {
  states: Map<string, Lane>;
  /** By lane, then by sequence. */
  waiting: Map<string, Map<number, WaitingInLane>>;
}

export const makeLanes = (): Lanes => ({ states: new Map(), waiting: new Map() });

export const laneName = ({ endpointId, subject }: LaneRef): string => `${endpointId}#${subject}`;

/** Keeps the promises of LaneStore's docstrings. */
export function makeLaneStore(
  lanes: Lanes,
  tables: { records: Map<string, DeliveryRecord>; events: Map<string, DomainEvent> },
): LaneStore {
  const waitingIn = (ref: LaneRef) => {
    const name = laneName(ref);
    const waiting = lanes.waiting.get(name) ?? new Map<number, WaitingInLane>();
    lanes.waiting.set(name, waiting);
    return waiting;
  };
  const write = async ({ lane, seen }: LaneChange, also: () => void = () => {}) => {
    const stored = lanes.states.get(laneName(lane))?.version ?? 0;
    if (stored !== seen.version) return 'contended' as const;
    lanes.states.set(laneName(lane), lane);
    also();
    return 'written' as const;
  };
  return {
    read: async (ref) => lanes.states.get(laneName(ref)) ?? newLane(ref.endpointId, ref.subject),
    waiting: async (ref, sequence) => waitingIn(ref).get(sequence) ?? null,
    write: async (change) => write(change),
    writeFromWaiting: async (change) =>
      write(change, () => waitingIn(change.lane).delete(change.lane.head?.sequence ?? 0)),
    append: async (change, waiting, record) => {
      const current = tables.records.get(record.id);
      const isFurther =
        current !== undefined &&
        (current.attempts.length > record.attempts.length ||
          (current.status === 'delivered' && record.replay === null));
      if (isFurther) return 'contended';
      return write(change, () => {
        waitingIn(change.lane).set(waiting.sequence, waiting);
        tables.records.set(record.id, record);
      });
    },
    writeWithEvent: async (change, event) => write(change, () => tables.events.set(event.id, event)),
  };
}
