import type { TowerAck, TowerCommand } from '../../../schemas/tower-command.ts';
import { createHandler, type IngestDeps } from '../../../functions/ingest/create-handler.ts';
import { createCommit } from '../../../functions/shared/commit.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { createQuarantineStore } from '../../../functions/shared/quarantine.ts';
import { DomainEventSchema, type DomainEvent } from '../../../schemas/event.ts';
import { EntitySchema, type Entity } from '../../../schemas/entity.ts';
import { QuarantineRecordSchema, type QuarantineRecord } from '../../../schemas/quarantine.ts';
import { policy } from '../domain/samples.ts';
import type { Tables } from '../shared/tables.ts';

export type SentDown =
  { to: 'acks'; towerId: string; body: TowerAck } | { to: 'commands'; towerId: string; body: TowerCommand };

/** An ingest over real tables, and all that it did. */
export interface Ingest {
  handler: (event: unknown) => Promise<void>;
  deps: IngestDeps;
  sentDown: SentDown[];
  metrics: Map<string, number>;
  warnings: unknown[];
  events(): Promise<DomainEvent[]>;
  quarantined(): Promise<QuarantineRecord[]>;
  /** Lines logged for information. */
  lines: unknown[];
  /** Fields of the line that the metrics are printed in. */
  metadata: ReadonlyMap<string, string>;
  seed(entities: readonly Entity[]): Promise<void>;
  entity<K extends Entity['kind']>(kind: K): Promise<Extract<Entity, { kind: K }>[]>;
}

type Count = (name: string, value: number) => void;

/** Counts under the metric's name and its dimension: `MessagesQuarantinedByReason.not_json`. */
const singleMetric = (count: Count) => () => {
  let dimension = '';
  const metric = {
    addDimension(_name: string, value: string) {
      dimension = value;
    },
    addMetric: (name: string, _unit: string, value: number) => count(`${name}.${dimension}`, value),
  };
  return metric;
};

/** `changes` replaces parts of it, such as one that fails. */
export function createIngest(
  tables: Tables,
  changes: (deps: IngestDeps) => Partial<IngestDeps> = () => ({}),
): Ingest {
  const sentDown: SentDown[] = [];
  const metrics = new Map<string, number>();
  const warnings: unknown[] = [];
  const lines: unknown[] = [];
  const metadata = new Map<string, string>();
  const count: Count = (name, value) => {
    metrics.set(name, (metrics.get(name) ?? 0) + value);
  };
  let ids = 0;
  const usual: IngestDeps = {
    entities: createEntityStore(tables),
    commit: createCommit(tables),
    quarantine: createQuarantineStore(tables),
    downlink: {
      async acknowledge(towerId, body) {
        sentDown.push({ to: 'acks', towerId, body });
      },
      async command(towerId, body) {
        sentDown.push({ to: 'commands', towerId, body });
      },
    },
    policy,
    clock: () => '2026-03-20T09:15:02.000Z',
    random: Math.random,
    sleep: async (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    newId: () => `command-${(ids += 1)}`,
    logger: {
      info: (...input: unknown[]) => lines.push(input),
      warn(...input: unknown[]) {
        warnings.push(input);
      },
    },
    metrics: {
      addMetric: (name, _unit, value) => count(name, value),
      addMetadata: (key, value) => metadata.set(key, value),
      singleMetric: singleMetric(count),
    },
  };
  const deps = { ...usual, ...changes(usual) };
  return {
    handler: createHandler(deps),
    deps,
    sentDown,
    metrics,
    warnings,
    lines,
    metadata,
    events: async () => (await tables.scan('events')).map((item) => DomainEventSchema.parse(item)),
    quarantined: async () =>
      (await tables.scan('entities'))
        .filter(({ kind }) => kind === 'quarantine')
        .map((item) => QuarantineRecordSchema.parse(item)),
    async seed(entities) {
      await Promise.all(entities.map(async (entity) => tables.put('entities', entityItem(entity, 4))));
    },
    async entity(kind) {
      const isKind = (entity: Entity): entity is Extract<Entity, { kind: typeof kind }> =>
        entity.kind === kind;
      return (await tables.scan('entities'))
        .filter((item) => item['kind'] === kind)
        .map((item) => EntitySchema.parse(item))
        .filter(isKind);
    },
  };
}
