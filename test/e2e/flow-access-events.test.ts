import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { testStage } from '../helpers/stage-config.ts';
import { startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const KeySchema = z.looseObject({ keyId: z.string() });
const WebhookSchema = z.looseObject({ id: z.string(), url: z.string(), signingSecret: z.string() });
const LogSchema = z.object({
  items: z.array(z.looseObject({ created: z.string(), keyId: z.string(), action: z.string() })),
  nextCursor: z.string().nullable(),
});
const IdSchema = z.looseObject({ id: z.uuid(), keyId: z.string(), created: z.string() });
const idOf = (request: ReceivedRequest) => IdSchema.parse(JSON.parse(request.body.toString())).id;
const of = (keyId: string, created: string) => (request: ReceivedRequest) => {
  const body = IdSchema.parse(JSON.parse(request.body.toString()));
  return body.keyId === keyId && body.created === created;
};

let world: World;
let integrator: ApiClient;
let operator: ApiClient;

beforeAll(async () => {
  world = await startWorld({
    network: () => ({
      towers: [{ towerId, partnerIds: ['unloc'], lockers: [{ locker: 9 }, { locker: 10 }] }],
      partners: [
        { partnerId: 'unloc', clientIds: ['unloc-backend'] },
        { partnerId: 'stranger', clientIds: ['stranger-backend'] },
      ],
    }),
    // A webhook is told of the very next event.
    stageConfig: { ...testStage, delivery: { ...testStage.delivery, endpointCacheSeconds: 0 } },
  });
  integrator = await signIn(world.stack.ready, 'unloc-backend', 'partner');
  operator = await signIn(world.stack.ready, 'ops', 'operator');
});
afterAll(() => world?.[Symbol.asyncDispose]());

const holder = { appUserId: '+12125552390', userName: '' };
async function newKey(lockId: string, locker: number): Promise<string> {
  const { status, json } = await integrator.call('POST', '/v1/keys', {
    body: { lockId, lockName: 'North gate', towerId, locker, ...holder },
  });
  expect(status).toBe(201);
  return KeySchema.parse(json).keyId;
}

/** Registers a webhook on the receiver, and opens its inbox with the secret that was shown. */
async function register(path: string, body: Record<string, unknown> = {}, credentials = '') {
  const url = world.receiver.url(path).replace('http://', `http://${credentials}`);
  const { status, json, text } = await integrator.call('POST', '/v2/projects/unloc/webhooks', {
    body: { url, ...body },
  });
  expect(status).toBe(201);
  const webhook = WebhookSchema.parse(json);
  const inbox: Inbox = world.receiver.expect(path, { secret: webhook.signingSecret });
  return { webhook, inbox, text };
}

const now = () => new Date().toISOString();

describe('the use of a key at a lock', () => {
  it('reaches the webhook that was registered by its URL alone, to the byte, with Basic authorization', async () => {
    const keyId = await newKey('gate', 9);
    const { webhook, inbox, text } = await register('/accessEvents', {}, 'myuser:mypasswoord@');
    expect(webhook.url).toBe(world.receiver.url('/accessEvents'));
    expect(text).not.toMatch(/myuser|mypasswoord/);

    const tower = await world.tower(towerId);
    const at = now();
    await tower.publish({ type: 'access.unlocked', lockId: 'gate', keyId, at });
    const request = await inbox.waitFor(of(keyId, at), 20_000);
    expect(request.body.toString()).toBe(
      `{"id":"${idOf(request)}","action":"unlocked","created":"${at}","keyId":"${keyId}","lockId":"gate",` +
        `"lockName":"North gate","appUserId":"+12125552390","userName":""}`,
    );
    expect(request).toMatchObject({
      method: 'POST',
      signature: 'ok',
      headers: {
        'content-type': 'application/json',
        authorization: 'Basic bXl1c2VyOm15cGFzc3dvb3Jk',
      },
    });
  });

  it('has one UUID in every attempt', async () => {
    const keyId = await newKey('gate', 9);
    const { inbox } = await register('/twice');
    inbox.behaviour = [{ status: 500 }, { status: 204 }];
    const at = now();
    await (await world.tower(towerId)).publish({ type: 'access.locked', keyId, at });
    await inbox.waitFor((request) => of(keyId, at)(request) && request.attempt === 2, 20_000);
    const ids = inbox.requests.filter(of(keyId, at)).map(idOf);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it('of a tower that was offline arrives late, with the time when it happened', async () => {
    const keyId = await newKey('gate', 9);
    const { inbox } = await register('/late');
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000).toISOString();
    await (
      await world.tower(towerId)
    ).publish({ type: 'access.unlocked', lockId: 'gate', keyId, at: twoDaysAgo });
    const request = await inbox.waitFor(of(keyId, twoDaysAgo), 20_000);
    expect(request.signature).toBe('ok');
  });

  it('triggers a webhook only for a key that an integrator created, and only when it locked or unlocked', async () => {
    const keyId = await newKey('gate', 9);
    const shared = await operator.call('POST', '/v1/keys', {
      body: { partnerId: 'unloc', lockId: 'gate', origin: 'app', ...holder },
    });
    const appKeyId = KeySchema.parse(shared.json).keyId;
    const { inbox } = await register('/own-keys');
    const tower = await world.tower(towerId);
    const at = now();
    await tower.publish({ type: 'access.unlocked', keyId: appKeyId, at });
    await tower.publish({ type: 'access.denied', lockId: 'gate', keyId, at });
    await tower.publish({ type: 'access.locked', keyId, at });
    await inbox.waitFor(of(keyId, at), 20_000);
    // What would have been sent with it has come before what happened afterwards.
    const later = now();
    await tower.publish({ type: 'access.locked', keyId, at: later });
    await inbox.waitFor(of(keyId, later), 20_000);
    expect(inbox.requests.map(({ body }) => body.toString())).toEqual([
      expect.stringContaining('"action":"locked"'),
      expect.stringContaining('"action":"locked"'),
    ]);
    const events = (await world.events()).filter(({ occurredAt }) => occurredAt === at);
    expect(events.map(({ type }) => type).sort()).toEqual([
      'access.denied',
      'access.locked',
      'access.unlocked',
    ]);
    expect((await world.deliveries()).filter(({ event }) => event.type === 'access.denied')).toEqual([]);
  });

  it('reaches a webhook for one lock only from that lock, and none that was removed', async () => {
    const [gate, door] = [await newKey('gate', 9), await newKey('door', 10)];
    const { inbox: doorOnly } = await register('/door', { trigger: 'accessEvent', lockId: 'door' });
    const { inbox: all } = await register('/all');
    const { webhook: gone, inbox: silent } = await register('/gone');
    const removed = await integrator.call('DELETE', `/v2/projects/unloc/webhooks/${gone.id}`);
    expect(removed.status).toBe(204);
    const tower = await world.tower(towerId);
    const at = now();
    await tower.publish({ type: 'access.unlocked', keyId: gate, at });
    await tower.publish({ type: 'access.unlocked', keyId: door, at });
    await Promise.all([
      all.waitFor(of(gate, at), 20_000),
      all.waitFor(of(door, at), 20_000),
      doorOnly.waitFor(of(door, at), 20_000),
    ]);
    expect(doorOnly.distinct).toBe(1);
    expect(silent.requests).toEqual([]);
  });
});

describe('the access log', () => {
  it('shows what happened at a lock, page by page, and to nobody else', async () => {
    const keyId = await newKey('shed', 10);
    const tower = await world.tower(towerId);
    const times = [3, 2, 1].map((days) => new Date(Date.now() - days * 86_400_000).toISOString());
    const longAgo = new Date(Date.now() - 31 * 86_400_000).toISOString();
    for (const at of [longAgo, ...times]) await tower.publish({ type: 'access.unlocked', keyId, at });
    const path = '/v2/projects/unloc/locks/shed/access-log';
    const first = LogSchema.parse((await integrator.call('GET', path, { query: { limit: '2' } })).json);
    const rest = LogSchema.parse(
      (await integrator.call('GET', path, { query: { limit: '2', cursor: first.nextCursor ?? '' } })).json,
    );
    expect([...first.items, ...rest.items].map(({ created }) => created)).toEqual(times.toReversed());
    expect(rest.nextCursor).toBeNull();
    const stranger = await signIn(world.stack.ready, 'stranger-backend', 'partner');
    expect((await stranger.call('GET', path)).status).toBe(404);
    expect((await stranger.call('GET', path.replace('/unloc/', '/stranger/'))).status).toBe(404);
  });
});
