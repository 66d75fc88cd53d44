import type { Locker, LockerOpenRequest, Token } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { toEvent, type Decision } from './event.ts';
import { takeLocker } from './locker.ts';
import { describeOpening } from './locker-open.ts';

export type NewLockerOpenRequest = Omit<LockerOpenRequest, 'kind' | 'version'>;
export type NewToken = Pick<Token, 'tokenId' | 'clientInfo' | 'commandId'>;

/** A locker open request with its link: the partner takes the locker, and hears `locker.assigned`. */
export function createLockerOpenRequest(
  fields: NewLockerOpenRequest,
  locker: Locker,
  now: Instant,
): Decision {
  const request: LockerOpenRequest = { ...fields, kind: 'request', version: 0 };
  const taken = takeLocker(locker, request.partnerId, now);
  const event = toEvent(
    { ...circumstances(request, now), source: { entity: 'request', id: request.requestId, version: 1 } },
    { type: 'locker.assigned', data: describeOpening(request, null, taken.status) },
  );
  return { changes: taken === locker ? [request] : [request, taken], events: [event] };
}

/** A token that opens the request's locker once. `locker` is as it stands now: the event shows its status. */
export function createToken(
  fields: NewToken,
  request: LockerOpenRequest,
  locker: Locker,
  now: Instant,
): Decision & { token: Token } {
  const { requestId, partnerId, towerId } = request;
  const token: Token = {
    ...fields,
    kind: 'token',
    requestId,
    partnerId,
    towerId,
    locker: request.locker,
    usedAt: null,
    version: 0,
  };
  const event = toEvent(
    { ...circumstances(request, now), source: { entity: 'token', id: token.tokenId, version: 1 } },
    { type: 'locker.token_created', data: describeOpening(request, token, locker.status) },
  );
  return { changes: [token], events: [event], token };
}

const circumstances = ({ towerId, locker, partnerId }: LockerOpenRequest, now: Instant) => ({
  occurredAt: now,
  receivedAt: now,
  cause: 'api' as const,
  late: false,
  towerId,
  locker,
  partnerIds: [partnerId],
});
