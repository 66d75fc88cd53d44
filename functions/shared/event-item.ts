import { parseEventId } from '../../schemas/event-id.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { TowercastError } from './errors.ts';
import { expiresAfter } from './expiry.ts';

/** An event as the events table holds it, under the key that its id contains. Throws TowercastError `event_id_invalid`. */
export function eventItem(event: DomainEvent, retentionDays: number): Record<string, unknown> {
  const key = parseEventId(event.id);
  if (key === null) throw new TowercastError('event_id_invalid', `${event.id} is no event id`);
  return { ...key, ...event, expiresAt: expiresAfter(event.receivedAt, retentionDays) };
}
