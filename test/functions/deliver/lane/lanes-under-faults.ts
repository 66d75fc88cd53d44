import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createHandler as createDeadLetter } from '../../../../functions/dead-letter/create-handler.ts';
import { createHandler, type DeliverHandlerDeps } from '../../../../functions/deliver/create-handler.ts';
import type { Gate } from '../../../../functions/deliver/gate.ts';
import type { PostRequest } from '../../../../functions/deliver/http-client.ts';
import { isTroubled } from '../../../../functions/domain/endpoint-health.ts';
import { laneOf } from '../../../../functions/shared/keys.ts';
import type { Channel, OutgoingTask } from '../../../../functions/shared/queue.ts';
import { DeliveryTaskSchema, type DeliveryTask } from '../../../../schemas/delivery.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { instantFromMs, instantToMs } from '../../../../schemas/instant.ts';
import { makeEndpoint, makeEvent, makeTask } from '../../../helpers/deliveries.ts';
import { makeHealth } from '../../../helpers/health.ts';
import { makeWorld, nowMs, responds, timesOut } from '../world.ts';
import { giveUpIn, startDisturbances } from './disturbances.ts';
import { mortal } from './mortal.ts';
import { startSimulatedQueue } from './simulated-queue.ts';
import { makeVirtualTime } from './virtual-time.ts';

const lockers = 3;
const attemptTimeoutMs = 15_000;
const maxReceiveCount = 5;
const slowHealth = makeHealth({ slowUntil: '2026-03-20T10:00:00.000Z' });
const channels: Record<string, Channel> = { 'fifo.fifo': 'ordered', slow: 'slow' };
const channelOf = (arn: string): Channel => channels[arn] ?? 'live';
/** By then faults have been over for longer than any schedule. */
const endMs = nowMs + 48 * 3_600_000;

export interface Chances {
  /** Of each call to the outside: the function dies before it, or after it. */
  death: number;
  /** Of each call to the outside, but a POST: it rejects, and nothing has happened. */
  error: number;
  /** Of each POST: the partner fails. */
  refusal: number;
  /** Of each event: it is put on the queue twice. */
  repeat: number;
  /** Of each event: it is put on the queue once more, minutes later. */
  lateRepeat: number;
  /** Of each receive: SQS gives the message again while the function is at it. */
  overlap: number;
  /** Of each attempt: the gate does not let it pass. */
  closed: number;
  /** Of each task: its endpoint is switched off just then. */
  disabled: number;
  /** Of each task: whoever takes it knows its endpoint as slow. */
  slow: number;
  /** Of each reading of the endpoint: it fails. */
  unreadable: number;
  /** See Disturbances. */
  replayed: number;
  switched: number;
  cleanedUp: number;
}

export interface Post {
  lane: string;
  eventId: string;
  /** Null without order. */
  sequence: number | null;
  previousSequence: number;
  acknowledged: boolean;
  atMs: number;
  channel: Channel;
}

/** Longer than any queue of the slow should be, and than a lane's grace. */
const slowDelayMs = 240_000;
function numberIn({ headers }: PostRequest, name: string): number | null {
  const text = headers[name];
  return text === undefined ? null : Number(text);
}

