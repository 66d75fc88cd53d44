import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { deliveryOperations } from '../../../functions/api/resources/deliveries.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { parseDeliveryId } from '../../../functions/shared/keys.ts';
import { makeEndpoint, makeEvent, makeEvents, makeRecord } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import { makeApi, makeServices, partnerClaims, partnerNamed, putEntities } from './foundation.ts';

const PageSchema = z.object({
  items: z.array(z.looseObject({ id: z.string() })),
  nextCursor: z.string().nullable(),
});
const CursorSchema = z.tuple([z.string(), z.string()]);
const keyOf = (cursor: string): string =>
  CursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))[1];

let tables: Tables;
beforeEach(async () => {
  tables = await startDeliveriesTable();
  await putEntities(tables, ...partnerNamed('acme'), makeEndpoint());
});
afterEach(async () => tables[Symbol.asyncDispose]());

/** All pages, one after the other: the deliveries, and the keys that the cursors name. */
async function walk(query: Record<string, string>) {
  const api = makeApi(tables, deliveryOperations, makeServices(tables));
  const [listDeliveries] = deliveryOperations;
  if (listDeliveries === undefined) throw new Error('there is no list');
  const seen: string[] = [];
  const keys: string[] = [];
  let cursor: string | null = null;
  do {
    const { json } = await api.send(listDeliveries, {
      params: { endpointId: 'main' },
      query: { ...query, ...(cursor !== null && { cursor }) },
      claims: partnerClaims('acme-backend'),
    });
    const page: z.infer<typeof PageSchema> = PageSchema.parse(json);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    if (cursor !== null) keys.push(keyOf(cursor));
  } while (cursor !== null);
  return { seen, keys };
}

const put = async (records: readonly DeliveryRecord[]): Promise<void> => {
  for (const record of records)
    await tables.put('deliveries', deliveryItem(record, { dueShards: 1, retentionDays: 90 }));
};

describe('the deliveries of an endpoint', () => {
  it('are the partner’s own, and so are the cursors, when its id was another partner’s before', async () => {
    const records = makeEvents(9).map((event, index) =>
      makeRecord({ event, partnerId: index % 4 === 0 ? 'acme' : 'rival' }),
    );
    await put(records);
    const own = records.filter(({ partnerId }) => partnerId === 'acme').toReversed();

    const { seen, keys } = await walk({ limit: '1', day: '2026-03-20' });
    expect(seen).toEqual(own.map(({ id }) => id));
    expect(keys).toEqual(own.slice(0, -1).map(({ id }) => parseDeliveryId(id)?.sk));
  });
});

describe('the deliveries of an endpoint that are dead, or held', () => {
  const statuses = ['dead', 'held', 'delivered', 'pending'] as const;
  /** On three days, each with five of every status, and many of one moment: the messages of an array. */
  const records = ['2026-03-18', '2026-03-19', '2026-03-20'].flatMap((day, index) =>
    Array.from({ length: 20 }, (_, at) =>
      makeRecord({
        event: makeEvent({
          id: `evt_0000000000000001-9_mmykbvk${index}_b7-${at}`,
          receivedAt: `${day}T09:15:0${at < 12 ? 0 : at - 11}.000Z`,
        }),
        status: statuses[at % 4] ?? 'dead',
      }),
    ),
  );
  const newestFirst = (status: string, day = ''): string[] =>
    records
      .filter((one) => one.status === status && one.event.receivedAt.startsWith(day))
      .map(({ id }) => id)
      .sort()
      .toReversed();

  it.each(['dead', 'held'])('are listed by themselves, of all days and newest first: %s', async (status) => {
    await put(records);
    expect(newestFirst(status)).toHaveLength(15);
    for (const limit of ['1', '4', '100'])
      expect((await walk({ status, limit })).seen).toEqual(newestFirst(status));
  });

  it('are those of one day, if one is named', async () => {
    await put(records);
    const { seen } = await walk({ status: 'dead', day: '2026-03-19', limit: '2' });
    expect(seen).toEqual(newestFirst('dead', '2026-03-19'));
  });

  it('are the partner’s own, and so are the cursors, when its id was another partner’s before', async () => {
    const others = new Set(newestFirst('dead').filter((_, index) => index % 3 === 0));
    await put(records.map((one) => (others.has(one.id) ? { ...one, partnerId: 'rival' } : one)));
    const { seen, keys } = await walk({ status: 'dead', limit: '1' });
    expect(seen).toEqual(newestFirst('dead').filter((id) => !others.has(id)));
    for (const id of others) expect(keys).not.toContain(parseDeliveryId(id)?.sk);
  });

  it('leave out, and page on past, what was sent again meanwhile', async () => {
    await put(records);
    const before = newestFirst('dead');
    const gone = records.filter(({ id }) => before.slice(0, 3).includes(id));
    for (const one of gone) await put([{ ...one, status: 'delivered' }]);
    expect((await walk({ status: 'dead', limit: '2' })).seen).toEqual(before.slice(3));
  });

  it('take no cursor of another list, nor one of another status', async () => {
    await put(records);
    const api = makeApi(tables, deliveryOperations, makeServices(tables));
    const [listDeliveries] = deliveryOperations;
    if (listDeliveries === undefined) throw new Error('there is no list');
    const ask = async (query: Record<string, string>) =>
      api.send(listDeliveries, {
        params: { endpointId: 'main' },
        query: { limit: '1', ...query },
        claims: partnerClaims('acme-backend'),
      });
    const { nextCursor } = PageSchema.parse((await ask({ status: 'dead' })).json);
    for (const query of [{ status: 'held' }, { day: '2026-03-20' }, { status: 'dead', day: '2026-03-20' }])
      expect((await ask({ ...query, cursor: nextCursor ?? '' })).statusCode).toBe(400);
    const made = Buffer.from(JSON.stringify(['deliveries main dead of all days', 'no key'])).toString(
      'base64url',
    );
    expect((await ask({ status: 'dead', cursor: made })).json).toEqual({ items: [], nextCursor: null });
    expect((await ask({ status: 'delivered' })).statusCode).toBe(400);
  });
});
