import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineOperation, nothing } from '../../../functions/api/operation.ts';
import { contended, Problem } from '../../../functions/api/problem.ts';
import type { Services } from '../../../functions/api/services.ts';
import type { Partner } from '../../../schemas/entity.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import {
  makeApi,
  makeServices,
  operatorClaims,
  partnerClaims,
  partnerNamed,
  putEntities,
} from './foundation.ts';

/** What the next request does beside creating a partner of a random name. */
interface Plan {
  before?: () => Promise<void> | void;
  afterCommit?: () => void;
  /** False: the operation does not give its reply to the commit. */
  givesReply?: boolean;
}

let plan: Plan = {};

/** Creates something new each time it is called. */
const create = defineOperation({
  operationId: 'create',
  method: 'POST',
  path: '/v1/things',
  tag: 'Things',
  summary: 'Create',
  access: 'any',
  params: nothing,
  query: nothing,
  body: z.strictObject({ name: z.string() }),
  response: { status: 201, schema: z.object({ id: z.string(), secret: z.string() }), description: 'It.' },
  creates: true,
  handle: async (services, { body }) => {
    await plan.before?.();
    const partnerId = services.newId();
    const partner: Partner = { kind: 'partner', partnerId, ...body, active: true, clientIds: [], version: 0 };
    const reply = { body: { id: partnerId, secret: 'whsec_planted' }, version: 1 };
    const unit = { changes: [partner], events: [] };
    const outcome = await services.commit(plan.givesReply === false ? unit : { ...unit, reply });
    if (outcome.kind !== 'committed') throw contended();
    plan.afterCommit?.();
    return reply;
  },
});

let tables: Tables;
let nowMs: number;
let services: Services;

beforeAll(async () => {
  tables = await startTables();
  await putEntities(tables, ...partnerNamed('acme'), ...partnerNamed('rival'));
});
afterAll(() => tables[Symbol.asyncDispose]());
beforeEach(() => {
  plan = {};
  nowMs = Date.parse('2026-03-20T09:15:00.000Z');
  services = makeServices(tables, { now: () => instantFromMs(nowMs) });
});

const api = () => makeApi(tables, [create], services);
let keys = 0;
const newKey = () => `key-${(keys += 1)}`;
const send = (key: string, name = 'One', claims: Record<string, unknown> = operatorClaims) =>
  api().send(create, { headers: { 'Idempotency-Key': key }, body: { name }, claims });

const created = async () => (await tables.scan('entities')).filter(({ kind }) => kind === 'partner').length;

/** A process that ends there and then: nothing after it is carried out. */
const dies = () => {
  throw new Error('the process died');
};

describe('a repeated Idempotency-Key', () => {
  it('gets the same answer, status and headers included, and nothing is done again', async () => {
    const key = newKey();
    const first = await send(key);
    const before = await created();
    const second = await send(key);
    expect(first.statusCode).toBe(201);
    expect(second).toMatchObject({ statusCode: 201, body: first.body, headers: { etag: '"1"' } });
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(await created()).toBe(before);
  });

  it('may come with the same body written another way', async () => {
    const key = newKey();
    const first = await send(key);
    const headers = { 'idempotency-key': key };
    expect(await api().send(create, { headers, body: '{ "name":\n"One" }' })).toMatchObject({
      statusCode: 201,
      body: first.body,
    });
  });

  it('with another body gets 409', async () => {
    const key = newKey();
    await send(key);
    expect(await send(key, 'Two')).toMatchObject({
      statusCode: 409,
      json: { code: 'idempotency_key_reused' },
    });
  });

  it('of another caller is another key', async () => {
    const key = newKey();
    const [first, second] = [
      await send(key, 'One', partnerClaims('acme-backend')),
      await send(key, 'One', partnerClaims('rival-backend')),
    ];
    expect(second.statusCode).toBe(201);
    expect(second.body).not.toBe(first.body);
  });

  it('is forgotten after a day', async () => {
    const key = newKey();
    const first = await send(key);
    nowMs += 24 * 3_600_000 - 1_000;
    expect((await send(key)).body).toBe(first.body);
    nowMs += 2_000;
    expect((await send(key, 'Two')).statusCode).toBe(201);
  });

  it('while the first is being worked on gets 409 with Retry-After', async () => {
    const key = newKey();
    const concurrent: Awaited<ReturnType<typeof send>>[] = [];
    plan = {
      before: async () => {
        plan = {};
        concurrent.push(await send(key));
      },
    };
    expect((await send(key)).statusCode).toBe(201);
    expect(concurrent).toMatchObject([
      { statusCode: 409, json: { code: 'request_in_flight' }, headers: { 'retry-after': '1' } },
    ]);
  });

  it('that is no key gets 400', async () => {
    for (const key of ['', 'two words', 'ü', 'x'.repeat(256)])
      expect(await send(key)).toMatchObject({ statusCode: 400 });
  });
});

