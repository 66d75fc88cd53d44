import type { Locker } from '../../../schemas/entity.ts';
import { notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';

type Reader = Pick<Services, 'entities' | 'randomBytes'>;

export async function readLocker({ entities }: Reader, towerId: string, locker: number): Promise<Locker> {
  const ref = { kind: 'locker', towerId, locker } as const;
  const stored = (await entities.getMany([ref])).get(ref);
  if (stored === null) throw notFound('There is no such locker.');
  return stored;
}

/**
 * An available locker: the one that was asked for, or any. By chance, so that requests made at the same moment seldom
 * want the same one; which of them gets it is decided by the commit. Throws 409 when there is none.
 */
export async function availableLocker(reader: Reader, towerId: string, wanted?: number): Promise<Locker> {
  if (wanted !== undefined) {
    const locker = await readLocker(reader, towerId, wanted);
    if (isFree(locker)) return locker;
    throw new Problem(409, 'locker_not_available', `Locker ${wanted} is taken.`);
  }
  const free = (await allLockers(reader, towerId)).filter(isFree);
  const chosen = free[reader.randomBytes(4).readUInt32BE(0) % Math.max(1, free.length)];
  if (chosen !== undefined) return chosen;
  throw new Problem(409, 'no_locker_available', 'No locker of this tower is available.');
}

const isFree = ({ status, holderId }: Locker): boolean => status === 'available' && holderId === null;

async function allLockers({ entities }: Reader, towerId: string): Promise<Locker[]> {
  const lockers: Locker[] = [];
  let after: string | null = null;
  do {
    const page: { items: Locker[]; next: string | null } = await entities.listInPartition(
      'locker',
      `tower#${towerId}`,
      { limit: 100, after },
    );
    lockers.push(...page.items);
    after = page.next;
  } while (after !== null);
  return lockers;
}
