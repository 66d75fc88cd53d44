import { createHash } from 'node:crypto';
import type { AccessEvent } from '../../schemas/access-event.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { inMilliseconds } from '../../schemas/instant.ts';
import { uuidFromHash } from '../../schemas/uuid.ts';

const actions = { 'access.locked': 'locked', 'access.unlocked': 'unlocked' } as const;

/**
 * How an access event is told and logged, whoever's key it was; null for anything else. A refused key is none: the
 * partner document knows two actions only.
 */
export function toAccessEvent(event: DomainEvent): AccessEvent | null {
  if (event.type !== 'access.locked' && event.type !== 'access.unlocked') return null;
  const { keyId, lockId, lockName, appUserId, userName } = event.data;
  return {
    id: accessEventId(event.id),
    action: actions[event.type],
    // The document shows milliseconds; what a tower measured finer is cut.
    created: inMilliseconds(event.occurredAt),
    keyId,
    lockId,
    lockName,
    appUserId,
    userName,
  };
}

/** Ours, drawn once. It must never change: partners know events by what comes of it. */
const namespace = Buffer.from('6f0c2f6e1f5f4c6c9d0a3b7f5a0e8f21', 'hex');

/**
 * The document's ids are UUIDs. This is the one of version 5 (RFC 9562, section 5.5) for the event's id, so the same in
 * each retry, replay and page of the log.
 */
export function accessEventId(eventId: string): string {
  return uuidFromHash(createHash('sha1').update(namespace).update(eventId).digest(), 5);
}
