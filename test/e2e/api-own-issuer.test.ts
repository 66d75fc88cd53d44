import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientWith } from '../helpers/api-client.ts';
import { testStage } from '../helpers/stage-config.ts';
import { startWorld, type World } from './world.ts';

/** An issuer of the operator's own, as Keycloak would be. */
const issuer = new OAuth2Server();
let world: World;

beforeAll(async () => {
  await issuer.issuer.keys.generate('RS256');
  await issuer.start(0, '127.0.0.1');
  world = await startWorld({
    stageConfig: { ...testStage, oidc: { issuer: issuer.issuer.url ?? '', audience: ['towercast-api'] } },
    network: () => ({ partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }] }),
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await issuer.stop();
});

const claims = { aud: ['account', 'towercast-api'], azp: 'acme-backend', scope: 'openid partner' };

/** A token of the issuer that says what a good one does, but for `changes`. An undefined claim is left out. */
async function tokenWith(changes: Record<string, unknown>): Promise<string> {
  return issuer.issuer.buildToken({
    scopesOrTransform: (_header, payload) => Object.assign(payload, claims, changes),
  });
}

const statusWith = async (changes: Record<string, unknown>): Promise<number> => {
  const client = clientWith(world.stack.ready, await tokenWith(changes));
  return (await client.call('GET', '/v1/partners/acme')).status;
};

const seconds = () => Math.floor(Date.now() / 1_000);

describe('a stage with an issuer of its own', () => {
  it('names it at the start', () => {
    expect(world.stack.ready.oidc).toBe(issuer.issuer.url);
  });

  it('takes its tokens, the client named by `azp` as Keycloak has it', async () => {
    expect(await statusWith({})).toBe(200);
  });

  it('takes `client_id` before `azp`', async () => {
    expect(await statusWith({ client_id: 'acme-backend', azp: 'another' })).toBe(200);
    expect(await statusWith({ client_id: 'another' })).toBe(403);
  });

  it.each([
    ['has expired', { exp: seconds() - 1 }],
    ['never expires', { exp: undefined }],
    ['is not valid yet', { nbf: seconds() + 600 }],
    ['is of another issuer', { iss: 'https://another.example' }],
    ['is for another audience', { aud: 'another-api' }],
    ['is for no audience and of a client that is no audience', { aud: undefined }],
  ])('refuses a token that %s with 401', async (_, changes) => {
    expect(await statusWith(changes)).toBe(401);
  });

  it('refuses a token without one of the scopes with 403', async () => {
    expect(await statusWith({ scope: 'openid' })).toBe(403);
    expect(await statusWith({ scope: undefined })).toBe(403);
  });

  it('has no mock issuer beside it', async () => {
    const url = `${world.stack.ready.api}/oidc/.well-known/openid-configuration`;
    expect((await fetch(url)).status).toBe(404);
  });
});
