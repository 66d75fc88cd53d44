import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Operation } from '../../../functions/api/operation.ts';
import { deliveryOperations } from '../../../functions/api/resources/deliveries.ts';
import { eventOperations } from '../../../functions/api/resources/events.ts';
import type { ApiResponse } from '../../../functions/api/response.ts';
import { deliveryItem } from '../../../functions/shared/delivery-item.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { makeAttempt, makeEndpoint, makeEvent, makeEvents, makeRecord } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import {
  makeApi,
  makeServices,
  partnerClaims,
  partnerNamed,
  putEntities,
  type SentRequest,
} from './foundation.ts';

/** Of an answer of a function. Source: Lambda quotas. */
const lambdaBytes = 6 * 1_024 * 1_024;
const operations = [...deliveryOperations, ...eventOperations];
const operation = (id: string): Operation => {
  const found = operations.find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};
const ItemsSchema = z.array(z.looseObject({ id: z.string() }));
const PageSchema = z.object({ items: ItemsSchema, nextCursor: z.string().nullable() });
const PulledSchema = z.object({ items: ItemsSchema, next: z.string(), atEnd: z.boolean() });

let tables: Tables & { deliveriesTable: string };
beforeAll(async () => {
  tables = await startDeliveriesTable();
  await putEntities(tables, ...partnerNamed('acme'), makeEndpoint());
});
afterAll(async () => tables[Symbol.asyncDispose]());

const send = async (id: string, request: SentRequest) => {
  const api = makeApi(tables, operations, makeServices(tables));
  const answer = await api.send(operation(id), { claims: partnerClaims('acme-backend'), ...request });
  expect(answer.statusCode).toBe(200);
  return answer;
};

/** As Lambda counts it. */
const payloadOf = ({ statusCode, headers, body }: ApiResponse): number =>
  Buffer.byteLength(JSON.stringify({ statusCode, headers, body }));

describe('a page of rows that are too large for one answer', () => {
  it('has the deliveries that fit, and goes on after them', async () => {
    // Of what takes most room: a partner that answers with a JSON document.
    const responseExcerpt = '{"a":"b"}'.repeat(113);
    const attempts = Array.from({ length: 200 }, (_, index) =>
      makeAttempt({ number: index + 1, responseExcerpt }),
    );
    const records = makeEvents(16).map((event) => makeRecord({ event, attempts }));
    for (const record of records) await tables.put('deliveries', deliveryItem(record, tables));

    const seen: string[] = [];
    const sizes: number[] = [];
    let cursor: string | null = null;
    do {
      const answer = await send('listDeliveries', {
        params: { endpointId: 'main' },
        query: { limit: '100', day: '2026-03-20', ...(cursor !== null && { cursor }) },
      });
      expect(payloadOf(answer)).toBeLessThan(lambdaBytes);
      const page: z.infer<typeof PageSchema> = PageSchema.parse(answer.json);
      seen.push(...page.items.map(({ id }) => id));
      sizes.push(page.items.length);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(
      records
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
    // No more pages than it takes.
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(5);
  });

  it('has the events that fit, and goes on after them', async () => {
    const requestPayload = JSON.stringify('"'.repeat(16_000));
    const data = {
      lockerStatus: 'rented',
      requestId: 7,
      requestPayload,
      tokenId: null,
      clientInfo: null,
    };
    const events = Array.from({ length: 100 }, (_, index) =>
      makeEvent({ id: `evt_t-9_mmykbvk0_large-${1_000 + index}`, type: 'locker.assigned', data }),
    );
    const log = createPartnerLog({ ...tables, now: () => Date.parse('2026-03-20T09:15:00.000Z') });
    for (const event of events) await tables.put('events', eventItem(event, 90));
    await log.append(
      'acme',
      events.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
    );

    const seen: string[] = [];
    let after: string | undefined;
    let atEnd: boolean;
    do {
      const answer = await send('listEvents', {
        query: { limit: '100', wait: '20', ...(after !== undefined && { after }) },
      });
      expect(payloadOf(answer)).toBeLessThan(lambdaBytes);
      const page: z.infer<typeof PulledSchema> = PulledSchema.parse(answer.json);
      seen.push(...page.items.map(({ id }) => id));
      ({ next: after, atEnd } = page);
    } while (!atEnd);
    expect(seen).toEqual(events.map(({ id }) => id));
  });

  it('costs no second look where rows are small', async () => {
    await tables.put('deliveries', deliveryItem(makeRecord({ endpointId: 'small' }), tables));
    await putEntities(tables, makeEndpoint({ endpointId: 'small' }));
    tables.takeRequests();
    await send('listDeliveries', { params: { endpointId: 'small' }, query: { day: '2026-03-20' } });
    expect(tables.takeRequests().filter((request) => request === 'Query')).toHaveLength(1);
  });
});
