import type { EntityStore } from '../shared/entity-store.ts';
import type { Access, Caller } from './operation.ts';
import { Problem } from './problem.ts';

/** Who signed in, whoever that is here. */
export interface Identity {
  caller: Caller;
  /** Names the caller across requests; empty for the public. */
  clientId: string;
}

type Role = 'operator' | 'partner';

/** Of our own user pool's resource server, and of issuers that name their scopes plainly. */
export const scopesOf = {
  operator: ['towercast/operator', 'operator'],
  partner: ['towercast/partner', 'partner'],
} as const satisfies Record<Role, readonly string[]>;

/** The scopes of which a token needs one to call an operation; empty for a public one. */
export function scopesFor(access: Access): readonly string[] {
  switch (access) {
    case 'operator':
    case 'partner':
      return scopesOf[access];
    case 'any':
      return [...scopesOf.operator, ...scopesOf.partner];
    case 'public':
      return [];
  }
}

/**
 * Who calls, by the claims of a token that API Gateway has verified: a scope says whether an operator or a partner, the
 * client id which partner. Throws 403 for a scope that is missing and for a client that is unknown or whose partner is not
 * active.
 */
export async function identify(
  entities: Pick<EntityStore, 'getMany'>,
  access: Access,
  claims: Readonly<Record<string, string>> | null,
): Promise<Identity> {
  if (access === 'public') return { caller: { kind: 'public' }, clientId: '' };
  // The template gives every other route an authorizer; this is for a template that forgot.
  if (claims === null) throw new Problem(401, 'token_missing', 'A bearer token is needed.');
  const clientId = claims['client_id'] ?? claims['azp'] ?? '';
  const role = roleOf(access, claims);
  if (role === null) throw new Problem(403, 'scope_missing', `Needs one of ${scopesFor(access).join(', ')}.`);
  if (role === 'operator') return { caller: { kind: 'operator' }, clientId };
  const partnerId = await partnerOfClient(entities, clientId);
  return { caller: { kind: 'partner', partnerId }, clientId };
}

function roleOf(access: Access, claims: Readonly<Record<string, string>>): Role | null {
  // `[a b]` is how API Gateway writes a list.
  const granted = new Set((claims['scope'] ?? claims['scp'] ?? '').split(/[\s[\],]+/));
  const has = (role: Role) => scopesOf[role].some((scope) => granted.has(scope));
  if (access !== 'partner' && has('operator')) return 'operator';
  return access !== 'operator' && has('partner') ? 'partner' : null;
}

/** Read at each request, so that a partner that was switched off is out at once. */
async function partnerOfClient(entities: Pick<EntityStore, 'getMany'>, clientId: string): Promise<string> {
  const clientRef = { kind: 'client', clientId } as const;
  const partnerId =
    clientId === '' ? undefined : (await entities.getMany([clientRef])).get(clientRef)?.partnerId;
  if (partnerId === undefined || partnerId === null)
    throw new Problem(403, 'client_unknown', 'The client of this token belongs to no partner.');
  const partnerRef = { kind: 'partner', partnerId } as const;
  const partner = (await entities.getMany([partnerRef])).get(partnerRef);
  if (partner?.active !== true)
    throw new Problem(403, 'partner_inactive', 'The partner of this client is not active.');
  return partnerId;
}
