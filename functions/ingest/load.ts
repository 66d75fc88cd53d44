import { walkInPositionId } from '../domain/walk-in.ts';
import type { EntityRef } from '../shared/keys.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { Accepted } from './parse.ts';

export interface EntityReader {
  getMany(refs: readonly EntityRef[]): Promise<EntitySet>;
}

/**
 * Everything that the messages are about, in one BatchGetItem. Tokens and keys take a second one: only they know
 * which request or lock they belong to.
 */
export async function loadEntities(
  reader: EntityReader,
  towerId: string,
  messages: readonly Accepted[],
  boots: Iterable<string> = [],
): Promise<EntitySet> {
  const entities = await reader.getMany([
    { kind: 'tower', towerId },
    ...[...boots].map((boot) => ({ kind: 'progress', towerId, boot }) as const),
    ...messages.flatMap((accepted) => refsOf(towerId, accepted)),
  ]);
  const behind = messages.flatMap(({ message }) => refsBehind(entities, message));
  if (behind.length > 0) {
    for (const entity of await reader.getMany(behind)) entities.set(entity);
  }
  return entities;
}

/** What only another entity knows of. */
function refsBehind(entities: EntitySet, message: Accepted['message']): EntityRef[] {
  if (message.type === 'token.used') {
    const token = entities.get({ kind: 'token', tokenId: message.tokenId });
    if (token === null) return [];
    const request = { kind: 'request', requestId: token.requestId } as const;
    return token.commandId === undefined
      ? [request]
      : [request, { kind: 'command', commandId: token.commandId }];
  }
  if (message.type === 'position.checked_in') {
    const position = entities.get({ kind: 'position', positionId: message.positionId });
    return position === null ? [] : [{ kind: 'queue', queueId: position.queue }];
  }
  if ('keyId' in message && message.lockId === undefined) {
    const key = entities.get({ kind: 'key', keyId: message.keyId });
    return key === null ? [] : [{ kind: 'lock', lockId: key.lockId }];
  }
  return [];
}

function refsOf(towerId: string, { message, at }: Accepted): EntityRef[] {
  const refs: EntityRef[] = [];
  if ('locker' in message) refs.push({ kind: 'locker', towerId, locker: message.locker });
  if ('reservationId' in message) {
    refs.push({ kind: 'reservation', reservationId: message.reservationId });
  }
  if (message.type === 'token.used') refs.push({ kind: 'token', tokenId: message.tokenId });
  if ('commandId' in message) refs.push({ kind: 'command', commandId: message.commandId });
  if ('keyId' in message) {
    refs.push({ kind: 'key', keyId: message.keyId });
    if (message.lockId !== undefined) refs.push({ kind: 'lock', lockId: message.lockId });
  }
  if ('positionId' in message) refs.push({ kind: 'position', positionId: message.positionId });
  if (message.type === 'position.walk_in') {
    const positionId = walkInPositionId({ ...message, towerId, at });
    refs.push({ kind: 'queue', queueId: message.queue }, { kind: 'position', positionId });
  }
  return refs;
}
