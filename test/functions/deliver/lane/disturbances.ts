import { createGiveUp, type GiveUp } from '../../../../functions/timers/give-up.ts';
import type { DeliverHandlerDeps } from '../../../../functions/deliver/create-handler.ts';
import { EntitySet } from '../../../../functions/shared/entity-set.ts';
import type { DeliveryRecord, DeliveryTask } from '../../../../schemas/delivery.ts';
import type { Endpoint } from '../../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { instantFromMs } from '../../../../schemas/instant.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Disturbances {
  time: VirtualTime;
  random: () => number;
  /** Whether faults happen still. */
  isFaulty: () => boolean;
  /** Each 10 s. */
  chances: { replayed: number; switched: number; cleanedUp: number };
  records: Map<string, DeliveryRecord>;
  events: Map<string, DomainEvent>;
  endpoints: Map<string, Endpoint>;
  newTaskId: () => string;
  /** As fan-out does it: by the endpoint as it is. */
  send: (task: DeliveryTask) => void;
}

/** What people and clean-up do while deliveries are on their way. */
export function startDisturbances(options: Disturbances) {
  const { time, random, chances, isFaulty } = options;
  let underWay = 0;
  const deeds = [
    [chances.replayed, replay],
    [chances.switched, switchOrder],
    [chances.cleanedUp, cleanUp],
  ] as const;
  const run = async (): Promise<void> => {
    for (;;) {
      await time.sleep(10_000);
      for (const [chance, deed] of deeds) {
        if (!isFaulty() || random() >= chance) continue;
        underWay += 1;
        await deed(options);
        underWay -= 1;
      }
    }
  };
  void run();
  return { isQuiet: () => !isFaulty() && underWay === 0 };
}

const pick = <T>({ random }: Disturbances, some: readonly T[]): T | undefined =>
  some[Math.floor(random() * some.length)];

/** One that is over is asked for again: as by the API while its endpoint wants no order, else by a redrive, which reads first. */
async function replay(options: Disturbances): Promise<void> {
  const { time, random, records, events, endpoints, newTaskId, send } = options;
  const over = [...records.values()].filter(
    ({ status, event }) => status !== 'pending' && event.type !== 'sequence.skipped',
  );
  const record = pick(options, over);
  const event = events.get(record?.event.id ?? '');
  if (record === undefined || event === undefined) return;
  const { id, partnerId, endpointId, attempts } = record;
  const asked = { redriveId: null, attemptsBefore: attempts.length };
  if (endpoints.get('main')?.ordered !== true && random() < 0.5) {
    const { sequence: _, ...rest } = record;
    const dueAt = instantFromMs(time.now());
    records.set(id, { ...rest, status: 'pending', reason: null, replay: asked, waitsFor: 'time', dueAt });
    return;
  }
  const taskId = newTaskId();
  await time.sleep(random() * 5_000);
  send({ v: 1, taskId, partnerId, endpointId, event, attempts, replay: { ...asked, redriveId: taskId } });
}

async function switchOrder({ endpoints }: Disturbances): Promise<void> {
  const endpoint = endpoints.get('main');
  if (endpoint !== undefined) endpoints.set('main', { ...endpoint, ordered: endpoint.ordered !== true });
}

const isBehind = ({ reason }: DeliveryRecord): boolean => reason === 'behind';

/** The record or the event of one that waits behind others goes, one before the other; of one that waits for a retry, the event. */
async function cleanUp(options: Disturbances): Promise<void> {
  const { records, events, random } = options;
  const waiting = pick(
    options,
    // What says that one was skipped is younger than that by the time that the schedule took.
    [...records.values()].filter(
      (record) => isBehind(record) || (record.dueAt !== null && record.event.type !== 'sequence.skipped'),
    ),
  );
  if (waiting === undefined) return;
  if (!isBehind(waiting) || random() < 0.5) events.delete(waiting.event.id);
  else if (events.has(waiting.event.id)) records.delete(waiting.id);
}

/** What `timers` does with what is due and has no event any more. */
export const giveUpIn = (deps: DeliverHandlerDeps, endpoints: ReadonlyMap<string, Endpoint>): GiveUp =>
  createGiveUp({
    ...deps,
    entities: { getMany: async () => new EntitySet(endpoints.values()) },
  });
