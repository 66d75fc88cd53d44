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
