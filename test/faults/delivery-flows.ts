import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { DomainEventSchema } from '../../schemas/event.ts';
import { askUntilDone, postOnce } from './asking.ts';
import { entityOf, type Flow, type Scene } from './flow.ts';
import { invokeWhole } from './lost-and-found.ts';
import { down, gone, until, up } from './partner.ts';
import type { CaseState, StoredEvent } from './storage.ts';
import { towerFlows } from './tower-flows.ts';

const { open } = towerFlows;

/** The partner fails until two failures are on record; the next attempts come by the queue. */
const retry: Flow = {
  ...open,
  name: 'retry',
  behaviour: until(({ deliveries }) => deliveries.some(({ attempts }) => attempts.length >= 2), {
    atMost: 4,
  }),
};

/** The next attempt is later than the queue can hold it back: the due index and the timers. */
const wait: Flow = {
  ...open,
  name: 'wait',
  behaviour: until(({ deliveries }) => deliveries.some(({ dueAt }) => dueAt != null), { atMost: 3 }),
  dueAfterSeconds: [4, 12],
};

/** The event is cleaned up while its delivery waits: nobody can send it any more. */
const forget: Flow = {
  ...wait,
  name: 'forget',
  events: [],
  endpoint: { filter: {} },
  behaviour: () => down,
  announces: ['delivery.dead'],
  forgets: true,
  async drive(scene) {
    await open.drive(scene);
    await cleanUpWhenDue(scene);
  },
  disagreement: ({ deliveries }) => {
    const [{ status, reason } = { status: 'not recorded', reason: null }] = deliveries;
    return status === 'dead' && reason === 'event_expired' ? null : `delivery ${status}, ${reason}`;
  },
};

/** Takes away the event of the first delivery that waits for its time, as its retention would. */
async function cleanUpWhenDue(scene: Scene): Promise<void> {
  const { world } = scene;
  const waiting = () =>
    scene.state().deliveries.find(({ status, dueAt }) => status === 'pending' && dueAt != null);
  await scene.until('a delivery that is due later', () => waiting() !== undefined);
  const event = scene.state().events.find(({ id }) => id === waiting()?.event.id);
  if (event === undefined) throw new Error('its event was gone before');
  const { pk, sk } = event;
  await world.documents.send(
    new DeleteCommand({ TableName: world.stack.tables['EventsTable'], Key: { pk, sk } }),
  );
}

/** The partner is gone: the endpoint is disabled, its delivery held. */
const leave: Flow = {
  ...open,
  name: 'leave',
  endings: { 'locker.opened': 'held' },
  announces: ['endpoint.disabled'],
  behaviour: () => gone,
  disagreement: (state) => {
    const status = entityOf(state, 'endpoint')?.['status'];
    return status === 'disabled' ? null : `endpoint ${String(status)}`;
  },
};

export const sendToDlq = (
  { world, tag }: Scene,
  MessageBody: string,
  queue: 'DeliveryDlq' | 'OrderedDeliveryDlq',
) => {
  const QueueUrl = world.stack.queues[queue];
  const once = queue === 'OrderedDeliveryDlq' && { MessageDeduplicationId: tag };
  return world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: tag, ...once }));
};

export function firstTask(scene: Scene): string {
  const { tag } = scene;
  const event = DomainEventSchema.parse(scene.state().events[0]);
  const names = { partnerId: tag, endpointId: tag };
  return formatDeliveryTask({ v: 1, taskId: randomUUID(), ...names, event, attempts: [] });
}

/** A task that deliver could not process. The endpoint's filter keeps fan-out from making one. */
const file: Flow = {
  ...open,
  name: 'file',
  endpoint: { filter: { types: ['locker.forced'] } },
  async drive(scene) {
    await open.drive(scene);
    await scene.until('the event', () => scene.state().events.length === 1);
    await sendToDlq(scene, firstTask(scene), 'DeliveryDlq');
  },
};

/** A message that is no task. */
const poison: Flow = {
  ...open,
  name: 'poison',
  quarantined: 1,
  async drive(scene) {
    await open.drive(scene);
    const body = JSON.stringify({ poison: scene.tag });
    // It is kept in base64.
    scene.world.alias(Buffer.from(body).toString('base64'), scene.tag);
    await sendToDlq(scene, body, 'DeliveryDlq');
  },
};

/** An item in the events table that this release can't read. */
const corrupt: Flow = {
  ...open,
  name: 'corrupt',
  quarantined: 1,
  async drive(scene) {
    const { world, tag } = scene;
    await world.documents.send(
      new PutCommand({
        TableName: world.stack.tables['EventsTable'],
        Item: { pk: `${tag}-1`, sk: '00000000_x-1', note: `of a later release: ${tag}` },
      }),
    );
    await open.drive(scene);
  },
};

/** An operator asks for what was given up. */
async function retryWhenDead(
  scene: Scene,
  ask: (path: string) => Promise<unknown> = (path) => askUntilDone(scene, 'POST', path),
): Promise<void> {
  const dead = () => scene.state().deliveries.find(({ status }) => status === 'dead');
  await scene.until('the dead delivery', () => dead() !== undefined);
  scene.inbox.behaviour = up;
  await ask(`/v1/deliveries/${encodeURIComponent(dead()?.id ?? '')}/retry`);
}

/** However often an attempt is made again, of which the outcome was lost: the partner is down until it was given up. */
const die: Flow = {
  ...open,
  name: 'die',
  announces: ['delivery.dead'],
  behaviour: () => down,
  endpoint: { scheduleSeconds: [0, 1] },
  async drive(scene) {
    await open.drive(scene);
    await retryWhenDead(scene);
  },
};

