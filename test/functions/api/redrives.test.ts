import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createLongRequests } from '../../../functions/api/long-requests.ts';
import type { Operation } from '../../../functions/api/operation.ts';
import { deliveryOperations } from '../../../functions/api/resources/deliveries.ts';
import { endpointRecoverOperations } from '../../../functions/api/resources/endpoint-recover.ts';
import { redriveOperations } from '../../../functions/api/resources/redrives.ts';
import { selects } from '../../../functions/domain/redrive.ts';
import { deliveryItem, deliveryRecordKey } from '../../../functions/shared/delivery-item.ts';
import { createDueDeliveries } from '../../../functions/shared/due-deliveries.ts';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { TowercastError } from '../../../functions/shared/errors.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { dueShardName } from '../../../functions/shared/keys.ts';
import { createLimiter } from '../../../functions/shared/limiter.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import type { RedriveSource } from '../../../functions/shared/redrive-source.ts';
import { createRedriveStore } from '../../../functions/shared/redrive-store.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import {
  makeAttempts,
  makeEndpoint,
  makeEvent,
  makeEvents,
  makeRecord,
  makeRedrive,
  skippedEvent,
} from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import {
  makeApi,
  makeServices,
  operatorClaims,
  partnerClaims,
  partnerNamed,
  putEntities,
  type Api,
  type SentRequest,
} from './foundation.ts';

const operations = [...redriveOperations, ...endpointRecoverOperations, ...deliveryOperations];
const operation = (id: string): Operation => {
  const found = operations.find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};
const RedriveSchema = z.looseObject({ redriveId: z.string(), status: z.string() });
const now = '2026-03-20T09:20:00.000Z';

let tables: Tables & { deliveriesTable: string };
beforeEach(async () => {
  tables = await startDeliveriesTable();
  await putEntities(tables, ...partnerNamed('acme'), ...partnerNamed('rival'), makeEndpoint());
});
afterEach(async () => tables[Symbol.asyncDispose]());

const as =
  (partnerId: string) =>
  async (id: string, request: SentRequest = {}) =>
    makeApi(tables, operations, makeServices(tables, { now: () => now })).send(operation(id), {
      claims: partnerClaims(`${partnerId}-backend`),
      ...request,
    });
