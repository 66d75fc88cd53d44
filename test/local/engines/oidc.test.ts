import { decodeJwt } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { startHttpServer } from '../../../local/engines/http-server.ts';
import { createOidcIssuer, issuerPath } from '../../../local/engines/oidc.ts';

const TokenSchema = z.object({ access_token: z.string() });

/** Asks as curl does in the partner guide: the client by HTTP Basic, the grant in the body. */
async function startIssuer() {
  const issuer = await createOidcIssuer();
  const server = await startHttpServer(0, [], [issuer.take]);
  onTestFinished(() => server.stop());
  issuer.open(`${server.endpoint}${issuerPath}`, 'towercast');
  return async (form: Record<string, string>) => {
    const response = await fetch(`${server.endpoint}${issuerPath}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('acme-backend:any').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    });
    return decodeJwt(TokenSchema.parse(await response.json()).access_token);
  };
}

it('grants a partner’s scope to a client that names none, and otherwise what it names', async () => {
  const claimsOf = await startIssuer();
  expect(await claimsOf({})).toMatchObject({
    client_id: 'acme-backend',
    aud: 'towercast',
    scope: 'towercast/partner',
  });
  expect(await claimsOf({ scope: '' })).toMatchObject({ scope: 'towercast/partner' });
  expect(await claimsOf({ scope: 'towercast/operator' })).toMatchObject({ scope: 'towercast/operator' });
});
