import * as z from 'zod';
import { parseEventId } from '../../schemas/event-id.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import { TowercastError } from './errors.ts';
import { expiresAfter } from './expiry.ts';

/** An event as the events table has it, and its place in its commit, which is nobody's business but fan-out's. */
export interface CommittedEvent {
  /** Null when this release can't read it. */
  event: DomainEvent | null;
  /** Id of the event that the same commit has of the same subject right before this one; null when it has none. */
  after: string | null;
}

/** An event as the events table holds it, under the key that its id contains. Throws TowercastError `event_id_invalid`. */
export function eventItem(
  event: DomainEvent,
  retentionDays: number,
  after: string | null = null,
): Record<string, unknown> {
  const key = parseEventId(event.id);
  if (key === null) throw new TowercastError('event_id_invalid', `${event.id} is no event id`);
  const place = after === null ? {} : { after };
  return { ...key, ...event, ...place, expiresAt: expiresAfter(event.receivedAt, retentionDays) };
}

/** `after` of what the events table holds. */
export const afterOf = (item: Record<string, unknown>): string | null => PlaceSchema.parse(item).after;

const PlaceSchema = z.object({ after: z.string().min(1).nullable().default(null).catch(null) });

export const parseEventItem = (item: Record<string, unknown>): CommittedEvent => ({
  event: DomainEventSchema.safeParse(item).data ?? null,
  after: afterOf(item),
});
