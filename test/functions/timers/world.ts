import { BatchWriteCommand } from '../../../functions/shared/aws/documents.ts';
import { createHandler, type TimersDeps } from '../../../functions/timers/create-handler.ts';
import { createGiveUp } from '../../../functions/timers/give-up.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { createDeliveryStore, type DeliveryStore } from '../../../functions/shared/delivery-store.ts';
import { createDisableEndpoint } from '../../../functions/shared/disable-endpoint.ts';
import { createDueDeliveries } from '../../../functions/shared/due-deliveries.ts';
import { createEndpointHealthStore } from '../../../functions/shared/endpoint-health.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEntityLists } from '../../../functions/shared/entity-lists.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createHandOutWindows } from '../../../functions/shared/hand-out-window.ts';
import { createLaneStore } from '../../../functions/shared/lane-store.ts';
import { createPartnerLogReader } from '../../../functions/shared/partner-log-reader.ts';
import type { OutgoingTask, TaskSender } from '../../../functions/shared/queue.ts';
import { createRedriveSource } from '../../../functions/shared/redrive-source.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import { createReplayMarks } from '../../../functions/shared/replay-marks.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { EntitySchema, type Entity } from '../../../schemas/entity.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import { addMs } from '../../../schemas/instant.ts';
import { makeEvent } from '../../helpers/deliveries.ts';
import { policy } from '../domain/samples.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';

export const start = '2026-03-22T09:15:40.000Z';
export const aMinute = { getRemainingTimeInMillis: () => 60_000 };
const operatorPartnerId = 'operator';

/** Timers over real tables; only the queue is a list. */
export async function startWorld() {
  const tables = await startDeliveriesTable();
  const state = {
    now: start,
    sent: [] as OutgoingTask[],
    errors: [] as unknown[][],
    metrics: new Map<string, number>(),
  };
  const sink = (suffix = '') => ({
    addMetric(name: string, _unit: string, value: number) {
      state.metrics.set(`${name}${suffix}`, value);
    },
  });
  let tasks = 0;
  const health = createEndpointHealthStore({
    ...tables,
    operatorPartnerId,
    now: () => Date.parse(state.now),
  });
  const store: DeliveryStore = createDeliveryStore(tables);
  const events = createEventReader(tables);
  const entities = { ...createEntityStore(tables), ...createEntityLists(tables) };
  const lanes = createLaneStore({ ...tables, now: () => Date.parse(state.now) });
  const sender: TaskSender = {
    async send(outgoing) {
      state.sent.push(...outgoing);
    },
  };
  const deps: TimersDeps = {
    entities,
    commit: createCommit(tables),
    events,
    deliveries: createDueDeliveries(tables),
    windows: createHandOutWindows(tables),
    health,
    sender,
    giveUp: createGiveUp({
      ...tables,
      entities,
      store,
      lanes,
      events,
      tasks: sender,
      metrics: sink(),
      operatorPartnerId,
      now: () => Date.parse(state.now),
    }),
    policy,
    redrives: createRedriveStore(tables),
    redriveSource: createRedriveSource({ ...tables, log: createPartnerLogReader(tables), events }),
    replayMarks: createReplayMarks(tables),
    redriveConfig: { settleSeconds: 60, maxPerSecond: 100, retentionDays: tables.retentionDays },
    dueShards: tables.dueShards,
    leaseSeconds: 900,
    catchUpPerSecond: 20,
    drainPerSecond: 10,
    retentionDays: tables.retentionDays,
    disableAfterHours: 120,
    disable: createDisableEndpoint({ ...tables, operatorPartnerId, now: () => Date.parse(state.now) }),
    clock: () => state.now,
    newTaskId: () => `task-${(tasks += 1)}`,
    logger: {
      info() {},
      error: (...input: unknown[]) => void state.errors.push(input),
    },
    metrics: {
      ...sink(),
      singleMetric() {
        let dimension = '';
        return {
          addDimension: (_: string, value: string) => void (dimension = `/${value}`),
          addMetric: (name: string, unit: string, value: number) =>
            sink(dimension).addMetric(name, unit, value),
        };
      },
    },
  };

  return {
    tables,
    state,
    deps,
    store,
    lanes,
    health,
    /** One run, as Lambda makes it. */
    run: async (changes: Partial<TimersDeps> = {}, context = aMinute) =>
      createHandler({ ...deps, ...changes })(null, context),
    /** Lets so many seconds pass. */
    pass(seconds: number) {
      state.now = addMs(state.now, seconds * 1_000);
    },
    async seed(...entities: Entity[]) {
      for (const entity of entities) await tables.put('entities', entityItem(entity, tables.dueShards));
    },
    /** Records, and the events that they name. */
    async seedDeliveries(records: readonly DeliveryRecord[]) {
      const events = new Map(records.map(({ event }) => [event.id, event]));
      await putAll(
        'events',
        [...events.values()].map((event) => eventItem(makeEvent({ ...event }), tables.retentionDays)),
      );
      await putAll(
        'deliveries',
        records.map((record) => deliveryItem(record, tables)),
      );
    },
    record: async (record: DeliveryRecord) => store.get(record),
    events: async (): Promise<DomainEvent[]> =>
      (await tables.scan('events')).map((item) => DomainEventSchema.parse(item)),
    stored: async (kind: Entity['kind']): Promise<Entity[]> =>
      (await tables.scan('entities'))
        .filter((item) => item['kind'] === kind)
        .map((item) => EntitySchema.parse(item)),
    [Symbol.asyncDispose]: async () => tables[Symbol.asyncDispose](),
  };

  async function putAll(table: string, items: readonly Record<string, unknown>[]): Promise<void> {
    for (let at = 0; at < items.length; at += 25)
      await tables.documents.send(
        new BatchWriteCommand({
          RequestItems: { [table]: items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } })) },
        }),
      );
  }
}

export type TimersWorld = Awaited<ReturnType<typeof startWorld>>;
