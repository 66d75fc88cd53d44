import type { Command, Locker, LockerOpenRequest, Token } from '../../schemas/entity.ts';
import type { Cause } from '../../schemas/event.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { orderOpening, type OpeningOrder } from './command.ts';
import { toEvent, type Decision } from './event.ts';
import type { LinkedOpening } from './link.ts';
import { createToken, type NewToken } from './locker-open-commands.ts';
import { describeOpening } from './locker-open.ts';
import { lockerAfterTransition } from './locker.ts';

export type LinkUse = Decision & { command: Command };

/** The button, for the first time: the link's one token, and the command that opens the locker for it. */
export function useLink(
  { request, locker }: Pick<LinkedOpening, 'request' | 'locker'>,
  newToken: NewToken,
  order: OpeningOrder,
): LinkUse {
  const created = createToken({ ...newToken, commandId: order.commandId }, request, locker, order.now);
  const { command, event } = orderOpening(created.token, order);
  return {
    changes: [{ ...request, tokenId: created.token.tokenId }, ...created.changes, command],
    events: [...created.events, event],
    command,
  };
}

/**
 * The button again, after a command that did not open the locker: another command for the same token. The request is as it
 * was, but its version guards: it can't end, and its locker go to somebody else, while this command opens.
 */
export function useLinkAgain(request: LockerOpenRequest, token: Token, order: OpeningOrder): LinkUse {
  const { command, event } = orderOpening(token, order);
  return { changes: [request, { ...token, commandId: order.commandId }, command], events: [event], command };
}

export type RequestEnding =
  | ({ kind: 'ended' } & Decision)
  /** It was ended before; or the locker was opened, and there is nothing left to end. */
  | { kind: 'over' }
  /** A command is open: nobody knows yet. */
  | { kind: 'opening' };

/** The tower may tell that the command opened the locker before it tells that the token was used. */
export const wasOpened = ({ token, command }: Pick<LinkedOpening, 'token' | 'command'>): boolean =>
  token?.usedAt != null || command?.outcome === 'opened';

/** The partner withdraws the link, and gives back the locker if nothing was put into it. */
export function cancelLockerOpenRequest(opening: LinkedOpening, now: Instant): RequestEnding {
  if (opening.request.end !== undefined || wasOpened(opening)) return { kind: 'over' };
  if (opening.command?.outcome === null) return { kind: 'opening' };
  return endRequest(opening, 'canceled', { cause: 'api', at: now, now });
}

/**
 * Nobody used the link in time. The locker is given back, unless its door may have been opened without our hearing of it:
 * then only the partner knows, and cancels. Null while it is not due.
 */
export function expireLockerOpenRequest(opening: LinkedOpening, now: Instant): RequestEnding | null {
  const { request, command, token } = opening;
  if (request.dueAt == null || compareInstants(request.dueAt, now) > 0) return null;
  if (request.end !== undefined || token?.usedAt != null) return { kind: 'over' };
  if (command?.outcome === null) return { kind: 'opening' };
  const mayBeUsed = command !== null && command.outcome !== 'refused';
  if (mayBeUsed) return { kind: 'over' };
  return endRequest(opening, 'expired', { cause: 'timer', at: request.dueAt, now });
}

/** The request with nothing left for the timer to look at. It keeps no event: nothing happened. */
export const withoutTimer = (request: LockerOpenRequest): LockerOpenRequest => ({ ...request, dueAt: null });

function endRequest(
  { request, locker, token }: LinkedOpening,
  how: 'canceled' | 'expired',
  { cause, at, now }: { cause: Cause; at: Instant; now: Instant },
): RequestEnding {
  const freed = lockerGivenBack(request, locker, at);
  const ended: LockerOpenRequest = { ...request, end: { how, at }, dueAt: null };
  const event = toEvent(
    {
      occurredAt: at,
      receivedAt: now,
      cause,
      late: false,
      towerId: request.towerId,
      locker: request.locker,
      partnerIds: [request.partnerId],
      source: { entity: 'request', id: request.requestId, version: request.version + 1 },
    },
    { type: `locker.request_${how}`, data: describeOpening(request, token, freed.status) },
  );
  return { kind: 'ended', changes: freed === locker ? [ended] : [ended, freed], events: [event] };
}

/** What is fetched stays where it is. */
const lockerGivenBack = ({ flow, partnerId }: LockerOpenRequest, locker: Locker, at: Instant): Locker =>
  flow === 'dropoff' ? lockerAfterTransition(locker, { to: 'CANCELED', partnerId, at }) : locker;
