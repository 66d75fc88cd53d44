import { createPublicKey, sign, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { keysInForce, signatureHeaders } from '../../../functions/deliver/signature.ts';
import { matches } from '../../../functions/domain/match.ts';
import { ed25519PrivateKey } from '../../../functions/shared/ed25519.ts';
import { ContractNameSchema } from '../../../schemas/contract.ts';
import { expresses } from '../../../schemas/contract-events.ts';
import { eventTypes } from '../../../schemas/event.ts';
import { makeEndpoint } from '../../helpers/deliveries.ts';
import { startEndpointWorld, type Answer, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
beforeEach(async () => {
  world = await startEndpointWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const given = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const url = 'https://partner.example/hooks';
const create = async (body: Record<string, unknown> = {}, as = 'acme') =>
  world.call('POST', '/v1/endpoints', { as, body: { url, ...body } });
const idOf = ({ json }: Answer) => z.string().parse(json['endpointId']);
const at = (answer: Answer, rest = '') => `/v1/endpoints/${idOf(answer)}${rest}`;
const errors = ({ json }: Answer) => json['errors'];
const named = (endpointId: string) => ({ partnerId: 'acme', endpointId });
/** Steps of five days. */
const steps = (count: number): number[] => Array.from({ length: count }, () => 5 * 86_400);
const keysNow = async (answer: Answer) =>
  keysInForce((await world.secretsOf(idOf(answer))).signingKeys, Date.parse(world.now)).map(({ key }) => key);

describe('creating an endpoint', () => {
  it('shows its generated secret once and stores it sealed', async () => {
    const created = await create({ filter: { types: ['reservation.*'], lockIds: ['gate'] } });
    expect(created).toMatchObject({
      status: 201,
      headers: { etag: '"1"', location: at(created), 'cache-control': 'no-store' },
      json: {
        partnerId: 'acme',
        url,
        contract: 'standard',
        method: 'POST',
        detail: 'full',
        filter: { types: ['reservation.*'], lockIds: ['gate'] },
        status: 'active',
        publicKey: null,
      },
    });
    expect(created.json['secret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await keysNow(created)).toEqual([created.json['secret']]);
    const read = await world.call('GET', at(created), { as: 'acme' });
    expect(read.json).not.toHaveProperty('secret');
    expect(read.json).not.toHaveProperty('secrets');
  });

  it('takes a well-formed secret of the partner’s own, and does not show it', async () => {
    const created = await create({ secret: given });
    expect(created.json['secret']).toBeNull();
    expect(await keysNow(created)).toEqual([given]);
  });

  it.each([
    'whsec_',
    'whsec_c2hvcnQ=',
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    'plain text',
    `whsk_${Buffer.alloc(64).toString('base64')}`,
    `whsk_${Buffer.alloc(32).toString('base64')}`,
  ])('refuses a secret that is not well-formed, without quoting it: %s', async (secret) => {
    const refused = await create({ secret });
    expect(refused.status).toBe(400);
    expect(errors(refused)).toMatchObject([{ pointer: '/body/secret' }]);
    // Of the shortest there is nothing to quote.
    expect(refused.text).not.toContain(secret.slice('whsec_'.length) || secret);
  });

  it('makes an Ed25519 key whose private half nobody is shown', async () => {
    const created = await create({ signing: 'ed25519' });
    expect(created.json).toMatchObject({ secret: null });
    expect(created.json['publicKey']).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    const [key = ''] = await keysNow(created);
    expect(key).toMatch(/^whsk_/);
    expect(created.text).not.toContain(key.slice('whsk_'.length, 40));
  });

  it('gives the same answer, secret included, for a repeated Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'once' };
    const [first, second] = [
      await world.call('POST', '/v1/endpoints', { as: 'acme', body: { url }, headers }),
      await world.call('POST', '/v1/endpoints', { as: 'acme', body: { url }, headers }),
    ];
    expect(second.text).toBe(first.text);
    const listed = await world.call('GET', '/v1/endpoints', { as: 'acme' });
    expect(listed.json['items']).toHaveLength(1);
    const stored = JSON.stringify(await world.tables.scan('entities'));
    expect(stored).not.toContain(z.string().parse(first.json['secret']).slice('whsec_'.length));
  });

  it.each([
    [{ url: 'http://partner.example/' }, '/body/url'],
    [{ url: 'https://10.0.0.1/' }, '/body/url'],
    [{ url: 'https://user:planted@partner.example/' }, '/body/url'],
    [{ filter: { types: ['reservation.vanished'] } }, '/body/filter/types/0'],
    [{ contract: 'reservation-status', detail: 'thin' }, '/body/detail'],
    [{ contract: 'message-pointer' }, '/body/contract'],
    [{ secret: given, signing: 'ed25519' }, '/body/secret'],
    [{ scheduleSeconds: [0, ...steps(15)] }, '/body/scheduleSeconds'],
    [{ surprise: 1 }, '/body/surprise'],
  ])('names the field that is wrong: %j', async (body, pointer) => {
    const refused = await create(body);
    expect(refused.status).toBe(400);
    expect(errors(refused)).toMatchObject([{ pointer }]);
    expect(refused.text).not.toContain('planted');
  });

  it('is for the operator’s named partner, who must exist', async () => {
    expect((await create({}, 'operator')).status).toBe(400);
    expect((await create({ partnerId: 'nobody' }, 'operator')).status).toBe(404);
    expect((await create({ partnerId: 'acme' }, 'operator')).json['partnerId']).toBe('acme');
    expect((await create({ partnerId: 'rival' }, 'acme')).status).toBe(404);
  });
});

describe('an endpoint', () => {
  it('is nobody else’s, on any path', async () => {
    const created = await create();
    const bodies: [string, string, unknown?][] = [
      ['GET', ''],
      ['PATCH', '', { method: 'PUT' }],
      ['DELETE', ''],
      ['POST', '/rotate', {}],
      ['POST', '/revoke'],
      ['GET', '/public-key'],
      ['POST', '/test', { type: 'locker.opened' }],
    ];
    for (const [method, rest, body] of bodies) {
      const headers = { 'if-match': '"1"' };
      expect(await world.call(method, at(created, rest), { as: 'rival', body, headers })).toMatchObject({
        status: 404,
        json: { code: 'not_found' },
      });
    }
    expect((await world.call('GET', '/v1/endpoints', { as: 'rival' })).json['items']).toEqual([]);
    expect((await world.call('GET', at(created), { as: 'acme' })).json['version']).toBe(1);
  });

  it('is changed by who has seen its last version', async () => {
    const created = await create({ scheduleSeconds: [0, 5] });
    const patch = async (body: unknown, ifMatch?: string) =>
      world.call('PATCH', at(created), {
        as: 'acme',
        body,
        ...(ifMatch !== undefined && { headers: { 'if-match': ifMatch } }),
      });
    expect((await patch({ method: 'PUT' })).status).toBe(428);
    expect(await patch({ method: 'PUT', scheduleSeconds: null }, '"1"')).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
      json: { method: 'PUT', version: 2 },
    });
    expect((await patch({ method: 'PATCH' }, '"1"')).status).toBe(412);
    expect(errors(await patch({ url: 'https://a:b@c.example/' }, '"2"'))).toMatchObject([
      { pointer: '/body/url' },
    ]);
    const disabled = await patch({ status: 'disabled' }, '"2"');
    expect(disabled.json).toMatchObject({ status: 'disabled', disabledReason: 'by_request' });
    expect(disabled.json).not.toHaveProperty('scheduleSeconds');
    expect((await patch({ status: 'active' }, '"3"')).json).not.toHaveProperty('disabledReason');
  });

  it('has no schedule that may outlast its deliveries, and can be changed otherwise if it came to have one', async () => {
    const longest = [...steps(14), 5 * 86_400 - 1];
    const overlong =
      'must end within 90 days, for which deliveries are kept, though each step may take a fifth more';
    const created = await create({ scheduleSeconds: longest });
    expect(created.status).toBe(201);
    const patch = async (body: object) =>
      world.call('PATCH', at(created), { as: 'acme', body, headers: { 'if-match': '"1"' } });
    const refused = await patch({ scheduleSeconds: steps(15) });
    expect(refused.status).toBe(400);
    expect(errors(refused)).toMatchObject([{ pointer: '/body/scheduleSeconds', detail: overlong }]);
    const endpoint = makeEndpoint({ endpointId: idOf(created), scheduleSeconds: steps(20) });
    await world.put(endpoint);
    expect((await patch({ status: 'disabled' })).status).toBe(200);
  });

  it.each(['gone', 'failing'])(
    'that was disabled as %s can be left so by request',
    async (disabledReason) => {
      const endpointId = `left-${disabledReason}`;
      await world.put(makeEndpoint({ endpointId, status: 'disabled', disabledReason }));
      const patch = (body: object, version: string) =>
        world.call('PATCH', `/v1/endpoints/${endpointId}`, {
          as: 'acme',
          body,
          headers: { 'if-match': version },
        });
      expect((await patch({ method: 'PUT' }, '"1"')).json).toMatchObject({ disabledReason });
      expect((await patch({ status: 'disabled' }, '"2"')).json).toMatchObject({
        status: 'disabled',
        disabledReason: 'by_request',
      });
    },
  );

  it('gets other credentials without losing its keys', async () => {
    const created = await create({ auth: { type: 'bearer', token: 'planted-token' } });
    const keys = await keysNow(created);
    const auth = { type: 'basic', username: 'u', password: 'planted-password' };
    const changed = await world.call('PATCH', at(created), {
      as: 'acme',
      body: { auth },
      headers: { 'if-match': '"1"' },
    });
    expect(changed.text).not.toContain('planted');
    expect(await world.secretsOf(idOf(created))).toMatchObject({ auth });
    expect(await keysNow(created)).toEqual(keys);
  });

  it('is gone when it was deleted, but for an integration, which stays', async () => {
    const created = await create();
    expect((await world.call('DELETE', at(created), { as: 'acme' })).status).toBe(204);
    expect((await world.call('GET', at(created), { as: 'acme' })).status).toBe(404);
    await world.put(makeEndpoint({ endpointId: 'pointer', contract: 'message-pointer' }));
    const refused = await world.call('DELETE', '/v1/endpoints/pointer', { as: 'acme' });
    expect(refused).toMatchObject({ status: 409, json: { code: 'integration_stays' } });
  });
});

describe('what was told of an endpoint', () => {
  const toldSince = '2026-03-01T09:15:00.000Z';
  const tell = async (endpointId: string) =>
    world.services.health.change(named(endpointId), (health) => ({
      health: { ...health, toldSince },
      announces: null,
    }));

  it('goes with it', async () => {
    const created = await create();
    await tell(idOf(created));
    expect((await world.call('DELETE', at(created), { as: 'acme' })).status).toBe(204);
    expect(await world.services.health.get(named(idOf(created)))).toMatchObject({ toldSince: null });
  });

  it('does not keep it when it can’t be written', async () => {
    const created = await create();
    await tell(idOf(created));
    world.services.health.change = () => Promise.reject(new Error('no storage'));
    expect((await world.call('DELETE', at(created), { as: 'acme' })).status).toBe(204);
    expect((await world.call('GET', at(created), { as: 'acme' })).status).toBe(404);
    expect(JSON.stringify(world.logs)).toContain('health left behind');
  });
});

describe('a rotation', () => {
  it('lets old and new sign for 24 hours, and never the old one after', async () => {
    const created = await create();
    const rotated = await world.call('POST', at(created, '/rotate'), { as: 'acme', body: {} });
    expect(rotated).toMatchObject({
      status: 200,
      json: {
        signingKeys: [
          { signing: 'hmac', notAfter: null },
          { signing: 'hmac', notAfter: '2026-03-21T09:15:00.000Z' },
        ],
      },
    });
    const both = [rotated.json['secret'], created.json['secret']];
    expect(await keysNow(created)).toEqual(both);
    world.laterBy(86_399.999);
    expect(await keysNow(created)).toEqual(both);
    world.laterBy(0.001);
    expect(await keysNow(created)).toEqual([rotated.json['secret']]);
  });

  it('is ended at once by revoking', async () => {
    const created = await create();
    const rotated = await world.call('POST', at(created, '/rotate'), { as: 'acme', body: {} });
    const revoked = await world.call('POST', at(created, '/revoke'), { as: 'acme' });
    expect(revoked.json).toMatchObject({ secret: null, signingKeys: [{ notAfter: null }] });
    expect(await keysNow(created)).toEqual([rotated.json['secret']]);
  });

  it('is refused while two old keys sign already, not by dropping one before its time', async () => {
    const created = await create();
    const rotate = async (body: unknown = {}) =>
      world.call('POST', at(created, '/rotate'), { as: 'acme', body });
    await rotate();
    world.laterBy(3_600);
    await rotate();
    expect(await rotate()).toMatchObject({ status: 409, json: { code: 'too_many_keys' } });
    world.laterBy(86_400 - 3_600);
    expect((await rotate()).status).toBe(200);
    expect(await keysNow(created)).toHaveLength(3);
  });

  it('refuses a key that is there already', async () => {
    const created = await create({ secret: given });
    const again = await world.call('POST', at(created, '/rotate'), { as: 'acme', body: { secret: given } });
    expect(errors(again)).toMatchObject([{ pointer: '/body/secret' }]);
  });

  it('happens once for a repeated Idempotency-Key', async () => {
    const created = await create();
    const call = { as: 'acme', body: {}, headers: { 'idempotency-key': 'once' } };
    const first = await world.call('POST', at(created, '/rotate'), call);
    const second = await world.call('POST', at(created, '/rotate'), call);
    expect(second.text).toBe(first.text);
    expect(await keysNow(created)).toHaveLength(2);
  });

  it('may change over to Ed25519, and keeps its kind unless told', async () => {
    const created = await create();
    await world.call('POST', at(created, '/rotate'), { as: 'acme', body: { signing: 'ed25519' } });
    const again = await world.call('POST', at(created, '/rotate'), { as: 'acme', body: {} });
    expect(again.json['signingKeys']).toMatchObject([
      { signing: 'ed25519' },
      { signing: 'ed25519' },
      { signing: 'hmac' },
    ]);
  });
});

const PublicKeysSchema = z.object({
  publicKeys: z.array(z.object({ publicKey: z.string(), notAfter: z.string().nullable() })),
});

describe('public keys', () => {
  it('verify what the endpoint signs', async () => {
    const created = await create({ signing: 'ed25519' });
    const answer = await world.call('GET', at(created, '/public-key'), { as: 'acme' });
    const { publicKeys } = PublicKeysSchema.parse(answer.json);
    expect(publicKeys).toEqual([{ publicKey: created.json['publicKey'], notAfter: null }]);
    const x = Buffer.from(publicKeys[0]?.publicKey.slice('whpk_'.length) ?? '', 'base64').toString(
      'base64url',
    );
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const body = Buffer.from('{"a":1}');
    const headers = signatureHeaders(
      { id: 'evt_1', epochSeconds: 1_614_265_330, body },
      (await keysNow(created)).map((signingKey) => ({ key: signingKey })),
    );
    const signature = headers['webhook-signature']?.slice('v1a,'.length) ?? '';
    expect(verify(null, Buffer.from('evt_1.1614265330.{"a":1}'), key, Buffer.from(signature, 'base64'))).toBe(
      true,
    );
  });

  it('of a given key are its own', async () => {
    const made = await create({ signing: 'ed25519' });
    const [whsk = ''] = await keysNow(made);
    const created = await create({ secret: whsk });
    expect(created.json).toMatchObject({ secret: null, publicKey: made.json['publicKey'] });
    expect(sign(null, Buffer.from('x'), ed25519PrivateKey(whsk))).toHaveLength(64);
  });

  it('are none for a shared secret', async () => {
    expect((await world.call('GET', at(await create(), '/public-key'), { as: 'acme' })).status).toBe(404);
  });
});

describe('a test of an endpoint', () => {
  it('is an event for this endpoint only, whatever its filter, marked as a test', async () => {
    const created = await create({ filter: { types: ['tower.*'] } });
    const sent = await world.call('POST', at(created, '/test'), {
      as: 'acme',
      body: { type: 'reservation.stocked' },
    });
    expect(sent.status).toBe(202);
    const [event, ...others] = await world.events();
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      id: sent.json['eventId'],
      type: 'reservation.stocked',
      partnerIds: ['acme'],
      test: { endpointId: idOf(created) },
    });
    if (event === undefined) throw new Error('no event');
    const own = makeEndpoint({ endpointId: idOf(created), filter: { types: ['tower.*'] } });
    expect(matches(own, event)).toBe(true);
    expect(matches(makeEndpoint({ endpointId: 'another' }), event)).toBe(false);
  });

  it('is another event each time', async () => {
    const created = await create();
    const call = { as: 'acme', body: { type: 'locker.opened' } };
    for (let n = 0; n < 2; n += 1) await world.call('POST', at(created, '/test'), call);
    expect(await world.events()).toHaveLength(2);
  });

  it.each(ContractNameSchema.options)(
    'can be of each type that the contract can say, and of no other: %s',
    async (contract) => {
      const endpoint = makeEndpoint({ contract });
      await world.put({
        ...endpoint,
        secrets: await world.services.secrets.seal(endpoint, {
          signingKeys: [{ key: given, notAfter: null }],
          auth: { type: 'none' },
        }),
      });
      const statuses: [string, number][] = [];
      for (const type of eventTypes) {
        const { status } = await world.call('POST', '/v1/endpoints/main/test', {
          as: 'acme',
          body: { type },
        });
        statuses.push([type, status]);
      }
      expect(statuses).toEqual(
        eventTypes.map((type) => [type, expresses(contract, { type, cause: 'tower' }) ? 202 : 422]),
      );
    },
  );

  it('is refused while the endpoint is disabled: it would be held, and nobody could recover it', async () => {
    const created = await create();
    const change = { as: 'acme', body: { status: 'disabled' }, headers: { 'if-match': '"1"' } };
    expect((await world.call('PATCH', at(created), change)).status).toBe(200);
    const call = { as: 'acme', body: { type: 'locker.opened' } };
    const refused = await world.call('POST', at(created, '/test'), call);
    expect([refused.status, refused.json['code']]).toEqual([409, 'endpoint_disabled']);
    expect(await world.events()).toEqual([]);
  });

  it('is refused of a type that there is not', async () => {
    const answer = await world.call('POST', at(await create(), '/test'), {
      as: 'acme',
      body: { type: 'nothing' },
    });
    expect(answer.status).toBe(400);
  });
});
