import { instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { RedriveSchema, type Redrive } from '../../schemas/redrive.ts';
import { dueText } from './delivery-item.ts';
import { redrivePartition } from './entity-item.ts';
import { createEntityStore, type EntityStoreOptions } from './entity-store.ts';
import { entityKey, type ItemKey } from './keys.ts';
import {
  keyOf,
  queryDueKeys,
  readItems,
  type DueKeysPage,
  type DueKeysQuery,
  type Position,
  type UnreadableItem,
} from './read-items.ts';

export interface RunningRedrives {
  redrives: Redrive[];
  /** Items that are no redrive that this release knows. */
  unreadable: UnreadableItem[];
}

export interface RedriveStore {
  /**
   * Redrives that run, at most a hundred: one of each partner, then another of each, and others first each minute. Where more
   * run, partners take turns, and so do the redrives of each: minute by minute all come up, so that nobody's keep others
   * waiting.
   */
  running(now: Instant): Promise<RunningRedrives>;
  /** How many of a partner's redrives run, as the index knows them: it lags by moments. */
  countRunning(partnerId: string): Promise<number>;
  /** Stores a redrive over the version it was loaded at. False when somebody else was ahead. */
  save(redrive: Redrive): Promise<boolean>;
}

const maxRunning = 100;
/** Keys only: a page of the index costs one request. */
const pageSize = 1_000;
const maxPages = 10;
/** Also of a function whose clock is ahead. */
const afterAllTimes = '~';

export function createRedriveStore(options: EntityStoreOptions): RedriveStore {
  const table = { documents: options.documents, table: options.entitiesTable };
  const entities = createEntityStore(options);
  const list = async (query: Pick<DueKeysQuery, 'until' | 'pk'>): Promise<ItemKey[]> => {
    const running: ItemKey[] = [];
    let from: Position | null = null;
    for (let pages = 0; pages === 0 || (from !== null && pages < maxPages); pages += 1) {
      const page: DueKeysPage = await queryDueKeys(table, {
        ...query,
        partition: redrivePartition,
        limit: pageSize,
        from,
      });
      running.push(...page.keys);
      from = page.next;
    }
    return running;
  };
  return {
    async running(now) {
      const running = await list({ until: dueText(now) });
      const keys = shareOut(running, Math.floor(instantToMs(now) / 60_000));
      const items = new Map((await readItems(table, keys)).map((item) => [nameOf(keyOf(item)), item]));
      const found: RunningRedrives = { redrives: [], unreadable: [] };
      for (const key of keys) {
        const item = items.get(nameOf(key));
        if (item === undefined) continue;
        const parsed = RedriveSchema.safeParse(item);
        if (!parsed.success) found.unreadable.push({ key, error: parsed.error });
        // The index lags: it may have ended.
        else if (parsed.data.status === 'running') found.redrives.push(parsed.data);
      }
      return found;
    },
    async countRunning(partnerId) {
      const { pk } = entityKey({ kind: 'redrive', partnerId, redriveId: '' });
      return (await list({ until: afterAllTimes, pk })).length;
    },
    save: async (redrive) => entities.replace(redrive),
  };
}

/** As many as one run moves on: one of each partner, then another of each; with others at the front each time. */
function shareOut(keys: readonly ItemKey[], turn: number): ItemKey[] {
  const isAll = keys.length <= maxRunning;
  const partners = rotated([...Map.groupBy(keys, ({ pk }) => pk).values()], isAll ? turn : turn * maxRunning);
  const share = isAll ? 1 : Math.max(1, Math.floor(maxRunning / partners.length));
  const lines = partners.map((line) => rotated(line, turn * share));
  const longest = Math.max(0, ...lines.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) => lines.flatMap((line) => line.slice(round, round + 1)))
    .flat()
    .slice(0, maxRunning);
}

const nameOf = ({ pk, sk }: ItemKey): string => `${pk}|${sk}`;

const rotated = <T>(items: readonly T[], by: number): T[] => {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
};
