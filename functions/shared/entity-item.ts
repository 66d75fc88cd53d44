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
  if (!('dueAt' in entity) || entity.dueAt !== null) return { ...entity };
  const { dueAt: _, ...rest } = entity;
  return rest;
}

function dueOf(entity: Entity, dueShards: number): { duePk?: string } {
  const isDue = 'dueAt' in entity && entity.dueAt !== null;
  if (!isDue) return {};
  return { duePk: entity.kind === 'redrive' ? redrivePartition : dueShard(entityKey(entity), dueShards) };
}

/** The partition of the due index that has the redrives that run: few, and looked at in every minute. */
export const redrivePartition = 'redrive#0';

/** Where the index lists what has no one partner. */
export const everyone = 'all';

/** Takes a partner's id's place where a partner's entities are listed by what they belong to. */
export const listingPart = (partnerId: string, part: string): string => `${partnerId}#${part}`;

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
    case 'command':
      return listed(entity.commandId, entity.partnerId);
    case 'key':
      return listed(entity.keyId, entity.partnerId);
    case 'endpoint':
      return listed(entity.endpointId, entity.partnerId);
    // Few and seldom written, so that one partition of the index holds them all.
    case 'tower':
      return listed(entity.towerId, everyone);
    case 'partner':
      return listed(entity.partnerId, everyone);
    // By department and by queue: nobody lists all of a partner's. A deleted booking is in no list.
    case 'booking':
      return entity.status === 'deleted'
        ? {}
        : listed(entity.bookingId, listingPart(entity.partnerId, entity.departmentId));
    case 'position':
      return listed(entity.positionId, listingPart(entity.partnerId, entity.queue));
    case 'queue':
      return listed(entity.queueId, entity.partnerId);
    case 'redrive':
      return listed(`${entity.createdAt}_${entity.redriveId}`, entity.partnerId);
    case 'message':
    case 'progress':
    case 'locker':
    case 'link':
    case 'lock':
    case 'client':
      return {};
  }
}
