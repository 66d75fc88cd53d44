import type { Tower } from '../../../schemas/entity.ts';
import type { Caller } from '../operation.ts';
import { notFound } from '../problem.ts';
import type { Services } from '../services.ts';

export async function readTower({ entities }: Services, towerId: string): Promise<Tower | null> {
  const ref = { kind: 'tower', towerId } as const;
  return (await entities.getMany([ref])).get(ref);
}

/** The tower, if the caller is an operator or a partner that may use it. Throws 404. */
export function seesTower(caller: Caller, tower: Tower | null): Tower {
  const sees =
    caller.kind === 'operator' ||
    (caller.kind === 'partner' && tower?.partnerIds.includes(caller.partnerId) === true);
  if (tower === null || !sees) throw notFound('There is no such tower.');
  return tower;
}
