import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT, decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { callApi, clientWith, fetchToken, signIn } from '../helpers/api-client.ts';
import { startWorld, type World } from './world.ts';

const TokenResponseSchema = z.object({ access_token: z.string() });
const HeaderSchema = z.object({ kid: z.string() });

const path = '/v1/partners/acme';
let world: World;

beforeAll(async () => {
  world = await startWorld({
    network: () => ({ partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }] }),
  });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Asks for the partner with this token. */
const withToken = (token: string) => clientWith(world.stack.ready, token).call('GET', path);

/** What a valid token of the partner says. */
async function validClaims() {
  const token = await fetchToken(world.stack.ready, 'acme-backend', 'towercast/partner');
  return { token, claims: decodeJwt(token), header: token.split('.')[0] ?? '' };
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Made of the parts of another token, so that nothing but the named thing is wrong. */
const unsigned = (header: object, claims: object) => `${base64url(header)}.${base64url(claims)}.`;

/** A token of the local issuer with other claims: its token endpoint signs the `aud` that it is asked for. */
async function issued(form: Record<string, string>): Promise<string> {
  const response = await fetch(`${world.stack.ready.oidc}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'acme-backend', ...form }),
  });
  return TokenResponseSchema.parse(await response.json()).access_token;
}

describe('a token', () => {
  it('of the issuer, for the API, with the scope, is let in', async () => {
    const { token } = await validClaims();
    expect(await withToken(token)).toMatchObject({ status: 200, json: { partnerId: 'acme' } });
  });

  it('may name its scope plainly, as an issuer of the operator’s own does', async () => {
    expect(await withToken(await issued({ scope: 'partner' }))).toMatchObject({ status: 200 });
  });

  it('that is missing or no token at all is refused', async () => {
    expect(await callApi(world.stack.ready.api, 'GET', path)).toMatchObject({ status: 401 });
    expect(await withToken('nonsense')).toMatchObject({ status: 401 });
  });

  it('for another audience is refused', async () => {
    const token = await issued({ scope: 'towercast/partner', aud: 'another-api' });
    expect(await withToken(token)).toMatchObject({ status: 401 });
  });

  it('that nobody signed (alg none) is refused', async () => {
    const { claims } = await validClaims();
    for (const alg of ['none', 'None', 'NONE'])
      expect(await withToken(unsigned({ typ: 'JWT', alg }, claims))).toMatchObject({ status: 401 });
  });

  it('whose claims were changed under its signature is refused', async () => {
    const { token, claims } = await validClaims();
    const [header, , signature] = token.split('.');
    const changed = base64url({ ...claims, client_id: 'other', scope: 'towercast/operator' });
    expect(await withToken(`${header}.${changed}.${signature}`)).toMatchObject({ status: 401 });
  });

  it('signed by a secret (HS256), even one made of the public key, is refused', async () => {
    const { claims } = await validClaims();
    const jwks = await (await fetch(`${world.stack.ready.oidc}/jwks`)).text();
    for (const secret of ['secret', jwks]) {
      const signed = `${base64url({ typ: 'JWT', alg: 'HS256' })}.${base64url(claims)}`;
      const signature = createHmac('sha256', secret).update(signed).digest('base64url');
      expect(await withToken(`${signed}.${signature}`)).toMatchObject({ status: 401 });
    }
  });

  it('signed by another key than the issuer’s is refused, its own key id or the issuer’s on it', async () => {
    const { claims, header } = await validClaims();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { kid } = HeaderSchema.parse(JSON.parse(Buffer.from(header, 'base64url').toString()));
    for (const id of [kid, 'another'])
      expect(
        await withToken(
          await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: id }).sign(privateKey),
        ),
      ).toMatchObject({ status: 401 });
  });

  it('that lacks the scope is refused with 403', async () => {
    expect(await withToken(await issued({ scope: 'something/else' }))).toMatchObject({ status: 403 });
    const partner = await signIn(world.stack.ready, 'acme-backend', 'partner');
    expect(await partner.call('GET', '/v1/partners')).toMatchObject({ status: 403 });
  });
});

describe('a client', () => {
  it('that no partner has is refused with 403', async () => {
    const stranger = await signIn(world.stack.ready, 'stranger', 'partner');
    expect(await stranger.call('GET', '/v1/towers')).toMatchObject({
      status: 403,
      json: { code: 'client_unknown' },
    });
  });

  it('is out at once when its partner is switched off, and in again when it is switched on', async () => {
    const operator = await signIn(world.stack.ready, 'ops', 'operator');
    const partner = await signIn(world.stack.ready, 'acme-backend', 'partner');
    const setActive = async (active: boolean) => {
      const { headers } = await operator.call('GET', path);
      const call = { body: { active }, headers: { 'if-match': headers.get('etag') ?? '' } };
      expect(await operator.call('PATCH', path, call)).toMatchObject({ status: 200 });
    };
    await setActive(false);
    expect(await partner.call('GET', path)).toMatchObject({
      status: 403,
      json: { code: 'partner_inactive' },
    });
    await setActive(true);
    expect(await partner.call('GET', path)).toMatchObject({ status: 200 });
  });

  it('is out at once when it is taken from its partner', async () => {
    const operator = await signIn(world.stack.ready, 'ops', 'operator');
    const created = await operator.call('POST', '/v1/partners', {
      body: { partnerId: 'brief', name: 'Brief', clientIds: ['brief-backend'] },
    });
    const brief = await signIn(world.stack.ready, 'brief-backend', 'partner');
    expect(await brief.call('GET', '/v1/partners/brief')).toMatchObject({ status: 200 });
    await operator.call('PATCH', '/v1/partners/brief', {
      body: { clientIds: [] },
      headers: { 'if-match': created.headers.get('etag') ?? '' },
    });
    expect(await brief.call('GET', '/v1/partners/brief')).toMatchObject({ status: 403 });
  });
});
