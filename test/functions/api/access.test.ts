import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { accessEventId } from '../../../functions/shared/access-event.ts';
import { parseEventId } from '../../../schemas/event-id.ts';
import { createIngest } from '../ingest/ingest.ts';
import { ruleEvent } from '../ingest/publications.ts';
import { locker, towerId } from '../domain/samples.ts';
import { startEndpointWorld, type Answer, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
beforeEach(async () => {
  world = await startEndpointWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const place = { towerId, locker: 9 };
const createKey = async (body: Record<string, unknown> = {}, as = 'acme') =>
  world.call('POST', '/v1/keys', {
    as,
    body: { lockId: 'gate', lockName: 'North gate', ...place, appUserId: '+12125552390', ...body },
  });
const register = async (body: Record<string, unknown>, as = 'acme', project = 'acme') =>
  world.call('POST', `/v2/projects/${project}/webhooks`, { as, body });
const errors = ({ json }: Answer) => json['errors'];

describe('keys', () => {
  it('are an integrator’s when a partner creates them', async () => {
    const created = await createKey();
    expect(created).toMatchObject({
      status: 201,
      json: { lockId: 'gate', partnerId: 'acme', ...place, origin: 'integrator', userName: '' },
    });
    expect(errors(await createKey({ origin: 'app' }))).toMatchObject([{ pointer: '/body/origin' }]);
    expect((await createKey({ origin: 'app', partnerId: 'acme' }, 'operator')).json['origin']).toBe('app');
  });

  it('need the lock’s place once, and never another one', async () => {
    const nowhere = { towerId: undefined, locker: undefined };
    expect(errors(await createKey(nowhere))).toMatchObject([{ pointer: '/body/towerId' }]);
    await createKey();
    expect((await createKey(nowhere)).json).toMatchObject(place);
    await world.put({ ...locker, locker: 10 });
    expect(await createKey({ locker: 10 })).toMatchObject({ status: 409, json: { code: 'lock_elsewhere' } });
  });

  it('are for locks at lockers and towers of the partner', async () => {
    await world.put({ kind: 'tower', towerId: 'theirs', partnerIds: ['rival'], version: 1 });
    expect((await createKey({ towerId: 'theirs' })).status).toBe(404);
    expect((await createKey({ towerId: 'none' })).status).toBe(404);
    expect((await createKey({ locker: 4_000 })).status).toBe(404);
    await createKey();
    expect((await createKey({}, 'rival')).status).toBe(404);
  });

  it('are listed, and revoked for good', async () => {
    const { json } = await createKey();
    const path = `/v1/keys/${z.string().parse(json['keyId'])}`;
    for (const method of ['GET', 'DELETE'])
      expect((await world.call(method, path, { as: 'rival' })).status).toBe(404);
    expect((await world.call('DELETE', path, { as: 'acme' })).status).toBe(204);
    world.laterBy(60);
    expect((await world.call('DELETE', path, { as: 'acme' })).status).toBe(204);
    const listed = await world.call('GET', '/v1/keys', { as: 'acme' });
    expect(listed.json['items']).toMatchObject([
      { ...json, revokedAt: '2026-03-20T09:15:00.000Z', version: 2 },
    ]);
    expect((await world.call('GET', '/v1/keys', { as: 'rival' })).json['items']).toEqual([]);
  });
});

describe('webhooks of a project', () => {
  it('need a URL only', async () => {
    const registered = await register({ url: 'https://vandaley.ind/accessEvents' });
    expect(registered).toMatchObject({
      status: 201,
      json: { trigger: 'accessEvent', url: 'https://vandaley.ind/accessEvents', lockId: null },
    });
    expect(registered.json['signingSecret']).toMatch(/^whsec_/);
  });

  it('may be for one lock of the project', async () => {
    await createKey();
    const url = 'https://vandaley.ind/accessEvents';
    const registered = await register({ trigger: 'accessEvent', url, lockId: 'gate' });
    expect(registered.json['lockId']).toBe('gate');
    const stored = (await world.tables.scan('entities')).find(({ kind }) => kind === 'endpoint');
    expect(stored).toMatchObject({ contract: 'access-event', filter: { lockIds: ['gate'] } });
    expect((await register({ url, lockId: 'gate' }, 'rival', 'rival')).status).toBe(404);
    expect((await register({ url, trigger: 'somethingElse' })).status).toBe(400);
  });

  it('keep the credentials of their URL sealed and never show them', async () => {
    const registered = await register({ url: 'https://myuser:mypasswoord@vandaley.ind/accessEvents' });
    expect(registered.json['url']).toBe('https://vandaley.ind/accessEvents');
    const listed = await world.call('GET', '/v2/projects/acme/webhooks', { as: 'acme' });
    expect(await world.secretsOf(z.string().parse(registered.json['id']))).toMatchObject({
      auth: { type: 'basic', username: 'myuser', password: 'mypasswoord' },
    });
    const seen = [
      registered.text,
      listed.text,
      JSON.stringify(await world.tables.scan('entities')),
      JSON.stringify(world.logs),
    ];
    for (const text of seen) expect(text).not.toMatch(/myuser|mypasswoord|bXl1c2Vy/);
  });

  it('are refused with reserved characters in the credentials, and the reason names the character', async () => {
    const refused = await register({ url: 'https://myuser:planted%24word@vandaley.ind/accessEvents' });
    expect(refused.status).toBe(400);
    expect(errors(refused)).toMatchObject([{ pointer: '/body/url' }]);
    expect(refused.text).toContain(String.raw`\"$\" in its password`);
    expect(refused.text).not.toContain('planted');
  });

  it.each(['http://vandaley.ind/', 'http://127.0.0.1/', 'https://127.0.0.1/', 'nonsense'])(
    'are for https and public hosts only: %s',
    async (url) => {
      expect(errors(await register({ url }))).toMatchObject([{ pointer: '/body/url' }]);
    },
  );

  it('are listed and removed, by their own partner', async () => {
    await world.call('POST', '/v1/endpoints', { as: 'acme', body: { url: 'https://vandaley.ind/all' } });
    const { json } = await register({ url: 'https://vandaley.ind/accessEvents' });
    const list = async () => world.call('GET', '/v2/projects/acme/webhooks', { as: 'acme' });
    const { signingSecret: _, ...shown } = json;
    expect((await list()).json['items']).toEqual([shown]);
    const path = `/v2/projects/acme/webhooks/${z.string().parse(json['id'])}`;
    expect((await world.call('DELETE', path, { as: 'rival' })).status).toBe(404);
    expect((await world.call('DELETE', path.replace('/acme/', '/rival/'), { as: 'rival' })).status).toBe(404);
    expect((await world.call('DELETE', path, { as: 'acme' })).status).toBe(204);
    expect((await list()).json['items']).toEqual([]);
    expect((await world.call('DELETE', path, { as: 'acme' })).status).toBe(404);
  });

  it('remove no endpoint of another contract', async () => {
    const { json } = await world.call('POST', '/v1/endpoints', {
      as: 'acme',
      body: { url: 'https://vandaley.ind/' },
    });
    const path = `/v2/projects/acme/webhooks/${z.string().parse(json['endpointId'])}`;
    expect((await world.call('DELETE', path, { as: 'acme' })).status).toBe(404);
  });

  it('belong to a project that is the partner itself', async () => {
    for (const method of ['GET', 'POST']) {
      const body = method === 'POST' ? { url: 'https://vandaley.ind/' } : undefined;
      const answer = await world.call(method, '/v2/projects/acme/webhooks', { as: 'rival', body });
      expect(answer.status).toBe(404);
    }
  });
});

const CursorSchema = z.tuple([z.string(), z.string()]);
const LogSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), created: z.string(), action: z.string() })),
  nextCursor: z.string().nullable(),
});

