import { createPublicKey, verify } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { testStage } from '../helpers/stage-config.ts';
import { startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const overlapSeconds = 6;
const EndpointSchema = z.looseObject({ endpointId: z.string(), secret: z.string().nullable() });
const RotatedSchema = EndpointSchema.extend({
  signingKeys: z.array(z.object({ notAfter: z.string().nullable() })),
});

let world: World;
let partner: ApiClient;

beforeAll(async () => {
  world = await startWorld({
    network: () => ({
      towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 9 }] }],
      partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }],
    }),
    stageConfig: { ...testStage, delivery: { ...testStage.delivery, keyOverlapSeconds: overlapSeconds } },
  });
  partner = await signIn(world.stack.ready, 'acme-backend', 'partner');
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function create(path: string, body: Record<string, unknown> = {}) {
  const inbox = world.receiver.expect(path);
  const { status, json } = await partner.call('POST', '/v1/endpoints', {
    body: { url: world.receiver.url(path), filter: { types: ['locker.*'] }, ...body },
  });
  expect(status).toBe(201);
  const endpoint = EndpointSchema.parse(json);
  return { inbox, endpoint, secret: endpoint.secret ?? '', at: `/v1/endpoints/${endpoint.endpointId}` };
}

/** Has the tower open its locker every now and then, until `isDone` says so of a request. */
async function eventsUntil(inbox: Inbox, isDone: (request: ReceivedRequest) => boolean): Promise<void> {
  const tower = await world.tower(towerId);
  await waitFor(
    async () => {
      await tower.publish({ type: 'locker.opened', locker: 9 });
      return inbox.requests.some(isDone) ? true : undefined;
    },
    { timeoutMs: 30_000, describe: () => `a request after ${inbox.requests.length}` },
  );
}

function isSignedBy(secret: string, { body, headers }: ReceivedRequest): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

const attemptedAtMs = ({ headers }: ReceivedRequest) => Number(headers['webhook-timestamp']) * 1_000;

describe('a rotated key', () => {
  it('signs beside the new one during the overlap, and never after its end', async () => {
    const { inbox, secret: old, at } = await create('/rotated');
    await eventsUntil(inbox, (request) => isSignedBy(old, request));
    const rotated = RotatedSchema.parse((await partner.call('POST', `${at}/rotate`, { body: {} })).json);
    const end = Date.parse(rotated.signingKeys[1]?.notAfter ?? '');
    const current = rotated.secret ?? '';
    const both = (request: ReceivedRequest) => isSignedBy(old, request) && isSignedBy(current, request);
    await eventsUntil(inbox, both);
    await eventsUntil(inbox, (request) => attemptedAtMs(request) > end + 1_000);

    const duringOverlap = inbox.requests.filter(both);
    expect(duringOverlap.length).toBeGreaterThan(0);
    // The header has whole seconds: what was sent in the second of the end may be on either side of it.
    const after = inbox.requests.filter((request) => attemptedAtMs(request) >= end);
    expect(after.length).toBeGreaterThan(0);
    for (const request of after) {
      expect(isSignedBy(current, request)).toBe(true);
      expect(isSignedBy(old, request)).toBe(false);
    }
    for (const request of inbox.requests)
      expect(isSignedBy(old, request) || isSignedBy(current, request)).toBe(true);
  });

  it('stops at once when it is revoked', async () => {
    const { inbox, secret: old, at } = await create('/revoked');
    const rotated = RotatedSchema.parse((await partner.call('POST', `${at}/rotate`, { body: {} })).json);
    expect((await partner.call('POST', `${at}/revoke`)).status).toBe(200);
    // `deliver` knows an endpoint for a second here, and then reads it again.
    const revokedAt = Date.now();
    await eventsUntil(inbox, (request) => attemptedAtMs(request) > revokedAt + 2_000);
    const last = inbox.requests.filter((request) => attemptedAtMs(request) > revokedAt + 2_000);
    for (const request of last) {
      expect(isSignedBy(rotated.secret ?? '', request)).toBe(true);
      expect(isSignedBy(old, request)).toBe(false);
    }
  });
});

