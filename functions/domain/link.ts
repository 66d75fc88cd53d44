import { createHash } from 'node:crypto';
import type {
  Command,
  Link,
  Locker,
  LockerOpenRequest,
  PositionInTime,
  Token,
} from '../../schemas/entity.ts';
import { addMs, compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { isOverdue } from './command.ts';
import { comparePositions } from './position-in-time.ts';

/** Nobody guesses 256 bits. */
export const linkSecretBytes = 32;

/** All that is kept of a link: who reads the tables can't open a locker with what is there. */
export const hashLink = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export const linkTo = (linkHash: string, requestId: number): Link => ({
  kind: 'link',
  linkHash,
  requestId,
  version: 0,
});

/** What a link leads to, as far as it exists. */
export interface LinkedOpening {
  request: LockerOpenRequest;
  locker: Locker;
  token: Token | null;
  /** The last one sent for the token. */
  command: Command | null;
}

export type LinkState =
  /** The button may be pressed. */
  | { kind: 'ready' }
  | { kind: 'opening'; sentAt: Instant }
  | { kind: 'opened'; at: Instant }
  /** Opened a while ago. */
  | { kind: 'used'; at: Instant }
  /** The button may be pressed again, for the token has not been used. `offline`: the tower was not heard of. */
  | { kind: 'failed'; why: 'refused' | 'offline' | 'unknown' }
  | { kind: 'expired'; at: Instant }
  | { kind: 'canceled' }
  /** Something else is or was in the locker since. */
  | { kind: 'outdated' };

/** Whoever opened the locker sees for this long that it opened; after that, that the link was used. */
const openedForMs = 5 * 60_000;

/** How it stands with a link. Pure. `lastSeenAt` is the tower's last sign of life, null when there was none. */
export function linkState(
  { request, locker, token, command }: LinkedOpening,
  now: Instant,
  lastSeenAt: Instant | null,
): LinkState {
  const openedAt = token?.usedAt ?? (command?.outcome === 'opened' ? command.settledAt : null);
  if (openedAt !== null) {
    const isFresh = compareInstants(now, addMs(openedAt, openedForMs)) < 0;
    return { kind: isFresh ? 'opened' : 'used', at: openedAt };
  }
  if (request.end?.how === 'canceled') return { kind: 'canceled' };
  if (command !== null && command.outcome === null && !isOverdue(command, now))
    return { kind: 'opening', sentAt: command.sentAt };
  const expiresAt = request.link?.expiresAt ?? now;
  if (compareInstants(expiresAt, now) <= 0 || request.end !== undefined)
    return { kind: 'expired', at: expiresAt };
  if (!isStillFor(request, locker)) return { kind: 'outdated' };
  return command === null ? { kind: 'ready' } : { kind: 'failed', why: failureOf(command, lastSeenAt) };
}

export const mayPress = ({ kind }: LinkState): boolean => kind === 'ready' || kind === 'failed';

function failureOf({ outcome, sentAt }: Command, lastSeenAt: Instant | null) {
  if (outcome === 'refused' || outcome === 'unknown') return outcome;
  if (outcome === 'expired') return 'offline';
  return lastSeenAt !== null && compareInstants(lastSeenAt, sentAt) > 0 ? 'unknown' : 'offline';
}

/**
 * Whether the locker is as it was when the link was made: free for what is brought, or with the very item inside that
 * is fetched. Else a link would open a locker with somebody else's things.
 */
export function isStillFor(request: LockerOpenRequest, locker: Locker): boolean {
  if (locker.holderId !== request.partnerId) return false;
  if (request.flow === 'dropoff') return locker.status === 'rented';
  const itemFrom = itemFor(request.partnerId, locker);
  return (
    itemFrom !== null && request.itemFrom !== undefined && comparePositions(itemFrom, request.itemFrom) === 0
  );
}

/**
 * What put `partnerId`'s item into the locker; null when there is none that a link may fetch. A reservation's parcel is none:
 * it goes by the reservation's own ways, or that would stay STOCKED with its parcel gone.
 */
export const itemFor = (
  partnerId: string,
  { status, holderId, itemRequestId, statusFrom }: Locker,
): PositionInTime | null =>
  status === 'occupied' && holderId === partnerId && itemRequestId !== undefined ? statusFrom : null;
