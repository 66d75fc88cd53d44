import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Operation } from '../../../functions/api/operation.ts';
import { operations } from '../../../functions/api/operations.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import {
  makeApi,
  makeServices,
  partnerClaims,
  partnerNamed,
  putEntities,
  type Api,
  type SentRequest,
} from './foundation.ts';

let tables: Tables;
let api: Api;

beforeEach(async () => {
  tables = await startTables();
  api = makeApi(tables, operations, makeServices(tables));
});
afterEach(() => tables[Symbol.asyncDispose]());

function send(operationId: string, request: SentRequest = {}) {
  const operation: Operation | undefined = operations.find((one) => one.operationId === operationId);
  if (operation === undefined) throw new Error(`there is no operation ${operationId}`);
  return api.send(operation, request);
}

const PageSchema = z.object({ items: z.array(z.looseObject({})), nextCursor: z.string().nullable() });

/** Every row of a list, page by page; `between` runs after the first page. */
async function readAll(operationId: string, request: SentRequest, between = async () => {}) {
  const rows: Record<string, unknown>[] = [];
  let cursor: string | null = null;
  do {
    const query = { ...request.query, ...(cursor !== null && { cursor }) };
    const page = PageSchema.parse((await send(operationId, { ...request, query })).json);
    rows.push(...page.items);
    if (cursor === null) await between();
    cursor = page.nextCursor;
  } while (cursor !== null);
  return rows;
}

const version = (etag: string) => ({ 'if-match': etag });

/** `p00`, `p01`, … in the order of their numbers. */
const name = (index: number) => `p${String(index).padStart(2, '0')}`;

const towerOf = (towerId: string, ...partnerIds: string[]) => ({ towerId, partnerIds });

async function towersSeen(claims?: Record<string, unknown>) {
  const request = { query: { limit: '2' }, ...(claims && { claims }) };
  return (await readAll('listTowers', request)).map(({ towerId }) => towerId);
}

describe('partners', () => {
  const acme = { partnerId: 'acme', name: 'Acme', clientIds: ['acme-backend'] };

  it('are created with clients that may sign in', async () => {
    expect(await send('createPartner', { body: acme })).toMatchObject({
      statusCode: 201,
      headers: { etag: '"1"' },
      json: { ...acme, active: true },
    });
    const read = { params: { partnerId: 'acme' }, claims: partnerClaims('acme-backend') };
    expect(await send('getPartner', read)).toMatchObject({ statusCode: 200, json: acme });
  });

  it('have an id once', async () => {
    await send('createPartner', { body: acme });
    expect(await send('createPartner', { body: { ...acme, clientIds: [] } })).toMatchObject({
      statusCode: 409,
      json: { code: 'already_exists' },
    });
  });

  it('share no client', async () => {
    await send('createPartner', { body: acme });
    const other = { partnerId: 'other', name: 'Other', clientIds: ['acme-backend'] };
    expect(await send('createPartner', { body: other })).toMatchObject({
      statusCode: 409,
      json: { code: 'client_taken' },
    });
  });

  it('may get a client that another partner gave up', async () => {
    await send('createPartner', { body: acme });
    const patch = { params: { partnerId: 'acme' }, headers: version('"1"'), body: { clientIds: [] } };
    expect(await send('updatePartner', patch)).toMatchObject({ statusCode: 200 });
    const other = { partnerId: 'other', name: 'Other', clientIds: ['acme-backend'] };
    expect(await send('createPartner', { body: other })).toMatchObject({ statusCode: 201 });
    const read = { params: { partnerId: 'other' }, claims: partnerClaims('acme-backend') };
    expect(await send('getPartner', read)).toMatchObject({ statusCode: 200 });
  });

  it('change at the version that was read only', async () => {
    await send('createPartner', { body: acme });
    const patch = (etag: string, name: string) =>
      send('updatePartner', { params: { partnerId: 'acme' }, headers: version(etag), body: { name } });
    expect(await patch('"1"', 'One')).toMatchObject({ statusCode: 200, headers: { etag: '"2"' } });
    expect(await patch('"1"', 'Two')).toMatchObject({ statusCode: 412 });
  });

  it('are listed page by page, each once, while others come and go', async () => {
    await putEntities(
      tables,
      ...Array.from({ length: 9 }, (_, index) => partnerNamed(name(index * 2))).flat(),
    );
    const rows = await readAll('listPartners', { query: { limit: '2' } }, async () => {
      // One before the cursor, one after it.
      await putEntities(tables, ...partnerNamed('p01'), ...partnerNamed('p15'));
    });
    const ids = rows.map(({ partnerId }) => partnerId);
    expect(ids).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 15, 16].map(name));
  });
});

