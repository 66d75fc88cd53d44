import type { DeliveryRecord } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { compareInstants, instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive, RedriveCursor, RedriveStatus } from '../../schemas/redrive.ts';
import { matches, passes } from './match.ts';

/** Something that a redrive came past. */
export interface Candidate {
  event: DomainEvent;
  /** What is on record of its delivery to the endpoint; null when there is nothing. */
  record: DeliveryRecord | null;
}

/** What a redrive is for, without its progress. */
export type RedriveSelection = Pick<
  Redrive,
  'redriveId' | 'partnerId' | 'source' | 'filter' | 'eventId' | 'createdAt'
>;

/**
 * A record has room for so many attempts and those of one more schedule: DynamoDB takes 400 kB. What has been attempted so
 * often is not sent again; it can still be pulled.
 */
export const maxAttemptsBeforeReplay = 200;

/** Whether a redrive sends it. */
export function selects(redrive: RedriveSelection, endpoint: Endpoint, candidate: Candidate): boolean {
  const { event, record } = candidate;
  if (!event.partnerIds.includes(redrive.partnerId)) return false;
  // A lane says by itself what it skipped.
  if (event.type === 'sequence.skipped' || !passes(redrive.filter, event)) return false;
  if (record !== null && !maySendAgain(redrive, record)) return false;
  return redrive.eventId === undefined
    ? wants(redrive, endpoint, candidate)
    : redrive.eventId === event.id && isAskedFor(redrive, endpoint, candidate);
}

function maySendAgain({ partnerId, redriveId }: RedriveSelection, record: DeliveryRecord): boolean {
  // An endpoint's id may have been another partner's before.
  if (record.partnerId !== partnerId || record.attempts.length >= maxAttemptsBeforeReplay) return false;
  // It is on its way, or this redrive has sent it: a crash repeats a page.
  return record.status !== 'pending' && record.replay?.redriveId !== redriveId;
}

function wants(redrive: RedriveSelection, endpoint: Endpoint, { event, record }: Candidate): boolean {
  if (event.test !== undefined) return false;
  if (redrive.source === 'undelivered') return record !== null && record.status !== 'delivered';
  // What comes after it was asked for is sent as it happens, unless the endpoint was not known everywhere yet.
  const isNew = compareInstants(event.receivedAt, redrive.createdAt) >= 0;
  return matches(endpoint, event) && !(isNew && record?.status === 'delivered');
}

/**
 * Of the retry of one delivery. The endpoint's filter decides what is sent to it as it happens; this was sent, and somebody
 * wants it again. So is a test of the endpoint's own.
 */
function isAskedFor(
  { source }: RedriveSelection,
  { endpointId }: Endpoint,
  { event, record }: Candidate,
): boolean {
  if (event.test !== undefined && event.test.endpointId !== endpointId) return false;
  return source === 'events' || (record !== null && record.status !== 'delivered');
}

/** How far ahead a redrive sends: until the next run of `timers`. */
const minuteMs = 60_000;

/** How fast it may go, and from when on. */
export type RedrivePace = Pick<Redrive, 'perSecond' | 'nextSlotAt'>;

/**
 * Deliveries a second of each: its own rate, or its part of what an endpoint is given by all of its redrives together, which
 * is no more than one alone may have.
 */
export function ratesOf(redrives: readonly Redrive[], maxPerSecond: number): Map<Redrive, number> {
  const sums = new Map<string, number>();
  for (const { endpointId, perSecond } of redrives)
    sums.set(endpointId, (sums.get(endpointId) ?? 0) + perSecond);
  return new Map(
    redrives.map((redrive) => {
      const sum = sums.get(redrive.endpointId) ?? redrive.perSecond;
      return [redrive, redrive.perSecond * Math.min(1, maxPerSecond / sum)];
    }),
  );
}

/** How many deliveries it may send now. */
export function roomOf({ perSecond, nextSlotAt }: RedrivePace, now: Instant): number {
  const startMs = Math.max(instantToMs(now), instantToMs(nextSlotAt));
  return Math.max(0, Math.ceil(((instantToMs(now) + minuteMs - startMs) * perSecond) / 1_000));
}

/** Milliseconds from now to the turn of each of so many deliveries, and when the next one's would be. */
export function slotsFor(
  { perSecond, nextSlotAt }: RedrivePace,
  count: number,
  now: Instant,
): { delaysMs: number[]; nextSlotAt: Instant } {
  const nowMs = instantToMs(now);
  const startMs = Math.max(nowMs, instantToMs(nextSlotAt));
  const slotMs = (index: number): number => startMs + (index * 1_000) / perSecond;
  return {
    delaysMs: Array.from({ length: count }, (_, index) => slotMs(index) - nowMs),
    nextSlotAt: instantFromMs(Math.ceil(slotMs(count))),
  };
}

export interface Step {
  cursor: RedriveCursor | null;
  looked: number;
  sent: number;
  nextSlotAt: Instant;
}

/** A redrive after a page of its source was sent. */
export const movedOn = (redrive: Redrive, step: Step): Redrive => ({
  ...redrive,
  cursor: step.cursor,
  looked: redrive.looked + step.looked,
  sent: redrive.sent + step.sent,
  nextSlotAt: step.nextSlotAt,
  reason: null,
});

/** It stays running, and says why nothing happens. */
export const waitingFor = (redrive: Redrive, reason: string): Redrive => ({ ...redrive, reason });

/** A redrive that ends. It is kept for as long as what it sent again. */
export function ended(
  redrive: Redrive,
  status: Exclude<RedriveStatus, 'running'>,
  { now, reason = null, retentionDays }: { now: Instant; reason?: string | null; retentionDays: number },
): Redrive {
  const expiresAt = Math.floor(instantToMs(now) / 1_000) + retentionDays * 86_400;
  return { ...redrive, status, reason, endedAt: now, dueAt: null, expiresAt };
}
