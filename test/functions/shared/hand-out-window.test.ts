import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHandOutWindows, type HandOutWindows } from '../../../functions/shared/hand-out-window.ts';
import { startTables, type Tables } from './tables.ts';

const latest = '2026-03-20T10:14:00.000Z';
let tables: Tables;
let windows: HandOutWindows;

beforeAll(async () => {
  tables = await startTables();
  windows = createHandOutWindows(tables);
});
afterAll(async () => tables[Symbol.asyncDispose]());

const claim = async (now: string) => windows.claim({ now, seconds: 60, latest });

it('each window belongs to one run, and they follow each other', async () => {
  expect(await claim('2026-03-20T10:00:00.000Z')).toBe('2026-03-20T10:00:00.000Z');
  // A little early.
  expect(await claim('2026-03-20T10:00:59.000Z')).toBe('2026-03-20T10:01:00.000Z');
  // A run is missing: nobody is given its time.
  expect(await claim('2026-03-20T10:05:00.000Z')).toBe('2026-03-20T10:05:00.000Z');
  const together = await Promise.all([1, 2, 3].map(async () => claim('2026-03-20T10:05:00.000Z')));
  expect(new Set(together)).toEqual(
    new Set(['2026-03-20T10:06:00.000Z', '2026-03-20T10:07:00.000Z', '2026-03-20T10:08:00.000Z']),
  );
});

it('one that would start too late is not taken', async () => {
  const now = '2026-03-20T10:08:30.000Z';
  expect(await windows.claim({ now, seconds: 60, latest: '2026-03-20T10:08:59.000Z' })).toBeNull();
  expect(await windows.claim({ now, seconds: 60, latest })).toBe('2026-03-20T10:09:00.000Z');
});
