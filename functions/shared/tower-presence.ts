import type { TowerProgress } from '../../schemas/entity.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { EntityLists } from './entity-lists.ts';
import { entityKey } from './keys.ts';
import type { Page } from './page.ts';

/**
 * The tower's last sign of life, in any of its boots; null when it never gave one. To the minute: a tower that only repeats
 * itself is noted no more often.
 */
export async function readLastSeen(
  lists: Pick<EntityLists, 'listInPartition'>,
  towerId: string,
): Promise<Instant | null> {
  const { pk } = entityKey({ kind: 'tower', towerId });
  let lastSeenAt: Instant | null = null;
  let after: string | null = null;
  do {
    const page: Page<TowerProgress> = await lists.listInPartition('progress', pk, { limit: 100, after });
    for (const progress of page.items)
      if (lastSeenAt === null || compareInstants(progress.lastSeenAt, lastSeenAt) > 0)
        lastSeenAt = progress.lastSeenAt;
    after = page.next;
  } while (after !== null);
  return lastSeenAt;
}
