import { expect, it } from 'vitest';
import { countRedrive } from '../../../functions/api/count-redrive.ts';
import { planRedrive } from '../../../functions/api/open-redrive.ts';
import type { RedriveSource } from '../../../functions/shared/redrive-source.ts';
import { makeEndpoint, makeEvents } from '../../helpers/deliveries.ts';

const now = () => '2026-03-20T09:20:00.000Z';

/** A source that never ends. */
const endless: RedriveSource = {
  read: async (_window, { limit, cursor }) => ({
    candidates: makeEvents(limit).map((event) => ({ event, record: null })),
    looked: limit,
    cursor,
    isEnd: false,
  }),
};

it('a dry run over more than it can look at says that there are at least so many', async () => {
  const config = { redrivePerSecond: 10, redriveMaxPerSecond: 100, retentionDays: 90 };
  const request = { source: 'events', filter: {} } as const;
  const redrive = planRedrive({ config, now }, makeEndpoint(), request);
  const counted = await countRedrive({ redriveSource: endless, now }, redrive, makeEndpoint());
  expect(counted).toEqual({ count: 20_000, exact: false });
});
