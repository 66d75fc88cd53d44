import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { entityKey } from '../../functions/shared/keys.ts';
import { bustle, deliveryFlows, doors, firstTask, sendToDlq } from './delivery-flows.ts';
import { entityOf, type Flow, type Scene } from './flow.ts';
import { down, until, up, type PartnerBehaviour } from './partner.ts';
import { towerFlows } from './tower-flows.ts';

const { open } = towerFlows;
const { file, comeBack } = deliveryFlows;

const askForOrder = ({ world, tag }: Scene) =>
  world.documents.send(
    new UpdateCommand({
      TableName: world.stack.tables['EntitiesTable'],
      Key: entityKey({ kind: 'endpoint', partnerId: tag, endpointId: tag }),
      UpdateExpression: 'SET ordered = :true',
      ExpressionAttributeValues: { ':true': true },
    }),
  );

/** One after the other, though the first is refused until the others have come. */
const queueUp: Flow = {
  ...bustle,
  name: 'queue up',
  ordered: true,
  behaviour: until(({ deliveries }) => deliveries.length === doors.length, { atMost: 4 }),
  endpoint: { scheduleSeconds: [0, 2, 2, 2, 2, 2] },
  async drive(scene) {
    await askForOrder(scene);
    const tower = await scene.tower();
    await tower.publishAll(doors.map((type) => ({ type, locker: 1 })));
  },
};

/** The same of a lane. */
const fileInLane: Flow = {
  ...file,
  name: 'file in lane',
  async drive(scene) {
    await askForOrder(scene);
    await open.drive(scene);
    await scene.until('the event', () => scene.state().events.length === 1);
    await sendToDlq(scene, firstTask(scene), 'OrderedDeliveryDlq');
  },
};

/** It fails those requests that are about the first event that it hears of. */
const refusesTheFirst: PartnerBehaviour = () => {
  let first: string | null = null;
  return ({ id }) => ((first ??= id) === id ? down : up);
};

/** The first of a lane is given up: what says so takes its place, and the others follow. */
const skip: Flow = {
  ...queueUp,
  name: 'skip',
  events: [...doors, 'sequence.skipped'],
  endpoint: { scheduleSeconds: [0, 1], filter: { types: [...doors] } },
  endings: { [doors[0]]: 'dead' },
  announces: ['delivery.dead'],
  behaviour: refusesTheFirst,
};

/** An endpoint that has answered in time, so that its lanes take their turns on the queue that keeps order. */
const wearOut: Flow = {
  ...open,
  name: 'wear out',
  events: ['locker.opened', 'locker.closed'],
  ordered: true,
  async drive(scene) {
    await askForOrder(scene);
    const tower = await scene.tower();
    await tower.publish({ type: 'locker.opened', locker: 1 });
    await scene.until('an endpoint that has answered in time', () => {
      const isProven = entityOf(scene.state(), 'endpoint-health')?.['provenAt'] != null;
      return isProven && scene.state().deliveries.some(({ status }) => status === 'delivered');
    });
    await tower.publish({ type: 'locker.closed', locker: 1 });
  },
};

/** What was held is sent again, in order. */
const comeBackInLane: Flow = {
  ...comeBack,
  name: 'come back in lane',
  async drive(scene) {
    await askForOrder(scene);
    await comeBack.drive(scene);
  },
};

export const laneFlows = { queueUp, fileInLane, skip, wearOut, comeBackInLane };