describe('an Ed25519 endpoint', () => {
  it('signs what its public key verifies', async () => {
    const { inbox, at } = await create('/ed25519', { signing: 'ed25519' });
    const answer = await partner.call('GET', `${at}/public-key`);
    const { publicKeys } = z
      .object({ publicKeys: z.array(z.looseObject({ publicKey: z.string() })) })
      .parse(answer.json);
    const raw = Buffer.from(publicKeys[0]?.publicKey.slice('whpk_'.length) ?? '', 'base64');
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
      format: 'jwk',
    });
    await eventsUntil(inbox, () => true);
    const { body, headers } = await inbox.waitFor(() => true);
    const content = Buffer.concat([
      Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`),
      body,
    ]);
    const signature = Buffer.from(headers['webhook-signature']?.replace(/^v1a,/, '') ?? '', 'base64');
    expect(verify(null, content, key, signature)).toBe(true);
  });
});

describe('a test of an endpoint', () => {
  it('arrives signed and marked at this endpoint only, whatever its filter', async () => {
    const { inbox, secret, at } = await create('/tested', { filter: { types: ['tower.started'] } });
    const { inbox: other } = await create('/untested', { filter: { types: ['booking.*'] } });
    const sent = await partner.call('POST', `${at}/test`, { body: { type: 'booking.added' } });
    expect(sent.status).toBe(202);
    const { eventId, deliveryId } = z
      .object({ eventId: z.string(), deliveryId: z.string() })
      .parse(sent.json);
    const request = await inbox.waitFor(({ id }) => id === eventId, 20_000);
    expect(request.headers['towercast-test']).toBe('true');
    expect(JSON.parse(request.body.toString())).toMatchObject({ type: 'booking.added' });
    expect(isSignedBy(secret, request)).toBe(true);
    await waitFor(
      async () => {
        const { json } = await partner.call('GET', `/v1/deliveries/${deliveryId}`);
        return z.looseObject({ status: z.literal('delivered') }).safeParse(json).data;
      },
      { timeoutMs: 20_000, describe: () => 'the delivery of the test' },
    );
    expect(other.requests).toEqual([]);
  });
});

/** A partner's debugging page, which shows what it was sent. */
const echo = (request: { headers: unknown; body: Buffer }) => ({
  status: 500,
  body: JSON.stringify([request.headers, request.body.toString()]),
});

describe('secrets, tokens and passwords', () => {
  const planted = {
    given: Buffer.alloc(32, 'PLANTED-GIVEN-').toString('base64'),
    bearer: 'PLANTED-BEARER-TOKEN',
    user: 'PLANTEDUSER',
    password: 'PLANTEDPASSWORD',
  };
  const basic = Buffer.from(`${planted.user}:${planted.password}`).toString('base64');
  /** Whatever may not be found anywhere, in any form in which it is sent or stored. */
  const needles = (others: readonly string[]) => [
    ...Object.values(planted),
    basic,
    Buffer.from(planted.given, 'base64').toString(),
    ...others,
  ];

  it('are in no answer after the first, no log, no table and no template', async () => {
    const given = await create('/planted', {
      secret: `whsec_${planted.given}`,
      auth: { type: 'bearer', token: planted.bearer },
    });
    given.inbox.behaviour = echo;
    const generated = await create('/generated', { signing: 'hmac' });
    const asymmetric = await create('/asymmetric', { signing: 'ed25519' });
    const hookUrl = world.receiver.url('/webhook');
    const webhook = world.receiver.expect('/webhook', { behaviour: echo });
    const withCredentials = (path: string) =>
      hookUrl.replace('http://', `http://${planted.user}:${planted.password}@`).replace('/webhook', path);
    const seen: string[] = [];
    const ask = async (method: string, path: string, body?: unknown, headers = {}) => {
      const answer = await partner.call(method, path, { ...(body !== undefined && { body }), headers });
      seen.push(answer.text, JSON.stringify([...answer.headers]));
      return answer;
    };
    const projects = '/v2/projects/acme/webhooks';
    const registered = await partner.call('POST', projects, { body: { url: withCredentials('/webhook') } });
    expect(registered.text).not.toContain('PLANTED');
    const { id, signingSecret } = z
      .looseObject({ id: z.string(), signingSecret: z.string() })
      .parse(registered.json);
    const rotated = RotatedSchema.parse(
      (
        await partner.call('POST', `${generated.at}/rotate`, {
          body: {},
          headers: { 'idempotency-key': 'r' },
        })
      ).json,
    );

    await ask('GET', '/v1/endpoints');
    await ask('GET', given.at);
    await ask('GET', `${asymmetric.at}/public-key`);
    await ask('PATCH', given.at, { method: 'PUT' }, { 'if-match': '"1"' });
    await ask('PATCH', given.at, { method: 'PUT' }, { 'if-match': '"1"' });
    await ask('GET', projects);
    for (const url of [
      withCredentials('/x').replace('PLANTEDPASSWORD', 'PLANTEDPASSWORD%21'),
      withCredentials('/x').replace('PLANTEDPASSWORD', '1/PLANTEDPASSWORD'),
      withCredentials('/x').replace('http:', 'ftp:'),
      `https://${planted.user}:${planted.password}@10.0.0.1/`,
    ]) {
      expect((await ask('POST', projects, { url })).status).toBe(400);
      expect((await ask('POST', '/v1/endpoints', { url })).status).toBe(400);
    }
    const wrong = {
      url: 'https://a.example/',
      secret: `whsec_${planted.given}!`,
      auth: { type: 'bearer', token: `${planted.bearer} x` },
    };
    expect((await ask('POST', '/v1/endpoints', wrong)).status).toBe(400);

    for (const at of [given.at, `/v1/endpoints/${id}`])
      await partner.call('POST', `${at}/test`, { body: { type: 'access.unlocked' } });
    await given.inbox.waitFor(
      ({ headers }) => headers['authorization'] === `Bearer ${planted.bearer}`,
      20_000,
    );
    await webhook.waitFor(({ headers }) => headers['authorization'] === `Basic ${basic}`, 20_000);
    await waitFor(
      async () => {
        const records = await world.deliveries();
        const echoed = records.filter(({ attempts }) =>
          attempts.some(({ responseExcerpt }) => responseExcerpt !== null),
        );
        return echoed.length >= 2 ? true : undefined;
      },
      { timeoutMs: 20_000, describe: () => 'records of both failed deliveries' },
    );
    for (const endpointId of [given.endpoint.endpointId, id])
      await ask('GET', `/v1/endpoints/${endpointId}/deliveries`);

    const everything = {
      answers: seen.join('\n'),
      logs: world.stack.stderrText(),
      tables: JSON.stringify(
        await Promise.all(Object.keys(world.stack.ready.tables).map((table) => world.items(table))),
      ),
      template: await templates(inject('assembly')),
    };
    const secrets = [generated.secret, rotated.secret ?? '', signingSecret].map((secret) =>
      secret.slice('whsec_'.length),
    );
    expect(secrets.every((secret) => secret.length > 40)).toBe(true);
    const all = needles([...secrets, partner.token, partner.token.split('.')[2] ?? '']);
    // That is: it was looked for where it would be.
    expect(everything.logs).toContain('"message":"request"');
    expect(everything.logs).toContain('"message":"attempt"');
    expect(everything.tables).toContain('[secret]');
    expect(everything.answers).toContain('[secret]');
    expect(everything.template).toContain('SecretsKey');
    const found = Object.entries(everything).flatMap(([where, text]) =>
      all.filter((needle) => text.includes(needle)).map((needle) => `${needle} in the ${where}`),
    );
    expect(found).toEqual([]);
  });
});

/** Every file of a cloud assembly that is text, bundles included. */
async function templates(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile() && /\.(json|m?js)$/.test(file.name))
    .map(async (file) => readFile(join(file.parentPath, file.name), 'utf8'));
  return (await Promise.all(texts)).join('\n');
}
