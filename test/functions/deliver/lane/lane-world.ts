import { createHandler } from '../../../../functions/deliver/create-handler.ts';
import { laneOf } from '../../../../functions/shared/keys.ts';
import type { DeliveryTask } from '../../../../schemas/delivery.ts';
import { makeSqsEvent, makeSqsRecord } from '../../../helpers/batches.ts';
import { makeEndpoint, makeEvent, makeTask } from '../../../helpers/deliveries.ts';
import { makeWorld, type WorldOptions } from '../world.ts';

export const eventAt = (locker: number, seq: number) =>
  makeEvent({ id: `evt_0000000000000001-${locker}_mmykbvk0_b7-${seq}`, locker });
export const taskOf = (seq: number, overrides: Partial<DeliveryTask> = {}) =>
  makeTask({ taskId: `task-${seq}`, event: eventAt(9, seq), ...overrides });

/** A world whose batches come from the queue that keeps order. */
export function makeLaneWorld(options: WorldOptions = {}) {
  const world = makeWorld({ endpoints: [makeEndpoint({ ordered: true })], ...options });
  world.deps.channelOf = () => 'ordered';
  /** Tasks that SQS gives for the so-many-th time. */
  const giveAgain = async (receiveCount: number, ...tasks: DeliveryTask[]) => {
    for (const { event } of tasks) world.events.set(event.id, event);
    const records = tasks.map((task, index) => {
      const record = makeSqsRecord(`m${index + 1}`, JSON.stringify(task), receiveCount);
      record.attributes.MessageGroupId = laneOf(task.event);
      return record;
    });
    return createHandler(world.deps)(makeSqsEvent(...records), { getRemainingTimeInMillis: () => 30_000 });
  };
  const give = async (...tasks: DeliveryTask[]) => giveAgain(1, ...tasks);
  const numbers = () =>
    world.posts.map(({ headers }) => [
      Number(headers['towercast-sequence']),
      Number(headers['towercast-previous-sequence']),
    ]);
  const lane = () => [...world.lanes.states.values()][0];
  const recordOf = (seq: number) =>
    [...world.records.values()].find(({ event }) => event.id === eventAt(9, seq).id);
  return { ...world, give, giveAgain, numbers, lane, recordOf };
}

export type LaneWorld = ReturnType<typeof makeLaneWorld>;
