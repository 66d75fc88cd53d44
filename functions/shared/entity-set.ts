import type { Entity } from '../../schemas/entity.ts';
import { entityKey, type EntityRef } from './keys.ts';

type OfKind<K extends Entity['kind']> = Extract<Entity, { kind: K }>;

const nameOf = (ref: EntityRef | Entity): string => {
  const { pk, sk } = entityKey(ref);
  return `${pk}|${sk}`;
};

const isKind = <K extends Entity['kind']>(entity: Entity, kind: K): entity is OfKind<K> =>
  entity.kind === kind;

/** Entities in memory, found by what names them. */
export class EntitySet {
  readonly #entities: Map<string, Entity>;

  constructor(entities: Iterable<Entity> = []) {
    this.#entities = new Map([...entities].map((entity) => [nameOf(entity), entity]));
  }

  get<K extends Entity['kind']>(ref: EntityRef & { kind: K }): OfKind<K> | null {
    const entity = this.#entities.get(nameOf(ref));
    return entity !== undefined && isKind(entity, ref.kind) ? entity : null;
  }

  /** Adds an entity or takes the place of the one with its name. */
  set(entity: Entity): void {
    this.#entities.set(nameOf(entity), entity);
  }

  [Symbol.iterator](): Iterator<Entity> {
    return this.#entities.values();
  }
}