const acme = as('acme');
const redrive = async (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  acme('createRedrive', { body: { endpointId: 'main', ...body }, headers });
const idOf = ({ json }: { json: unknown }): string => RedriveSchema.parse(json).redriveId;
const running = async () => (await createRedriveStore(tables).running(now)).redrives;

async function put(status: DeliveryRecord['status'], count: number, from = 0): Promise<DeliveryRecord[]> {
  const events = makeEvents(count + from).slice(from);
  const log = createPartnerLog({ ...tables, now: () => Date.parse(now) });
  await log.append(
    'acme',
    events.map(({ id, receivedAt }) => ({ eventId: id, receivedAt })),
  );
  const records = events.map((event) => makeRecord({ event, status, attempts: makeAttempts(2) }));
  for (const [index, event] of events.entries()) {
    await tables.put('events', eventItem(event, 90));
    const record = records[index];
    if (record !== undefined) await tables.put('deliveries', deliveryItem(record, tables));
  }
  return records;
}

describe('a redrive', () => {
  it('begins, can be read, found in the list, and canceled', async () => {
    const made = await redrive({ perSecond: 5, filter: { types: ['reservation.*'] } });
    expect(made).toMatchObject({
      statusCode: 202,
      json: {
        status: 'running',
        source: 'undelivered',
        perSecond: 5,
        // When everybody knows the endpoint as it is now.
        until: '2026-03-20T09:20:10.000Z',
        sent: 0,
        endpointId: 'main',
      },
    });
    const params = { redriveId: idOf(made) };
    expect(made.headers['location']).toBe(`/v1/redrives/${params.redriveId}`);
    expect((await acme('getRedrive', { params })).json).toEqual(made.json);
    expect((await acme('listRedrives')).json).toEqual({ items: [made.json], nextCursor: null });
    expect(await running()).toMatchObject([params]);

    expect((await acme('cancelRedrive', { params })).json).toMatchObject({
      status: 'canceled',
      endedAt: now,
    });
    expect((await acme('cancelRedrive', { params })).json).toMatchObject({ status: 'canceled' });
    expect(await running()).toEqual([]);
  });

  it('that is asked for again in the same words while it runs is the same one', async () => {
    const first = await redrive();
    const again = await redrive();
    expect(idOf(again)).toBe(idOf(first));
    expect(idOf(await redrive({ perSecond: 1 }))).not.toBe(idOf(first));
    expect(await running()).toHaveLength(2);
    await acme('cancelRedrive', { params: { redriveId: idOf(first) } });
    expect(idOf(await redrive())).not.toBe(idOf(first));
  });

  it('can be asked for in the same words ever again', async () => {
    const { partnerId: _, ...first } = makeRedrive({ status: 'done', dueAt: null, endedAt: now }, now);
    const name = idOf(await redrive()).slice(0, -'-00000001'.length);
    const ended = (number: string) =>
      putEntities(tables, makeRedrive({ ...first, redriveId: `${name}-${number}` }, now));
    await ended('00000001');
    await ended('00009999');
    expect(idOf(await redrive())).toBe(`${name}-00010000`);
    await ended('00010000');
    tables.takeRequests();
    expect(idOf(await redrive())).toBe(`${name}-00010001`);
    // However many there were: one of them is read.
    expect(tables.takeRequests().filter((name) => name === 'Query')).toHaveLength(2);
  });

  it('that many ask for at the same time is one', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, async () => redrive()));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202]));
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(await running()).toHaveLength(1);
  });

  it('with an Idempotency-Key is made once, also when it has ended by the second time', async () => {
    const headers = { 'idempotency-key': 'k-1' };
    const first = await redrive({}, headers);
    await acme('cancelRedrive', { params: { redriveId: idOf(first) } });
    const again = await redrive({}, headers);
    expect(again.json).toEqual(first.json);
    expect(await running()).toEqual([]);
  });

  it('beyond the number that a partner may have at a time has to wait until one has ended', async () => {
    const redrives = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => redrive({ perSecond: index + 1 })),
    );
    expect(redrives.map(({ statusCode }) => statusCode)).toEqual(redrives.map(() => 202));
    const headers = { 'idempotency-key': 'one-more' };
    const refused = await redrive({}, headers);
    expect(refused).toMatchObject({
      statusCode: 429,
      headers: { 'retry-after': '60' },
      json: { code: 'too_many_redrives' },
    });
    expect(await running()).toHaveLength(10);
    // Neither another's, nor one that runs already, nor a count.
    await putEntities(tables, makeEndpoint({ partnerId: 'rival', endpointId: 'theirs' }));
    const theirs = await as('rival')('createRedrive', { body: { endpointId: 'theirs' } });
    expect(theirs.statusCode).toBe(202);
    expect((await redrive({ perSecond: 10 })).statusCode).toBe(202);
    expect((await redrive({ dryRun: true })).statusCode).toBe(200);

    const [first] = redrives;
    await acme('cancelRedrive', { params: { redriveId: idOf(first ?? { json: null }) } });
    // The key remembers no refusal.
    expect((await redrive({}, headers)).statusCode).toBe(202);
    expect((await redrive({ perSecond: 11 })).statusCode).toBe(429);
  });

  it('belongs to the endpoint’s partner', async () => {
    const params = { redriveId: idOf(await redrive()) };
    const rival = as('rival');
    expect((await rival('createRedrive', { body: { endpointId: 'main' } })).statusCode).toBe(404);
    expect((await rival('getRedrive', { params })).statusCode).toBe(404);
    expect((await rival('cancelRedrive', { params })).statusCode).toBe(404);
    expect((await rival('listRedrives')).json).toMatchObject({ items: [] });
    expect((await acme('getRedrive', { params })).json).toMatchObject({ status: 'running' });
  });

  it.each([
    [{ perSecond: 101 }, '/body/perSecond'],
    [{ since: '2026-03-21T00:00:00Z' }, '/body/since'],
    [{ since: '2026-03-20T08:00:00Z', until: '2026-03-20T07:00:00Z' }, '/body/since'],
    [{ filter: { types: ['nothing.ever'] } }, '/body/filter/types/0'],
    [{ source: 'everything' }, '/body/source'],
  ])('of %j is refused', async (body, pointer) => {
    expect(await redrive(body)).toMatchObject({ statusCode: 400, json: { errors: [{ pointer }] } });
  });

  it('to a disabled endpoint is refused', async () => {
    await putEntities(tables, makeEndpoint({ status: 'disabled' }));
    expect(await redrive()).toMatchObject({ statusCode: 409, json: { code: 'endpoint_disabled' } });
    expect(await running()).toEqual([]);
  });
});

