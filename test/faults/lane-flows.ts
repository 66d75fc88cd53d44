import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { entityKey } from '../../functions/shared/keys.ts';
import { bustle, deliveryFlows, doors, firstTask, insertOf, sendToDlq } from './delivery-flows.ts';
import { entityOf, type Flow, type Scene } from './flow.ts';
import { invokeWhole } from './lost-and-found.ts';
import { down, until, up, type PartnerBehaviour } from './partner.ts';
import { towerFlows } from './tower-flows.ts';

const { open } = towerFlows;
const { file, comeBack } = deliveryFlows;

const setEndpoint = ({ world, tag }: Scene, changes: Pick<Partial<Endpoint>, 'ordered' | 'filter'>) =>
  world.documents.send(
    new UpdateCommand({
      TableName: world.stack.tables['EntitiesTable'],
      Key: entityKey({ kind: 'endpoint', partnerId: tag, endpointId: tag }),
      AttributeUpdates: Object.fromEntries(
        Object.entries(changes).map(([name, Value]) => [name, { Action: 'PUT', Value }]),
      ),
    }),
  );

const askForOrder = (scene: Scene) => setEndpoint(scene, { ordered: true });

/** One after the other, though the first is refused until the others have come. Faults come on top: none of it uses up the schedule. */
const queueUp: Flow = {
  ...bustle,
  name: 'queue up',
  ordered: true,
  behaviour: until(({ deliveries }) => deliveries.length === doors.length, { atMost: 4 }),
  endpoint: { scheduleSeconds: [0, 2, 2, 2, 2, 2, 2, 2, 2, 2] },
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

const pair = ['locker.opened', 'locker.closed'] as const;

/** It fails the first request: by the second, the other event waits behind this one. */
const failsOnce: PartnerBehaviour = () => {
  let first: string | null = null;
  return ({ id, attempt }) => ((first ??= id) === id && attempt === 1 ? down : up);
};

/** What deliver was done with but could not pass on: others wait behind it. Its first call to the lanes' queue is for the retry. */
const fileOver: Flow = {
  ...queueUp,
  name: 'file what is over',
  events: pair,
  behaviour: failsOnce,
  endpoint: { scheduleSeconds: [0, 6, 6, 6, 6] },
  async drive(scene) {
    await askForOrder(scene);
    const tower = await scene.tower();
    await tower.publishAll(pair.map((type) => ({ type, locker: 1 })));
    await scene.until('a head that is over, and what waits behind it', () => {
      const statuses = scene.state().deliveries.map(({ status }) => status);
      return statuses.includes('delivered') && statuses.length === pair.length;
    });
    await sendToDlq(scene, firstTask(scene), 'OrderedDeliveryDlq');
  },
};

/** Two events of one commit, the second of which comes without the first: the endpoint's filter kept both back until then. */
const comeApart: Flow = {
  ...open,
  name: 'come apart',
  events: pair,
  ordered: true,
  endpoint: { filter: { types: ['locker.forced'] } },
  async drive(scene) {
    const tower = await scene.tower();
    await tower.publishRaw(JSON.stringify(pair.map((type) => tower.stamp({ type, locker: 1 }))));
    await scene.until('both events', () => scene.state().events.length === pair.length);
    await setEndpoint(scene, { ordered: true, filter: { types: [...pair] } });
    const second = scene.state().events.find(({ after }) => after !== undefined);
    if (second === undefined) throw new Error('no event comes after another one');
    const batch = { Records: [insertOf(second, 1)] };
    // Until fan-out knows what the endpoint asks for now.
    await scene.until('fan-out to send both', async () => {
      if (!(await invokeWhole(scene.world.stack, 'FanOutFunction', batch))) scene.refused();
      return scene.inbox.requests.length > 0;
    });
  },
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

export const laneFlows = { queueUp, fileInLane, fileOver, comeApart, skip, wearOut, comeBackInLane };
