import { describe, expect, it } from 'vitest';
import { createExpiringCache } from '../../../functions/shared/expiring-cache.ts';

/** A cache of ten milliseconds and three entries, its clock, and how often each key was loaded. */
function makeCache() {
  const clock = { ms: 0 };
  const loads: string[] = [];
  const cache = createExpiringCache<string | null>({ ttlMs: 10, maxEntries: 3, now: () => clock.ms });
  const get = (key: string, value: string | null = key) =>
    cache.get(key, async () => {
      loads.push(key);
      return value;
    });
  return { clock, loads, cache, get };
}

describe('an expiring cache', () => {
  it('keeps a value for its time, and loads it again after', async () => {
    const { clock, loads, get } = makeCache();
    expect(await get('a')).toBe('a');
    clock.ms = 9;
    await get('a');
    expect(loads).toEqual(['a']);
    clock.ms = 10;
    await get('a');
    expect(loads).toEqual(['a', 'a']);
  });

  it('tells whoever loads again what there was, unless it was deleted', async () => {
    const { clock, cache } = makeCache();
    const olds: (string | null | undefined)[] = [];
    const load = async (old: string | null | undefined) => {
      olds.push(old);
      return `value ${olds.length}`;
    };
    await cache.get('a', load);
    clock.ms = 10;
    await cache.get('a', load);
    cache.delete('a');
    await cache.get('a', load);
    expect(olds).toEqual([undefined, 'value 1', undefined]);
  });

  it('forgets what is too old, if it is to, though nobody asks for it', async () => {
    const clock = { ms: 0 };
    const olds: unknown[] = [];
    const cache = createExpiringCache<string>({
      ttlMs: 10,
      maxEntries: 3,
      forgets: true,
      now: () => clock.ms,
    });
    const get = (key: string) =>
      cache.get(key, async (old) => {
        olds.push(old);
        return key;
      });
    await get('secret');
    clock.ms = 10;
    await get('b');
    await get('secret');
    await get('b');
    expect(olds).toEqual([undefined, undefined, undefined]);
  });

  it('keeps the absence of a thing too', async () => {
    const { loads, get } = makeCache();
    expect([await get('a', null), await get('a', null)]).toEqual([null, null]);
    expect(loads).toEqual(['a']);
  });

  it('loads once for all who ask at the same time, also without any time to keep it', async () => {
    const loads: number[] = [];
    const cache = createExpiringCache<number>({ ttlMs: 0, maxEntries: 3, now: () => 0 });
    const load = async () => loads.push(1);
    await Promise.all([cache.get('a', load), cache.get('a', load)]);
    expect(loads).toHaveLength(1);
    await cache.get('a', load);
    expect(loads).toHaveLength(2);
  });

  it('does not keep a failure', async () => {
    const { cache, get } = makeCache();
    await expect(cache.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await get('a')).toBe('a');
  });

  it('drops what was used longest ago when it is full', async () => {
    const { loads, get } = makeCache();
    for (const key of ['a', 'b', 'c', 'a', 'd']) await get(key);
    expect(loads.splice(0)).toEqual(['a', 'b', 'c', 'd']);
    for (const key of ['c', 'a', 'd', 'b']) await get(key);
    expect(loads).toEqual(['b']);
  });

  it('forgets on demand', async () => {
    const { loads, cache, get } = makeCache();
    await get('a');
    cache.delete('a');
    await get('a');
    expect(loads).toEqual(['a', 'a']);
  });
});

describe('what somebody else looked up', () => {
  /** Offers `told` under "a" as of a time, after that much time. Resolves with what "a" is then. */
  async function offered(asOf: number, { at = asOf, before = async () => {} }: OfferedAt = {}) {
    const world = makeCache();
    await before(world);
    world.clock.ms = at;
    world.cache.offer('a', asOf, () => 'told');
    return world.get('a', 'read');
  }
  interface OfferedAt {
    at?: number;
    before?: (world: ReturnType<typeof makeCache>) => Promise<unknown>;
  }

  it('is as good as what was looked up here, and as old as it was there', async () => {
    expect(await offered(5, { at: 14 })).toBe('told');
    expect(await offered(5, { at: 15 })).toBe('read');
    const { clock, cache, get } = makeCache();
    clock.ms = 8;
    cache.offer('a', 1, () => 'told');
    clock.ms = 10;
    expect(await get('a', 'read')).toBe('told');
    clock.ms = 11;
    expect(await get('a', 'read')).toBe('read');
  });

  it('is not used as long as something is kept, and not even made', async () => {
    const { cache, get } = makeCache();
    await get('a', 'read');
    cache.offer('a', 0, () => {
      throw new Error('made');
    });
    expect(await get('a')).toBe('read');
  });

  it('is used when what was kept is too old', async () => {
    expect(await offered(9, { at: 10, before: ({ get }) => get('a', 'old') })).toBe('told');
  });

  it('is not used when it is from before a deletion, or from the same moment', async () => {
    const options: OfferedAt = {
      at: 6,
      async before({ clock, cache }) {
        clock.ms = 5;
        cache.delete('a');
      },
    };
    expect(await offered(4, options)).toBe('read');
    expect(await offered(5, options)).toBe('read');
    expect(await offered(6, options)).toBe('told');
  });

  it('does not live longer for a clock that is ahead', async () => {
    const { clock, cache, get } = makeCache();
    cache.offer('a', 1_000, () => 'told');
    clock.ms = 9;
    expect(await get('a', 'read')).toBe('told');
    clock.ms = 10;
    expect(await get('a', 'read')).toBe('read');
  });

  it('that is of no use after all is looked up', async () => {
    const { cache, get } = makeCache();
    cache.offer('a', 0, () => undefined);
    expect(await get('a', 'read')).toBe('read');
  });
});
