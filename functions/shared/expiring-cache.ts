export interface ExpiringCache<V> {
  /** The value kept under `key`, or what `load` gives. Callers at the same time share one load; failures are not kept. */
  get(key: string, load: () => Promise<V>): Promise<V>;
  delete(key: string): void;
}

export interface ExpiringCacheOptions {
  ttlMs: number;
  /** The one used longest ago makes room for the next. */
  maxEntries: number;
  /** Epoch milliseconds. */
  now: () => number;
}

/**
 * Keeps what was looked up for a while, absent things included: whoever loads says so by a value, such as null. The
 * time counts from the start of the load, so that nothing is older than `ttlMs`.
 */
export function createExpiringCache<V>({ ttlMs, maxEntries, now }: ExpiringCacheOptions): ExpiringCache<V> {
  // A Map keeps insertion order: entries are inserted again when used, so the first is the one used longest ago.
  const entries = new Map<string, { value: Promise<V>; expiresAt: number; settled: boolean }>();

  const load = (key: string, loader: () => Promise<V>): Promise<V> => {
    const entry = { value: loader(), expiresAt: now() + ttlMs, settled: false };
    entries.set(key, entry);
    entry.value.then(
      () => (entry.settled = true),
      () => entries.get(key) === entry && entries.delete(key),
    );
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(oldest);
    }
    return entry.value;
  };

  return {
    get(key, loader) {
      const entry = entries.get(key);
      entries.delete(key);
      if (entry === undefined || (entry.settled && entry.expiresAt <= now())) return load(key, loader);
      entries.set(key, entry);
      return entry.value;
    },
    delete(key) {
      entries.delete(key);
    },
  };
}
