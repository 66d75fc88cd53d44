import type { Entity } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { EntityLists } from '../shared/entity-lists.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import { readLastSeen } from '../shared/tower-presence.ts';
import type { EntityRef } from '../shared/keys.ts';
import { refsBehind, refsFurtherBehind } from './due-decision.ts';

export interface BehindReader extends Pick<EntityLists, 'listInPartition'> {
  getMany(refs: readonly EntityRef[]): Promise<EntitySet>;
}

/** What due entities rest on. */
export interface Behind {
  entities: EntitySet;
  /** Of the towers of due commands: their last sign of life. */
  lastSeen: ReadonlyMap<string, Instant | null>;
}

export async function loadBehind(reader: BehindReader, due: readonly Entity[]): Promise<Behind> {
  const towerIds = new Set(due.flatMap((entity) => (entity.kind === 'command' ? [entity.towerId] : [])));
  const [entities, seen] = await Promise.all([
    reader.getMany(due.flatMap(refsBehind)),
    Promise.all(
      [...towerIds].map(async (towerId) => [towerId, await readLastSeen(reader, towerId)] as const),
    ),
  ]);
  const further = due.flatMap((entity) => refsFurtherBehind(entity, entities));
  if (further.length > 0) for (const entity of await reader.getMany(further)) entities.set(entity);
  return { entities, lastSeen: new Map(seen) };
}
