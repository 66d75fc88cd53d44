import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createHandOutWindows,
  type HandOutWindow,
  type HandOutWindows,
} from '../../../functions/shared/hand-out-window.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
let windows: HandOutWindows;

beforeEach(async () => {
  tables = await startTables();
  windows = createHandOutWindows(tables);
});
afterEach(async () => tables[Symbol.asyncDispose]());

const at = (time: string) => `2026-03-20T${time}.000Z`;
/** In milliseconds, of those that are not empty. */
const lengthsOf = (claimed: readonly HandOutWindow[]) =>
  claimed.map(({ from, until }) => Date.parse(until) - Date.parse(from)).filter((length) => length > 0);
const claim = async (time: string) => windows.claim(at(time), 60);

it('the first run has the minute that begins with it', async () => {
  expect(await windows.claim('2026-03-20T10:00:00.900Z', 60)).toEqual({
    from: at('10:00:00'),
    until: at('10:01:00'),
  });
});

it('each run has what nobody has of its minute, be it late or early', async () => {
  await claim('10:00:00');
  expect(await claim('10:00:59')).toEqual({ from: at('10:01:00'), until: at('10:01:59') });
  expect(await claim('10:02:20')).toEqual({ from: at('10:02:20'), until: at('10:03:20') });
  expect(await claim('10:03:20')).toEqual({ from: at('10:03:20'), until: at('10:04:20') });
});

it('a minute that somebody has is nobody else’s: not at the same time, nor by a clock that is behind', async () => {
  const together = await Promise.all([1, 2, 3].map(async () => claim('10:00:00')));
  const late = await claim('09:59:58');
  expect(lengthsOf([...together, late])).toEqual([60_000]);
});

it('what a clock that was ten minutes ahead has taken is free, for one run', async () => {
  await claim('10:10:00');
  const together = await Promise.all([1, 2, 3].map(async () => claim('10:00:00')));
  expect(lengthsOf(together)).toEqual([60_000]);
  expect(await claim('10:00:40')).toEqual({ from: at('10:01:00'), until: at('10:01:40') });
});

it('what a clock that is some seconds ahead has taken is not', async () => {
  await claim('10:00:05');
  expect(lengthsOf([await claim('10:00:00')])).toEqual([]);
  expect(await claim('10:00:10')).toEqual({ from: at('10:01:05'), until: at('10:01:10') });
});
