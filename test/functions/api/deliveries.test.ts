import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { deliveryOperations } from '../../../functions/api/resources/deliveries.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { parseDeliveryId } from '../../../functions/shared/keys.ts';
import { makeEndpoint, makeEvents, makeRecord } from '../../helpers/deliveries.ts';
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

describe('the deliveries of an endpoint', () => {
  it('are the partner’s own, and so are the cursors, when its id was another partner’s before', async () => {
    const records = makeEvents(9).map((event, index) =>
      makeRecord({ event, partnerId: index % 4 === 0 ? 'acme' : 'rival' }),
    );
    for (const record of records)
      await tables.put('deliveries', deliveryItem(record, { dueShards: 1, retentionDays: 90 }));
    const own = records.filter(({ partnerId }) => partnerId === 'acme').toReversed();

    const api = makeApi(tables, deliveryOperations, makeServices(tables));
    const [listDeliveries] = deliveryOperations;
    if (listDeliveries === undefined) throw new Error('there is no list');
    const seen: string[] = [];
    const keys: string[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await api.send(listDeliveries, {
        params: { endpointId: 'main' },
        query: { limit: '1', day: '2026-03-20', ...(cursor !== null && { cursor }) },
        claims: partnerClaims('acme-backend'),
      });
      const page: z.infer<typeof PageSchema> = PageSchema.parse(json);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (cursor !== null) keys.push(keyOf(cursor));
    } while (cursor !== null);
    expect(seen).toEqual(own.map(({ id }) => id));
    expect(keys).toEqual(own.slice(0, -1).map(({ id }) => parseDeliveryId(id)?.sk));
  });
});
