import { EntitySchema, type Entity } from '../../schemas/entity.ts';
import { dueShard, entityKey } from './keys.ts';

/**
 * An entity as the entities table holds it: with its key and, where it has a place in them, the attributes of the
 * indexes `byPartner` and `due`. DynamoDB leaves an item out of an index whose attributes it lacks, and refuses
 * NULL there.
 */
export function entityItem(entity: Entity, dueShards: number): Record<string, unknown> {
  const key = entityKey(entity);
  return { ...withoutNullDue(entity), ...key, ...listingOf(entity), ...dueOf(entity, dueShards) };
}

/** Throws a ZodError for what is no entity. */
export const parseEntity = (item: unknown): Entity => EntitySchema.parse(item);

function withoutNullDue(entity: Entity): Record<string, unknown> {
  if (entity.kind !== 'reservation' || entity.dueAt !== null) return { ...entity };
  const { dueAt: _, ...rest } = entity;
  return rest;
}

function dueOf(entity: Entity, dueShards: number): { duePk?: string } {
  const isDue = entity.kind === 'reservation' && entity.dueAt !== null;
  return isDue ? { duePk: dueShard(entityKey(entity), dueShards) } : {};
}

function listingOf(entity: Entity): { listPk?: string; listSk?: string } {
  const listed = (id: string | number, partnerId: string) => ({
    listPk: `${entity.kind}#${partnerId}`,
    listSk: String(id),
  });
  switch (entity.kind) {
    case 'reservation':
      return listed(entity.reservationId, entity.partnerId);
    case 'request':
      return listed(entity.requestId, entity.partnerId);
    case 'token':
      return listed(entity.tokenId, entity.partnerId);
    case 'key':
      return listed(entity.keyId, entity.partnerId);
    case 'endpoint':
      return listed(entity.endpointId, entity.partnerId);
    case 'tower':
    case 'progress':
    case 'locker':
    case 'partner':
      return {};
  }
}
