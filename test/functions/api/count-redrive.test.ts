import { expect, it } from 'vitest';
import { countRedrive } from '../../../functions/api/count-redrive.ts';
import { planRedrive } from '../../../functions/api/open-redrive.ts';
import { TowercastError } from '../../../functions/shared/errors.ts';
import type { RedriveSource } from '../../../functions/shared/redrive-source.ts';
import { addMs } from '../../../schemas/instant.ts';
import { makeEndpoint, makeEvent } from '../../helpers/deliveries.ts';

const now = () => '2026-03-20T09:20:00.000Z';
const config = { redrivePerSecond: 10, redriveMaxPerSecond: 100, retentionDays: 90, endpointCacheSeconds: 5 };
const redrive = planRedrive({ config, now }, makeEndpoint(), { source: 'events', filter: {} });
const event = makeEvent();

/** A source of so many pages, with its clock; a page has 1,000 deliveries and takes a second. */
function sourceOf(pages: number) {
  let read = 0;
  const redriveSource: RedriveSource = {
    async read(_window, { limit, cursor }) {
      read += 1;
      const candidates = Array.from({ length: limit }, () => ({ event, record: null }));
      const readUntil = `2026-03-20T08:00:${String(read).padStart(2, '0')}.000Z`;
      return { candidates, looked: limit, cursor, readUntil, isEnd: read === pages };
    },
  };
  return { redriveSource, now: () => addMs(now(), read * 1_000) };
}

it('a dry run is bound by nothing but its time', async () => {
  const counted = await countRedrive(sourceOf(14), redrive, makeEndpoint());
  expect(counted).toEqual({ count: 14_000, exact: true, countedUntil: null });
});

it('a dry run over more than it can look at says that there are at least so many, and up to when', async () => {
  const counted = await countRedrive(sourceOf(100), redrive, makeEndpoint());
  expect(counted).toEqual({ count: 16_000, exact: false, countedUntil: '2026-03-20T08:00:16.000Z' });
});

it('a dry run that comes to what this release can’t read is to be asked for again', async () => {
  const redriveSource: RedriveSource = {
    read: async () => Promise.reject(new TowercastError('redrive_unreadable', 'of another release')),
  };
  const counted = countRedrive({ redriveSource, now }, redrive, makeEndpoint());
  await expect(counted).rejects.toMatchObject({ status: 503, code: 'event_unreadable' });
});
