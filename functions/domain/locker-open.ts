import type {
  Command,
  Locker,
  LockerOpenRequest,
  LockerStatus,
  PositionInTime,
  Token,
} from '../../schemas/entity.ts';
import type { Refusal } from '../../schemas/event.ts';
import { settle } from './command.ts';
import type { EventDraft } from './event.ts';
import { applyLockerFact } from './locker.ts';

/** What the tower's message is about, as far as it is known. */
export interface TokenUse {
  token: Token | null;
  request: LockerOpenRequest | null;
  /** The last one that was sent for the token. */
  command?: Command | null;
  locker: Locker;
  tokenId: number;
  position: PositionInTime;
}

export type TokenUseDecision =
  /** `command` is the one that this settles, null when none was open. */
  | {
      kind: 'used';
      late: boolean;
      token: Token;
      locker: Locker;
      command: Command | null;
      draft: EventDraft;
    }
  /** `token` is null when nobody knows it. Nothing changes. */
  | { kind: 'refused'; token: Token | null; draft: EventDraft };

const statusAfterUse = { dropoff: 'occupied', pickup: 'available' } as const satisfies Record<
  LockerOpenRequest['flow'],
  LockerStatus
>;

/** A token opens its own locker, once. Pure. */
export function decideTokenUse(use: TokenUse): TokenUseDecision {
  const { token, request, locker, tokenId, position } = use;
  // A token whose request is gone could not be told to its partner: it is as good as unknown.
  if (token === null || request === null) return refused(tokenId, null, 'token_unknown');
  if (token.towerId !== locker.towerId || token.locker !== locker.locker) {
    return refused(tokenId, token, 'token_elsewhere');
  }
  if (token.usedAt !== null) return refused(tokenId, token, 'token_already_used');
  const status = statusAfterUse[request.flow];
  const applied = applyLockerFact(locker, { status, position, partnerId: token.partnerId });
  const command = use.command == null ? null : settle(use.command, 'opened', position.at);
  const data = describeOpening(request, token, status);
  return {
    kind: 'used',
    late: applied.late,
    token: { ...token, usedAt: position.at },
    locker: request.flow === 'dropoff' && !applied.late ? withItem(applied.locker, request) : applied.locker,
    command,
    draft: {
      type: 'locker.token_used',
      data: command === null ? data : { ...data, commandId: command.commandId },
    },
  };
}

/** Only its partner can have it fetched: a late message may tell of a locker that is somebody else's by now. */
const withItem = (locker: Locker, { requestId, partnerId }: LockerOpenRequest): Locker =>
  locker.holderId === partnerId ? { ...locker, itemRequestId: requestId } : locker;

const refused = (tokenId: number, token: Token | null, refusal: Refusal): TokenUseDecision => ({
  kind: 'refused',
  token,
  draft: { type: 'locker.token_refused', data: { tokenId, refusal } },
});

export const describeOpening = (
  request: LockerOpenRequest,
  token: Token | null,
  lockerStatus: LockerStatus,
) => ({
  lockerStatus,
  requestId: request.requestId,
  requestPayload: request.payload,
  tokenId: token?.tokenId ?? null,
  clientInfo: token?.clientInfo ?? null,
});