/** `deliver`, `dead-letter` and the queues between them in virtual time, with faults for the first ten minutes. */
export async function runLanes(chances: Chances, eventsPerLane: number, random: () => number) {
  const time = makeVirtualTime(nowMs);
  const faultyUntilMs = nowMs + 1_200_000;
  const isFaulty = (): boolean => time.now() < faultyUntilMs;
  // What is disturbed is so over all of that time, and not only until it would be over.
  const isDisturbed = chances.replayed + chances.switched + chances.cleanedUp > 0;
  const publishEveryMs = isDisturbed ? 120_000 : 5_000;
  const hits = (chance: number): boolean => isFaulty() && random() < chance;
  const world = makeWorld({ endpoints: [makeEndpoint({ ordered: true, scheduleSeconds: [0, 5, 20, 60] })] });
  const posts: Post[] = [];
  const faults = { death: 0, error: 0, handedOver: 0 };
  let taskNumber = 0;
  const newTaskId = (): string => `task-${(taskNumber += 1)}`;

  const laneOfRequest = new Map<string, string>();
  const postOver = async (channel: Channel, request: PostRequest) => {
    const eventId = request.headers['webhook-id'] ?? '';
    const refused = hits(chances.refusal);
    posts.push({
      lane:
        request.headers['towercast-sequence-of'] ??
        laneOfRequest.get(eventId) ??
        laneOf(world.events.get(eventId) ?? makeEvent({ id: eventId })),
      eventId,
      sequence: numberIn(request, 'towercast-sequence'),
      previousSequence: numberIn(request, 'towercast-previous-sequence') ?? 0,
      acknowledged: !refused,
      atMs: time.now(),
      channel,
    });
    await time.sleep(random() * (attemptTimeoutMs - 1));
    return refused ? (random() < 0.3 ? timesOut() : responds(500)) : responds(200);
  };

  const gate: Gate = {
    async enter({ health }, _, channel) {
      if (channel !== 'slow' && isTroubled(health)) return { kind: 'divert' };
      if (!hits(chances.closed)) return { kind: 'go', begin: () => {}, leave: async () => {} };
      return random() < 0.5
        ? { kind: 'park', reason: 'breaker_open' }
        : { kind: 'later', delaySeconds: 3, reason: 'rate_limited' };
    },
  };
  const send = async (tasks: readonly OutgoingTask[]): Promise<void> => {
    for (const { task, delaySeconds, via } of tasks) {
      const body = JSON.stringify(task);
      if (via === 'ordered') fifo.send(body, laneOf(task.event), { deduplicationId: task.taskId });
      else if (via === 'slow') sendSlow(body, task.endpointId, delaySeconds * 1_000);
      else live.send(body, task.endpointId, { delayMs: delaySeconds * 1_000 });
    }
  };
  const deps: DeliverHandlerDeps = {
    ...world.deps,
    endpoints: {
      ...world.deps.endpoints,
      async get(ref) {
        if (hits(chances.unreadable)) throw new Error('throttled');
        const endpoint = await world.deps.endpoints.get(ref);
        if (endpoint === null) return null;
        if (hits(chances.disabled)) return { ...endpoint, status: 'disabled' };
        return hits(chances.slow) ? { ...endpoint, health: slowHealth } : endpoint;
      },
    },
    http: { post: async (request) => postOver('live', request) },
    gate,
    tasks: { send },
    channelOf,
    now: time.now,
    random,
    newTaskId,
    attemptTimeoutMs,
    maxReceiveCount,
    async handOver({ messageId, body, attributes: { MessageGroupId = '' } }) {
      faults.handedOver += 1;
      fifoDlq.send(body, MessageGroupId, { deduplicationId: messageId });
    },
  };

  /** For one invocation. */
  const forOne = (of: DeliverHandlerDeps): DeliverHandlerDeps =>
    mortal(of, {
      time,
      random,
      hits: (kind) => {
        if (!hits(chances[kind])) return false;
        faults[kind] += 1;
        return true;
      },
    });
  const invoke = async (event: SQSEvent): Promise<SQSBatchResponse> => {
    const channel = channelOf(event.Records[0]?.eventSourceARN ?? '');
    const one = { ...deps, http: { post: async (request: PostRequest) => postOver(channel, request) } };
    return createHandler(forOne(one))(event, { getRemainingTimeInMillis: () => random() * 60_000 });
  };
  const visibilityMs = (): number => (hits(chances.overlap) ? 1_000 + random() * 9_000 : 40_000);
  const shared = { time, visibilityMs, maxReceiveCount };
  // By SQS itself nothing goes to the DLQ that keeps order.
  const fifo = startSimulatedQueue({
    ...shared,
    maxReceiveCount: Infinity,
    name: 'fifo.fifo',
    fifo: true,
    batchSize: 4,
    concurrency: 6,
    consume: invoke,
    bury: () => {},
  });
  const standard = (name: 'live' | 'slow') =>
    startSimulatedQueue({
      ...shared,
      name,
      fifo: false,
      batchSize: 4,
      concurrency: 6,
      consume: invoke,
      bury: ({ id, body, group }) => liveDlq.send(body, group, { deduplicationId: id }),
    });
  const live = standard('live');
  const slow = standard('slow');
  /** Many may wait there before it, so that it comes late, and not in its order; and SQS may give it twice. */
  const sendSlow = (body: string, group: string, delayMs: number): void => {
    const times = hits(chances.repeat) ? 2 : 1;
    for (let sent = 0; sent < times; sent += 1)
      slow.send(body, group, { delayMs: delayMs + (hits(chances.slow) ? random() * slowDelayMs : 0) });
  };
  const fileDead = async (event: SQSEvent): Promise<SQSBatchResponse> =>
    createDeadLetter({
      ...forOne(deps),
      quarantine: { write: async () => {} },
      scheduleSeconds: deps.config.scheduleSeconds,
      pointerScheduleSeconds: deps.config.pointerScheduleSeconds,
      logger: world.observer.logger,
      metrics: world.observer.recorder,
    })(event);
  const dlq = { ...shared, batchSize: 4, concurrency: 1, consume: fileDead, bury: () => {} };
  const fifoDlq = startSimulatedQueue({ ...dlq, name: 'dlq.fifo', fifo: true, maxReceiveCount: Infinity });
  const liveDlq = startSimulatedQueue({ ...dlq, name: 'dlq', fifo: false, maxReceiveCount: Infinity });

  const timers = async (): Promise<void> => {
    for (;;) {
      await time.sleep(60_000);
      const giveUp = giveUpIn(forOne(deps), world.endpoints);
      for (const record of world.records.values()) {
        if (record.status !== 'pending' || record.dueAt === null) continue;
        if (record.waitsFor === 'time' && instantToMs(record.dueAt) > time.now()) continue;
        const event = world.events.get(record.event.id);
        if (event === undefined) {
          // Where it fails, as a rule because the function has died, the others are left to the next run.
          const isDone = await giveUp(record).then(
            () => true,
            () => false,
          );
          if (!isDone) break;
          continue;
        }
        // The lease.
        world.records.set(record.id, {
          ...record,
          waitsFor: 'time',
          dueAt: instantFromMs(time.now() + 900_000),
        });
        const { partnerId, endpointId, attempts, sequence, replay } = record;
        const task: DeliveryTask = { v: 1, taskId: newTaskId(), partnerId, endpointId, event, attempts };
        // A backlog whose endpoint is slow is drained over the queue of the slow.
        const queue = record.waitsFor === 'endpoint' && hits(chances.slow) ? slow : live;
        queue.send(
          JSON.stringify(
            DeliveryTaskSchema.parse({ ...task, sequence, ...(replay === null ? {} : { replay }) }),
          ),
          endpointId,
        );
      }
    }
  };
  void timers();

  /** As `fan-out` and redrives do it. */
  const put = (task: DeliveryTask): void => {
    const body = JSON.stringify(task);
    if (world.endpoints.get('main')?.ordered === true)
      fifo.send(body, laneOf(task.event), { deduplicationId: task.taskId });
    else live.send(body, task.endpointId);
  };
  let toRepeat = 0;
  const repeatLater = async (event: DomainEvent): Promise<void> => {
    toRepeat += 1;
    await time.sleep(random() * 600_000);
    put(makeTask({ taskId: newTaskId(), event }));
    toRepeat -= 1;
  };
  const { records, endpoints } = world;
  const disturbances = startDisturbances({
    time,
    random,
    isFaulty,
    chances,
    records,
    endpoints,
    newTaskId,
    events: world.events,
    send: put,
  });
  const events = new Map<string, DomainEvent[]>();
  let isPublished = false;
  const publish = async (): Promise<void> => {
    for (let index = 0; index < eventsPerLane; index += 1) {
      for (let locker = 1; locker <= lockers; locker += 1) {
        const event = makeEvent({ id: `evt_t-${locker}_mmykbvk0_b7-${index + 1}` });
        laneOfRequest.set(event.id, laneOf(event));
        world.events.set(event.id, event);
        events.set(laneOf(event), [...(events.get(laneOf(event)) ?? []), event]);
        const times = hits(chances.repeat) ? 2 : 1;
        for (let sent = 0; sent < times; sent += 1) put(makeTask({ taskId: newTaskId(), event }));
        if (hits(chances.lateRepeat)) void repeatLater(event);
      }
      await time.sleep(random() * publishEveryMs);
    }
    isPublished = true;
  };
  void publish();
  const isOver = (): boolean =>
    isPublished &&
    toRepeat === 0 &&
    (!isDisturbed || disturbances.isQuiet()) &&
    [fifo, live, slow, fifoDlq, liveDlq].every((queue) => queue.isEmpty()) &&
    [...world.records.values()].every(({ status }) => status !== 'pending');
  await time.run(endMs, isOver);
  return {
    posts,
    events,
    records: world.records,
    lanes: world.lanes,
    faults,
    faultyUntilMs,
    total: world.observer.total,
    isOver: isOver(),
  };
}