const exactly = (count: number) => ({ dryRun: true, count, exact: true, countedUntil: null });

describe('a dry run', () => {
  it('counts what a redrive would send, and makes nothing', async () => {
    await put('dead', 3);
    await put('held', 4, 3);
    await put('delivered', 5, 7);
    await put('pending', 6, 12);
    const count = async (body: Record<string, unknown>) => (await redrive({ dryRun: true, ...body })).json;
    expect(await redrive({ dryRun: true })).toMatchObject({ statusCode: 200 });
    expect(await count({})).toEqual(exactly(7));
    expect(await count({ filter: { lockers: [1] } })).toEqual(exactly(0));
    expect(await count({ source: 'events' })).toEqual(exactly(12));
    expect(await count({ source: 'events', since: '2026-03-20T09:16:00Z' })).toMatchObject({ count: 0 });
    expect(await running()).toEqual([]);
  });
});

const acmeClaims = partnerClaims('acme-backend');
/** Lets two dry runs of a partner count at a time, which read this. */
const apiWith = (redriveSource: RedriveSource) => {
  const dryRuns = createLongRequests({
    limiter: createLimiter({ ...tables, now: () => Date.parse(now) }, 'dry-run-limits'),
    perPartner: 2,
    newId: randomUUID,
    now: () => Date.parse(now),
  });
  return makeApi(tables, operations, makeServices(tables, { now: () => now, dryRuns, redriveSource }));
};
const countBy = async (api: Api, claims: Record<string, unknown>, body: Record<string, unknown> = {}) =>
  api.send(operation('createRedrive'), { claims, body: { endpointId: 'main', dryRun: true, ...body } });

