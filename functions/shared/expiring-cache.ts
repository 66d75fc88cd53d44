export interface ExpiringCache<V> {
  /**
   * The value kept under `key`, or what `load` gives, which is told the value that is too old by now, if there is one. Callers
   * at the same time share one load; failures are not kept.
   */
  get(key: string, load: (old: V | undefined) => Promise<V>): Promise<V>;
  /** The same, but nothing that was looked up before `sinceMs` (epoch milliseconds). */
  getSince(sinceMs: number, key: string, load: (old: V | undefined) => Promise<V>): Promise<V>;
  /**
   * Keeps what somebody else looked up at `asOf` (epoch milliseconds), if nothing is kept under `key` and it is neither
   * too old nor from before the key was deleted. `make` is called only then; undefined: it is of no use after all.
   */
  offer(key: string, asOf: number, make: () => V | undefined): void;
  delete(key: string): void;
}

export interface ExpiringCacheOptions {
  ttlMs: number;
  /** The one used longest ago makes room for the next. */
  maxEntries: number;
  /**
   * Whether what nobody asks for any more goes too, once it is twice as old as `ttlMs` at most: a secret, say. Otherwise it stays
   * until others need its room, and `load` is told of it.
   */
  forgets?: boolean;
  /** Epoch milliseconds. */
  now: () => number;
}

/** What is kept, or that what was kept is no longer true. */
type Entry<V> =
  | { kind: 'kept'; value: Promise<V>; asOf: number; settled: { value: V } | null }
  | { kind: 'deleted'; at: number };

/**
 * Keeps what was looked up for a while, absent things included: whoever loads says so by a value, such as null. The
 * time counts from the start of the load, so that nothing is older than `ttlMs`.
 */
export function createExpiringCache<V>(options: ExpiringCacheOptions): ExpiringCache<V> {
  const { ttlMs, maxEntries, forgets = false, now } = options;
  // A Map keeps insertion order: entries are inserted again when used, so the first is the one used longest ago.
  const entries = new Map<string, Entry<V>>();
  let sweptAt = now();
  const sweep = (): void => {
    sweptAt = now();
    for (const [key, entry] of entries)
      if ((entry.kind === 'kept' ? entry.asOf : entry.at) + ttlMs <= sweptAt) entries.delete(key);
  };

  const set = (key: string, entry: Entry<V>): void => {
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(oldest);
    }
  };
  const keptUnder = (key: string): Promise<V> | null => {
    const entry = entries.get(key);
    if (entry?.kind !== 'kept' || (entry.settled !== null && entry.asOf + ttlMs <= now())) return null;
    set(key, entry);
    return entry.value;
  };
  const load = (key: string, loader: (old: V | undefined) => Promise<V>): Promise<V> => {
    const asOf = now();
    const before = entries.get(key);
    const old = before?.kind === 'kept' ? before.settled?.value : undefined;
    const entry: Entry<V> & { kind: 'kept' } = { kind: 'kept', value: loader(old), asOf, settled: null };
    if (forgets && sweptAt + ttlMs <= asOf) sweep();
    set(key, entry);
    entry.value.then(
      (value) => (entry.settled = { value }),
      () => entries.get(key) === entry && entries.delete(key),
    );
    return entry.value;
  };

  return {
    get: (key, loader) => keptUnder(key) ?? load(key, loader),
    getSince(sinceMs, key, loader) {
      const entry = entries.get(key);
      return entry?.kind === 'kept' && entry.asOf >= sinceMs ? entry.value : load(key, loader);
    },
    offer(key, asOf, make) {
      if (keptUnder(key) !== null || asOf + ttlMs <= now()) return;
      const entry = entries.get(key);
      if (entry?.kind === 'deleted' && asOf <= entry.at) return;
      const value = make();
      if (value === undefined) return;
      // Another machine's clock may be ahead.
      const own = { asOf: Math.min(asOf, now()), settled: { value } };
      set(key, { kind: 'kept', value: Promise.resolve(value), ...own });
    },
    delete(key) {
      set(key, { kind: 'deleted', at: now() });
    },
  };
}