/** The same, asked for with an Idempotency-Key. */
const dieAndAskOnce: Flow = {
  ...die,
  name: 'die, and ask once',
  async drive(scene) {
    await open.drive(scene);
    await retryWhenDead(scene, (path) => postOnce(scene, path, undefined));
  },
};

/** A task that deliver could not process, and that had no other attempt. */
const bury: Flow = {
  ...file,
  name: 'bury',
  announces: ['delivery.dead'],
  endpoint: { ...file.endpoint, scheduleSeconds: [0] },
  async drive(scene) {
    await file.drive(scene);
    await retryWhenDead(scene);
  },
};

export const doors = ['locker.opened', 'locker.closed', 'locker.left_open', 'locker.forced'] as const;

/** Several events of one locker. */
export const bustle: Omit<Flow, 'name'> = {
  events: doors,
  async drive(scene) {
    const tower = await scene.tower();
    for (const type of doors) await tower.publish({ type, locker: 1 });
  },
};

/** Nothing is on its way: whatever comes next is what `timers` takes from the backlog. */
const areAllParked = ({ deliveries }: CaseState): boolean =>
  deliveries.length === doors.length &&
  deliveries.every(({ status, waitsFor }) => status === 'pending' && waitsFor === 'endpoint');

/** The partner is down until its breaker has opened and all is parked: that is drained when a probe got through. */
const outage: Flow = {
  ...bustle,
  name: 'outage',
  endpoint: { scheduleSeconds: [0, ...Array.from({ length: 11 }, () => 1)] },
  behaviour: until(areAllParked, { atMost: 5 }),
};

/** Its partner disables it while its backlog waits: that is held, and what it failed is forgotten. */
const abandon: Flow = {
  ...bustle,
  name: 'abandon',
  endpoint: { scheduleSeconds: [0, ...Array.from({ length: 19 }, () => 1)] },
  behaviour: () => down,
  endings: Object.fromEntries(doors.map((type) => [type, 'held'])),
  async drive(scene) {
    await bustle.drive(scene);
    await scene.until('all to be parked', () => areAllParked(scene.state()));
    await setStatus(scene, 'disabled');
  },
  disagreement: (state) => {
    const failures = entityOf(state, 'endpoint-health')?.['failures'];
    return failures === 0 ? null : `an endpoint with ${String(failures)} failures`;
  },
};

/** More than the endpoint takes at once. */
const limit: Flow = { ...bustle, name: 'limit', endpoint: { limits: { perSecond: 2, concurrency: 1 } } };

const isSlow = (state: CaseState): boolean => entityOf(state, 'endpoint-health')?.['slowUntil'] != null;

/** Attempts time out, and the endpoint goes over the queue of the slow. */
const crawl: Flow = {
  ...bustle,
  name: 'crawl',
  behaviour: until(isSlow, { answer: 'hang', atMost: 4 }),
  async drive(scene) {
    const tower = await scene.tower();
    const [first, ...others] = doors;
    await tower.publish({ type: first, locker: 1 });
    // Or what would have shown it was lost, time after time.
    await scene.until(
      'the endpoint to be known as slow',
      () => isSlow(scene.state()) || scene.inbox.accepted.size > 0,
    );
    for (const type of others) await tower.publish({ type, locker: 1 });
  },
};

/** An event as the stream gives it. */
export const insertOf = (event: StoredEvent, sequenceNumber: number) => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber: String(sequenceNumber),
    Keys: { pk: { S: event.pk }, sk: { S: event.sk } },
    NewImage: z.json().parse(marshall(event)),
  },
});

/** The stream gives everything again, and the other way round. */
const rerun: Flow = {
  ...bustle,
  name: 'rerun',
  repeats: true,
  async drive(scene) {
    await bustle.drive(scene);
    await scene.inbox.waitForAccepted(doors.length, 180_000);
    await scene.until('all events', () => scene.state().events.length === doors.length);
    const Records = scene.state().events.map(insertOf).toReversed();
    await scene.until('fan-out to take it', () =>
      invokeWhole(scene.world.stack, 'FanOutFunction', { Records }),
    );
    await scene.inbox.waitForRequests(doors.length * 2, 180_000);
  },
};

/** Disabled by a 410, enabled again, and what it missed recovered. */
const comeBack: Flow = {
  ...open,
  name: 'come back',
  announces: ['endpoint.disabled'],
  behaviour: () => gone,
  async drive(scene) {
    await open.drive(scene);
    // A 410 whose outcome died with its function is asked for again: the partner stays gone until it was heard.
    const held = () => scene.state().deliveries.some(({ status }) => status === 'held');
    await scene.until('the held delivery', held);
    scene.inbox.behaviour = up;
    const path = `/v1/endpoints/${scene.tag}`;
    await setStatus(scene, 'active');
    await askUntilDone(scene, 'POST', `${path}/recover`, {});
  },
};

async function setStatus(scene: Scene, status: 'active' | 'disabled'): Promise<void> {
  const partner = await scene.partner();
  const path = `/v1/endpoints/${scene.tag}`;
  await scene.until(`the endpoint to be ${status}`, async () => {
    const read = await partner.call('GET', path).catch(() => null);
    const headers = { 'if-match': read?.headers.get('etag') ?? '' };
    const changed = await partner.call('PATCH', path, { body: { status }, headers }).catch(() => null);
    if (changed?.status === 200) return true;
    scene.refused();
    return false;
  });
}

export const deliveryFlows = {
  retry,
  wait,
  leave,
  file,
  poison,
  corrupt,
  die,
  dieAndAskOnce,
  bury,
  outage,
  abandon,
  limit,
  crawl,
  comeBack,
  rerun,
  forget,
};
