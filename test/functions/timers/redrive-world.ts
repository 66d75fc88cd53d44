import { afterEach, beforeEach } from 'vitest';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { createDueDeliveries } from '../../../functions/shared/due-deliveries.ts';
import { dueShardName } from '../../../functions/shared/keys.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createEventReader } from '../../../functions/shared/event-reader.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { createPartnerLogReader } from '../../../functions/shared/partner-log-reader.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import { createRedriveSource } from '../../../functions/shared/redrive-source.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import { createReplayMarks } from '../../../functions/shared/replay-marks.ts';
import { runRedrives, type RedrivesDeps } from '../../../functions/timers/redrives.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { RedriveSchema, type Redrive } from '../../../schemas/redrive.ts';
import { makeEndpoint, makeEvent, makeRecord, makeRedrive } from '../../helpers/deliveries.ts';
import { putEntities } from '../api/foundation.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';

export const startMs = Date.parse('2026-03-20T22:00:00.000Z');
export const minuteMs = 60_000;

/** Over midnight: every five minutes one. */
export const makeEvents = (count: number): DomainEvent[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({
      id: `evt_0000000000000001-${1 + (index % 3)}_mmykbvk0_b7-${1_000 + index}`,
      locker: 1 + (index % 3),
      receivedAt: instantFromMs(startMs + index * 5 * minuteMs),
    }),
  );

export const record = (
  event: DomainEvent,
  overrides: Partial<Omit<DeliveryRecord, 'event'>>,
): DeliveryRecord => makeRecord({ event, ...overrides });

export const idsOf = (tasks: readonly OutgoingTask[]): string[] => tasks.map(({ task }) => task.event.id);

/** Tables with `timers`' redrives in them, new for each test of a file. */
export function useRedrives() {
  let started: Tables & { deliveriesTable: string };
  const world = {
    get tables() {
      return started;
    },
    set tables(other) {
      started = other;
    },
    nowMs: 0,
    sent: [] as OutgoingTask[],
  };
  beforeEach(async () => {
    started = await startDeliveriesTable();
    world.nowMs = startMs + 6 * 3_600_000;
    world.sent = [];
  });
  afterEach(async () => started[Symbol.asyncDispose]());

  async function store(events: readonly DomainEvent[]): Promise<void> {
    const log = createPartnerLog({ ...world.tables, now: () => world.nowMs });
    for (const event of events) await world.tables.put('events', eventItem(event, 90));
    await log.append(
      'acme',
      events.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
    );
  }

  const put = async (record: DeliveryRecord): Promise<void> =>
    world.tables.put('deliveries', deliveryItem(record, world.tables));

  /** Since before the first event. */
  const newRedrive = (overrides: Partial<Redrive> = {}): Redrive =>
    makeRedrive({ since: instantFromMs(startMs - minuteMs), ...overrides }, instantFromMs(world.nowMs));

  function makeDeps(overrides: Partial<RedrivesDeps> = {}): RedrivesDeps {
    const events = createEventReader(world.tables);
    return {
      redrives: createRedriveStore(world.tables),
      redriveSource: createRedriveSource({
        ...world.tables,
        log: createPartnerLogReader(world.tables),
        events,
      }),
      replayMarks: createReplayMarks(world.tables),
      leaseSeconds: 900,
      redriveConfig: { settleSeconds: 60, maxPerSecond: 100, retentionDays: 90 },
      entities: createEntityStore(world.tables),
      sender: {
        async send(tasks) {
          world.sent.push(...tasks);
        },
      },
      clock: () => instantFromMs(world.nowMs),
      newTaskId: () => `task-${world.sent.length}`,
      ...overrides,
    };
  }

  const runOnce = async (deps = makeDeps()) =>
    runRedrives(deps, { now: instantFromMs(world.nowMs), hasTime: () => true });

  /** As many minutes as it takes. */
  async function runToEnd(deps = makeDeps()): Promise<Redrive> {
    for (let minutes = 0; minutes < 30; minutes += 1) {
      await runOnce(deps);
      const redrive = await stored();
      if (redrive.status !== 'running') return redrive;
      world.nowMs += minuteMs;
    }
    throw new Error('it never ended');
  }

  async function stored(): Promise<Redrive> {
    const items = await world.tables.scan('entities');
    return RedriveSchema.parse(items.find(({ kind }) => kind === 'redrive'));
  }

  const start = async (endpoint: Partial<Endpoint> = {}, redrive: Partial<Redrive> = {}): Promise<void> =>
    putEntities(world.tables, makeEndpoint(endpoint), newRedrive(redrive));

  /** What a later run of `timers` finds due. */
  async function dueLater(afterMs: number) {
    const due = createDueDeliveries(world.tables);
    const pages = await Promise.all(
      Array.from({ length: world.tables.dueShards }, async (_, shard) =>
        due.list({
          partition: dueShardName(shard),
          until: instantFromMs(world.nowMs + afterMs),
          limit: 100,
          from: null,
        }),
      ),
    );
    const records = await due.read(pages.flatMap(({ waiting }) => waiting));
    return records.filter((found) => found !== null);
  }

  return { world, store, put, newRedrive, makeDeps, runOnce, runToEnd, stored, start, dueLater };
}
