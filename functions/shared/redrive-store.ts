import type { Instant } from '../../schemas/primitives.ts';
import { RedriveSchema, type Redrive } from '../../schemas/redrive.ts';
import { dueText } from './delivery-item.ts';
import { redrivePartition } from './entity-item.ts';
import { createEntityStore, type EntityStoreOptions } from './entity-store.ts';
import type { ItemKey } from './keys.ts';
import { keyOf, queryDueKeys, readItems } from './read-items.ts';

export interface RedriveStore {
  /** Redrives that run, the oldest first, at most a hundred. */
  running(now: Instant): Promise<Redrive[]>;
  /** Stores a redrive over the version it was loaded at. False when somebody else was ahead. */
  save(redrive: Redrive): Promise<boolean>;
}

export interface RedriveStoreOptions extends EntityStoreOptions {
  /** Told of an item that is no redrive that this release knows; the others go on. */
  onUnreadable?: (key: ItemKey, error: unknown) => void;
}

const maxRunning = 100;

export function createRedriveStore(options: RedriveStoreOptions): RedriveStore {
  const table = { documents: options.documents, table: options.entitiesTable };
  const entities = createEntityStore(options);
  return {
    async running(now) {
      const query = { partition: redrivePartition, until: dueText(now), limit: maxRunning, from: null };
      const { keys } = await queryDueKeys(table, query);
      const redrives = (await readItems(table, keys)).flatMap((item): Redrive[] => {
        const parsed = RedriveSchema.safeParse(item);
        if (!parsed.success) options.onUnreadable?.(keyOf(item), parsed.error);
        // The index lags: it may have ended.
        return parsed.success && parsed.data.status === 'running' ? [parsed.data] : [];
      });
      return redrives.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    },
    save: async (redrive) => entities.replace(redrive),
  };
}
