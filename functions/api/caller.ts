import type { Caller } from './operation.ts';
import { notFound, Problem } from './problem.ts';

/**
 * The entity, if the caller may know of it: an operator may know of all, a partner of its own. Throws 404 for what does
 * not exist and for what belongs to another partner alike.
 */
export function visibleTo<T extends { partnerId: string }>(
  caller: Caller,
  entity: T | null,
  what = 'resource',
): T {
  if (entity === null || !mayKnow(caller, entity.partnerId)) throw notFound(`There is no such ${what}.`);
  return entity;
}

export const mayKnow = (caller: Caller, partnerId: string): boolean =>
  caller.kind === 'operator' || (caller.kind === 'partner' && caller.partnerId === partnerId);

/**
 * Whom something is created or listed for: a partner acts for itself, an operator names the partner. `pointer` says
 * where the request names it.
 */
export function ownerFor(
  caller: Caller,
  partnerId: string | undefined,
  pointer: '/body/partnerId' | '/query/partnerId' = '/body/partnerId',
): string {
  if (caller.kind === 'partner') {
    if (partnerId === undefined || partnerId === caller.partnerId) return caller.partnerId;
    throw notFound('There is no such partner.');
  }
  if (partnerId !== undefined) return partnerId;
  throw new Problem(400, 'validation_failed', 'One field is not valid.', {
    errors: [{ pointer, detail: 'is required of operators' }],
  });
}
