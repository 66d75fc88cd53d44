import type { Lock } from '../../schemas/entity.ts';
import { mayKnow } from './caller.ts';
import type { Caller } from './operation.ts';
import { notFound } from './problem.ts';
import type { Services } from './services.ts';

/** A project is a partner's, and has its id. Throws 404 for another partner's. */
export function projectOf(caller: Caller, projectId: string): string {
  if (mayKnow(caller, projectId)) return projectId;
  throw notFound('There is no such project.');
}

/** Throws 404 for a lock that isn't in the project. */
export async function lockOf(
  { entities }: Pick<Services, 'entities'>,
  partnerId: string,
  lockId: string,
): Promise<Lock> {
  const ref = { kind: 'lock', lockId } as const;
  const lock = (await entities.getMany([ref])).get(ref);
  if (lock?.partnerId !== partnerId) throw notFound('There is no such lock.');
  return lock;
}
