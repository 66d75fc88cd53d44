import type { EntityRef } from '../shared/keys.ts';
import type { EntitySet } from '../shared/entity-set.ts';
import type { Accepted } from './parse.ts';

export interface EntityReader {
  getMany(refs: readonly EntityRef[]): Promise<EntitySet>;
}

/**
 * Everything that the messages are about, in one BatchGetItem. Tokens take a second one: only they know which
 * request they belong to.
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
    ...messages.flatMap(({ message }) => refsOf(towerId, message)),
  ]);
  const requests = messages.flatMap(({ message }): EntityRef[] => {
    if (message.type !== 'token.used') return [];
    const token = entities.get({ kind: 'token', tokenId: message.tokenId });
    return token === null ? [] : [{ kind: 'request', requestId: token.requestId }];
  });
  if (requests.length > 0) {
    for (const request of await reader.getMany(requests)) entities.set(request);
  }
  return entities;
}

function refsOf(towerId: string, message: Accepted['message']): EntityRef[] {
  const refs: EntityRef[] = [];
  if ('locker' in message) refs.push({ kind: 'locker', towerId, locker: message.locker });
  if ('reservationId' in message) {
    refs.push({ kind: 'reservation', reservationId: message.reservationId });
  }
  if (message.type === 'token.used') refs.push({ kind: 'token', tokenId: message.tokenId });
  return refs;
}