describe('the access log of a lock', () => {
  const path = '/v2/projects/acme/locks/gate/access-log';
  const read = async (query: Record<string, string> = {}) =>
    LogSchema.parse((await world.call('GET', path, { as: 'acme', query })).json);
  let seq = 0;
  async function use(keyId: unknown, at: string, fact = 'unlocked') {
    seq += 1;
    const message = { v: 1, boot: 'b1', seq, at, type: `access.${fact}`, keyId };
    await createIngest(world.tables).handler(ruleEvent(message, { receivedAt: Date.parse(world.now) }));
  }

  it('has the last 30 days, newest first, by when it happened', async () => {
    const { keyId } = (await createKey()).json;
    const times = [
      '2026-03-20T09:00:00.000Z',
      '2026-02-18T09:15:00.000Z',
      '2026-02-18T09:14:59.999Z',
      '2026-03-01T00:00:00.000Z',
    ];
    for (const time of times) await use(keyId, time);
    expect((await read()).items.map(({ created }) => created)).toEqual([times[0], times[3], times[1]]);
  });

  it('has what the webhook says, and keys of the app too, but no refused one', async () => {
    const { keyId } = (await createKey()).json;
    const app = (await createKey({ origin: 'app', partnerId: 'acme', userName: 'Ana' }, 'operator')).json;
    await use(keyId, '2026-03-20T09:00:00.000Z', 'locked');
    await use(app['keyId'], '2026-03-20T09:01:00.000Z');
    await use(keyId, '2026-03-20T09:02:00.000Z', 'denied');
    const { items } = await read();
    const locked = (await world.events()).find(({ type }) => type === 'access.locked');
    expect(items).toEqual([
      expect.objectContaining({ action: 'unlocked', keyId: app['keyId'], userName: 'Ana' }),
      {
        id: accessEventId(locked?.id ?? ''),
        action: 'locked',
        created: '2026-03-20T09:00:00.000Z',
        keyId,
        lockId: 'gate',
        lockName: 'North gate',
        appUserId: '+12125552390',
        userName: '',
      },
    ]);
  });

  it('is paged by cursors that newer events do not move', async () => {
    const { keyId } = (await createKey()).json;
    for (let minute = 10; minute < 15; minute += 1) await use(keyId, `2026-03-20T08:${minute}:00.000Z`);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: z.infer<typeof LogSchema> = await read({ limit: '2', ...(cursor !== null && { cursor }) });
      seen.push(...page.items.map(({ created }) => created.slice(14, 16)));
      cursor = page.nextCursor;
      await use(keyId, world.now);
    } while (cursor !== null);
    expect(seen).toEqual(['14', '13', '12', '11', '10']);
  });

  it('has no cursor that tells of what it leaves out', async () => {
    const { keyId } = (await createKey()).json;
    for (let minute = 10; minute < 14; minute += 1) await use(keyId, `2026-03-20T08:${minute}:00.000Z`);
    const before = await world.events();
    for (let minute = 20; minute < 24; minute += 1) await use(keyId, `2026-03-20T08:${minute}:00.000Z`);
    const own = new Set(before.map(({ id }) => id));
    for (const item of await world.tables.scan('events'))
      if (!own.has(String(item['id']))) await world.tables.put('events', { ...item, partnerIds: ['rival'] });
    const keys: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: z.infer<typeof LogSchema> = await read({ limit: '1', ...(cursor !== null && { cursor }) });
      expect(page.items).toHaveLength(1);
      cursor = page.nextCursor;
      if (cursor === null) break;
      const [, key] = CursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
      keys.push(key);
    } while (cursor !== null);
    expect(keys).toHaveLength(3);
    const ownKeys = before.map(({ id }) => parseEventId(id)?.sk);
    expect(ownKeys).toEqual(expect.arrayContaining(keys));
  });

  it('costs one query of the events table', async () => {
    await createKey();
    world.tables.takeRequests();
    await read();
    expect(world.tables.takeRequests().filter((command) => command === 'Query')).toHaveLength(1);
  });

  it('is nobody else’s', async () => {
    await createKey();
    expect((await world.call('GET', path, { as: 'rival' })).status).toBe(404);
    const own = path.replace('/acme/', '/rival/');
    expect((await world.call('GET', own, { as: 'rival' })).status).toBe(404);
    expect((await world.call('GET', path, { as: 'operator' })).status).toBe(200);
  });
});