describe('a refusal', () => {
  it('is repeated too, without asking again', async () => {
    const key = newKey();
    plan = {
      before: () => {
        throw new Problem(409, 'no_locker', 'No locker is free.');
      },
    };
    const first = await send(key);
    plan = {};
    expect(first).toMatchObject({ statusCode: 409, json: { code: 'no_locker' } });
    expect(await send(key)).toMatchObject({ statusCode: 409, body: first.body });
  });

  it('of a malformed request takes no key', async () => {
    const key = newKey();
    const headers = { 'idempotency-key': key };
    expect(await api().send(create, { headers, body: { nam: 'One' } })).toMatchObject({ statusCode: 400 });
    expect((await send(key)).statusCode).toBe(201);
  });

  it('that may pass is not kept', async () => {
    const key = newKey();
    plan = {
      before: () => {
        throw contended();
      },
    };
    expect((await send(key)).statusCode).toBe(409);
    plan = {};
    expect((await send(key)).statusCode).toBe(201);
  });
});

describe('a failure', () => {
  it('before the commit gives the key back', async () => {
    const key = newKey();
    plan = { before: dies };
    expect((await send(key)).statusCode).toBe(500);
    plan = {};
    expect((await send(key)).statusCode).toBe(201);
  });

  it('after the commit does nothing again: the answer that was stored with it is given', async () => {
    const key = newKey();
    plan = { afterCommit: dies };
    expect((await send(key)).statusCode).toBe(500);
    const before = await created();
    plan = {};
    expect(await send(key)).toMatchObject({ statusCode: 201, json: { secret: 'whsec_planted' } });
    expect(await created()).toBe(before);
  });

  it('after a commit that was not given the answer says so, and does nothing again', async () => {
    const key = newKey();
    plan = { afterCommit: dies, givesReply: false };
    await send(key);
    const before = await created();
    plan = {};
    expect(await send(key)).toMatchObject({ statusCode: 409, json: { code: 'answer_lost' } });
    expect(await created()).toBe(before);
  });

  it('that kills the process before the commit holds the key for a minute only', async () => {
    const key = newKey();
    plan = { before: () => new Promise(() => undefined) };
    void send(key);
    await expect.poll(isInFlight, { timeout: 5_000 }).toBe(true);
    plan = {};
    nowMs += 59_000;
    expect(await send(key)).toMatchObject({ statusCode: 409, json: { code: 'request_in_flight' } });
    nowMs += 2_000;
    expect((await send(key)).statusCode).toBe(201);
  });

  it('of one that was thought dead and was not, does nothing any more', async () => {
    const key = newKey();
    const late = Promise.withResolvers<void>();
    plan = { before: () => late.promise };
    const first = send(key);
    await expect.poll(isInFlight, { timeout: 5_000 }).toBe(true);
    plan = {};
    nowMs += 61_000;
    const second = await send(key);
    const before = await created();
    late.resolve();
    expect(await first).toMatchObject({ statusCode: 409, json: { code: 'conflict' } });
    expect(await created()).toBe(before);
    expect((await send(key)).body).toBe(second.body);
  });
});

/** Whether some request is being worked on. Which one, a stored id does not tell. */
async function isInFlight(): Promise<boolean> {
  return (await tables.scan('entities')).some(({ state }) => state === 'in_flight');
}

describe('what is stored of an answer', () => {
  it('is unreadable without the key', async () => {
    const key = newKey();
    await send(key);
    const records = (await tables.scan('entities')).filter(({ sk }) => sk === 'idempotency');
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      const { answer, ...rest } = z
        .looseObject({ answer: z.instanceof(Uint8Array).optional() })
        .parse(record);
      expect(Buffer.from(answer ?? []).toString('latin1')).not.toContain('planted');
      expect(JSON.stringify(rest)).not.toContain(key);
    }
  });
});