describe('dry runs of a partner', () => {
  it('beyond their number are refused until another one has ended', async () => {
    await putEntities(tables, makeEndpoint({ partnerId: 'rival', endpointId: 'theirs' }));
    const late = Promise.withResolvers<void>();
    let counting = 0;
    const api = apiWith({
      async read(_, { cursor }) {
        counting += 1;
        await late.promise;
        return { candidates: [], looked: 0, cursor, readUntil: null, isEnd: true };
      },
    });
    const first = [countBy(api, acmeClaims), countBy(api, acmeClaims)];
    await expect.poll(() => counting).toBe(2);
    const refused = await countBy(api, acmeClaims);
    expect(refused).toMatchObject({ statusCode: 429, json: { code: 'too_many_dry_runs' } });
    expect(refused.headers).toMatchObject({ 'retry-after': '15' });
    const others = [
      countBy(api, partnerClaims('rival-backend'), { endpointId: 'theirs' }),
      countBy(api, operatorClaims, { partnerId: 'acme' }),
    ];
    await expect.poll(() => counting).toBe(4);
    // A redrive is no dry run.
    expect((await countBy(api, acmeClaims, { dryRun: false })).statusCode).toBe(202);
    late.resolve();
    const answers = await Promise.all([...first, ...others]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    expect((await countBy(api, acmeClaims)).statusCode).toBe(200);
  });

  it('that fail have ended, too', async () => {
    const api = apiWith({
      read: async () => Promise.reject(new TowercastError('redrive_unreadable', 'of another release')),
    });
    for (let count = 0; count < 3; count += 1) expect((await countBy(api, acmeClaims)).statusCode).toBe(503);
  });
});

describe('recovering an endpoint', () => {
  it('is a redrive of its undelivered since a time', async () => {
    const request = { params: { endpointId: 'main' }, body: { since: '2026-03-20T09:00:00Z' } };
    const made = await acme('recoverEndpoint', request);
    expect(made).toMatchObject({
      statusCode: 202,
      json: { source: 'undelivered', since: '2026-03-20T09:00:00.000Z', filter: {}, perSecond: 10 },
    });
    expect(idOf(await acme('recoverEndpoint', request))).toBe(idOf(made));
    expect((await as('rival')('recoverEndpoint', request)).statusCode).toBe(404);
  });
});

/** What `timers` would take. */
const dueNow = async () => {
  const due = createDueDeliveries({ ...tables });
  const pages = await Promise.all(
    Array.from({ length: tables.dueShards }, async (_, shard) =>
      due.list({ partition: dueShardName(shard), until: now, limit: 100, from: null }),
    ),
  );
  const waiting = pages.flatMap((page) => page.waiting);
  return due.read(waiting);
};

describe('retrying a delivery', () => {
  it.each(['dead', 'held', 'delivered'] as const)(
    'makes one that is %s due now, as a replay, once',
    async (status) => {
      const [record] = await put(status, 1);
      const params = { deliveryId: record?.id ?? '' };
      const [first, again] = [
        await acme('retryDelivery', { params }),
        await acme('retryDelivery', { params }),
      ];
      expect(first).toMatchObject({
        statusCode: 202,
        json: {
          status: 'pending',
          reason: null,
          replay: { redriveId: null, attemptsBefore: 2 },
          nextAttemptAt: now,
        },
      });
      expect(again.json).toEqual(first.json);
      expect(await dueNow()).toMatchObject([
        { id: params.deliveryId, status: 'pending', replay: { redriveId: null, attemptsBefore: 2 } },
      ]);
    },
  );

  it('of an endpoint that asks for order is a redrive of that event alone', async () => {
    await putEntities(tables, makeEndpoint({ ordered: true }));
    const [, second] = await put('dead', 2);
    const params = { deliveryId: second?.id ?? '' };
    const answer = await acme('retryDelivery', { params });
    await acme('retryDelivery', { params });
    const made = await running();
    expect(answer).toMatchObject({
      statusCode: 202,
      json: { status: 'dead', redriveId: made[0]?.redriveId },
      headers: { location: `/v1/redrives/${made[0]?.redriveId}` },
    });
    expect(made).toMatchObject([{ eventId: second?.event.id, source: 'undelivered' }]);
    const { redriveSource } = makeServices(tables);
    const [one] = made;
    if (one === undefined) throw new Error('no redrive');
    const { candidates } = await redriveSource.read(one, { cursor: null, limit: 100, upTo: now });
    const chosen = candidates.filter((candidate) => selects(one, makeEndpoint({ ordered: true }), candidate));
    expect(chosen.map(({ event }) => event.id)).toEqual([second?.event.id]);
    // It looks at nothing else.
    expect(candidates).toHaveLength(1);
    expect(await dueNow()).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, DeliveryRecord['status'], Partial<Endpoint>]>([
    ['a test', { id: 'evt_endpoint~main_mmykbvk0_test~abc~1', test: { endpointId: 'main' } }, 'dead', {}],
    ['what its filter has left out since', {}, 'delivered', { filter: { types: ['locker.*'] } }],
  ])('of an endpoint that asks for order sends %s, too', async (_, of, status, changes) => {
    const endpoint = makeEndpoint({ ordered: true, ...changes });
    await putEntities(tables, endpoint);
    const event = makeEvent(of);
    const record = makeRecord({ event, status });
    await tables.put('events', eventItem(event, 90));
    await tables.put('deliveries', deliveryItem(record, tables));
    expect((await acme('retryDelivery', { params: { deliveryId: record.id } })).statusCode).toBe(202);
    const [one] = await running();
    if (one === undefined) throw new Error('no redrive');
    const page = { cursor: null, limit: 100, upTo: now };
    const { candidates } = await makeServices(tables).redriveSource.read(one, page);
    expect(candidates.map((candidate) => selects(one, endpoint, candidate))).toEqual([true]);
  });

  it('of what a lane says of a number that it skipped is refused there: it would never be sent', async () => {
    await putEntities(tables, makeEndpoint({ ordered: true }));
    const skipped = makeRecord({ event: skippedEvent, status: 'dead', sequence: 1 });
    await tables.put('deliveries', deliveryItem(skipped, tables));
    const answer = await acme('retryDelivery', { params: { deliveryId: skipped.id } });
    expect(answer).toMatchObject({ statusCode: 409, json: { code: 'not_repeatable' } });
    expect(await running()).toEqual([]);
  });

  it('that is pending anyway is refused', async () => {
    const [record] = await put('pending', 1);
    const answer = await acme('retryDelivery', { params: { deliveryId: record?.id ?? '' } });
    expect(answer).toMatchObject({ statusCode: 409, json: { code: 'delivery_pending' } });
  });

  it('is refused while its endpoint is disabled or gone', async () => {
    const [record] = await put('held', 1);
    const params = { deliveryId: record?.id ?? '' };
    await putEntities(tables, makeEndpoint({ status: 'disabled' }));
    expect((await acme('retryDelivery', { params })).json).toMatchObject({ code: 'endpoint_disabled' });
    await createEntityStore(tables).remove(makeEndpoint());
    expect((await acme('retryDelivery', { params })).json).toMatchObject({ code: 'endpoint_gone' });
    expect((await as('rival')('retryDelivery', { params })).statusCode).toBe(404);
    expect(await dueNow()).toEqual([]);
  });

  it('that had a place in a lane loses it when its endpoint asks for order no longer', async () => {
    const [record] = await put('dead', 1);
    if (record === undefined) throw new Error('no record');
    await tables.put('deliveries', deliveryItem({ ...record, sequence: 5 }, tables));
    expect((await acme('retryDelivery', { params: { deliveryId: record.id } })).statusCode).toBe(202);
    const { pk, sk } = deliveryRecordKey(record);
    const items = await tables.scan('deliveries');
    const item = items.find((one) => one['pk'] === pk && one['sk'] === sk);
    expect(item).toMatchObject({ status: 'pending', replay: { redriveId: null } });
    expect(item).not.toHaveProperty('sequence');
  });

  it('is refused when its record has no room for more attempts', async () => {
    const [record] = await put('dead', 1);
    if (record === undefined) throw new Error('no record');
    await tables.put('deliveries', deliveryItem({ ...record, attempts: makeAttempts(200) }, tables));
    const answer = await acme('retryDelivery', { params: { deliveryId: record.id } });
    expect(answer).toMatchObject({ statusCode: 409, json: { code: 'too_many_attempts' } });
  });

  it('loses to whoever changed it meanwhile', async () => {
    const [record] = await put('dead', 1);
    if (record === undefined) throw new Error('no record');
    const services = makeServices(tables);
    await tables.put('deliveries', deliveryItem({ ...record, attempts: makeAttempts(3) }, tables));
    expect(await services.deliveryRetry.retry({ seen: record, now })).toBe(false);
  });

  it('comes once of one Idempotency-Key, also when the process died right after, and the replay was delivered', async () => {
    const [record] = await put('dead', 1);
    if (record === undefined) throw new Error('no record');
    const services = makeServices(tables, { now: () => now });
    const retry = async () =>
      makeApi(tables, operations, services).send(operation('retryDelivery'), {
        params: { deliveryId: record.id },
        claims: partnerClaims('acme-backend'),
        headers: { 'idempotency-key': 'once' },
      });
    const { deliveryRetry } = services;
    services.deliveryRetry = {
      retry: async (unit) => {
        await deliveryRetry.retry(unit);
        throw new Error('the process died');
      },
    };
    expect((await retry()).statusCode).toBe(500);
    const replay = { redriveId: null, attemptsBefore: 2 };
    const delivered = { ...record, status: 'delivered' as const, replay, attempts: makeAttempts(3) };
    await tables.put('deliveries', deliveryItem(delivered, tables));
    services.deliveryRetry = deliveryRetry;
    const again = await retry();
    expect(again).toMatchObject({ statusCode: 202, json: { status: 'pending', replay } });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await dueNow()).toEqual([]);
  });

  it('does nothing when its Idempotency-Key is another attempt’s by now', async () => {
    const [record] = await put('dead', 1);
    if (record === undefined) throw new Error('no record');
    const beside = {
      TableName: tables.entitiesTable,
      Item: { pk: 'idempotency#other', sk: 'idempotency' },
      ConditionExpression: 'attribute_exists(pk)',
    };
    const { deliveryRetry } = makeServices(tables);
    expect(await deliveryRetry.retry({ seen: record, now, beside })).toBe(false);
    expect(await dueNow()).toEqual([]);
  });
});
