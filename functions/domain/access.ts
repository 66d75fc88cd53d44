import type { Key, Lock } from '../../schemas/entity.ts';
import type { EventDraft } from './event.ts';

/** What a tower says of a key: it was used at the lock, or the lock refused it. */
export type AccessFact = 'access.locked' | 'access.unlocked' | 'access.denied';

export interface KeyUse {
  fact: AccessFact;
  keyId: string;
  /** Null when nobody knows it. */
  key: Key | null;
  lock: Lock;
}

/**
 * What the use of a key comes to. It is told as it happened, of a revoked key too: a tower that was offline could not
 * know. A key that isn't this lock's says nothing about whose it is. Pure.
 */
export function describeKeyUse({ fact, keyId, key, lock }: KeyUse): EventDraft {
  const isItsKey = key?.lockId === lock.lockId && key.partnerId === lock.partnerId;
  const { lockId, name: lockName } = lock;
  const holder = isItsKey
    ? { keyOrigin: key.origin, appUserId: key.appUserId, userName: key.userName }
    : {
        keyOrigin: null,
        appUserId: null,
        userName: null,
        refusal: key === null ? ('key_unknown' as const) : ('key_elsewhere' as const),
      };
  return { type: fact, data: { lockId, lockName, keyId, ...holder } };
}