describe('towers', () => {
  beforeEach(async () => {
    await putEntities(tables, ...partnerNamed('acme'), ...partnerNamed('rival'));
  });

  it('are created with their lockers', async () => {
    const body = { ...towerOf('T1', 'acme'), lockers: [{ locker: 1 }, { locker: 12, unitId: 'UNIT-12' }] };
    expect(await send('createTower', { body })).toMatchObject({ statusCode: 201 });
    expect(await readAll('listLockers', { params: { towerId: 'T1' } })).toEqual([
      { towerId: 'T1', locker: 1, unitId: 'T1-1', status: 'available', holderId: null },
      { towerId: 'T1', locker: 12, unitId: 'UNIT-12', status: 'available', holderId: null },
    ]);
    expect(await send('createTower', { body })).toMatchObject({ statusCode: 409 });
  });

  it('of others are in no cursor', async () => {
    for (let index = 0; index < 40; index += 1)
      await putEntities(tables, {
        kind: 'tower',
        ...towerOf(name(index), index % 13 === 0 ? 'acme' : 'rival'),
        version: 1,
      });
    const claims = partnerClaims('acme-backend');
    const cursors: string[] = [];
    let cursor: string | null = null;
    do {
      const query: Record<string, string> = { limit: '1', ...(cursor !== null && { cursor }) };
      const page = PageSchema.parse((await send('listTowers', { query, claims })).json);
      cursor = page.nextCursor;
      if (cursor !== null) cursors.push(cursor);
    } while (cursor !== null);
    const keys = cursors.map((one): unknown => JSON.parse(Buffer.from(one, 'base64url').toString('utf8')));
    expect(keys).toEqual([0, 13, 26].map((index) => ['towers', name(index)]));
  });

  it.each([
    'locker#\uffff\uffff',
    'locker#😀',
    'locker#',
    'locker$',
    '~',
    '\u0000',
    '\ud800',
    '€'.repeat(400),
  ])('and lockers are listed for made-up cursors, without a failure: %j', async (key) => {
    await send('createTower', { body: { ...towerOf('T1', 'acme'), lockers: [{ locker: 1 }] } });
    await send('createTower', { body: towerOf('T2', 'rival') });
    const claims = partnerClaims('acme-backend');
    const cursorOf = (list: string) => Buffer.from(JSON.stringify([list, key])).toString('base64url');
    const answers = [
      await send('listTowers', { query: { cursor: cursorOf('towers') }, claims }),
      await send('listLockers', {
        params: { towerId: 'T1' },
        query: { cursor: cursorOf('lockers T1') },
        claims,
      }),
    ];
    for (const { statusCode, body } of answers) {
      expect([200, 400]).toContain(statusCode);
      expect(body).not.toContain('T2');
    }
  });

  it('do not say that a locker is there when only the commit was in the way', async () => {
    await send('createTower', { body: towerOf('T1') });
    const rejected = { kind: 'rejected' as const, repeats: new Set<string>(), conflicts: true };
    const busy = makeApi(tables, operations, makeServices(tables, { commit: async () => rejected }));
    const createLocker = operations.find(({ operationId }) => operationId === 'createLocker');
    if (createLocker === undefined) throw new Error('there is no createLocker');
    const answer = await busy.send(createLocker, { params: { towerId: 'T1' }, body: { locker: 3 } });
    expect(answer).toMatchObject({ statusCode: 409, json: { code: 'conflict' } });
  });

  it('get lockers later, each number once', async () => {
    await send('createTower', { body: towerOf('T1') });
    const add = () => send('createLocker', { params: { towerId: 'T1' }, body: { locker: 3 } });
    expect(await add()).toMatchObject({ statusCode: 201, json: { unitId: 'T1-3' } });
    expect(await add()).toMatchObject({ statusCode: 409, json: { code: 'already_exists' } });
  });

  it('are seen by the partners that may use them, and by operators', async () => {
    for (const index of [1, 2, 3, 4, 5])
      await send('createTower', { body: towerOf(`T${index}`, index % 2 === 0 ? 'acme' : 'rival') });
    expect(await towersSeen(partnerClaims('acme-backend'))).toEqual(['T2', 'T4']);
    expect(await towersSeen()).toEqual(['T1', 'T2', 'T3', 'T4', 'T5']);
  });

  it('change hands', async () => {
    await send('createTower', { body: towerOf('T1', 'acme') });
    const read = { params: { towerId: 'T1' }, claims: partnerClaims('rival-backend') };
    expect(await send('getTower', read)).toMatchObject({ statusCode: 404 });
    const patch = { params: { towerId: 'T1' }, headers: version('"1"'), body: { partnerIds: ['rival'] } };
    expect(await send('updateTower', patch)).toMatchObject({ statusCode: 200 });
    expect(await send('getTower', read)).toMatchObject({ statusCode: 200 });
  });

  it('show operators what is missing of their messages', async () => {
    await send('createTower', { body: towerOf('T1') });
    await putEntities(tables, {
      kind: 'progress',
      towerId: 'T1',
      boot: 'b7',
      contiguous: 4,
      ranges: [[7, 9]],
      lastSeenAt: '2026-03-20T09:15:00.000Z',
      version: 1,
    });
    expect(await readAll('getTowerProgress', { params: { towerId: 'T1' } })).toEqual([
      {
        boot: 'b7',
        contiguous: 4,
        missing: [{ from: 5, to: 6 }],
        lastSeenAt: '2026-03-20T09:15:00.000Z',
      },
    ]);
  });
});
