import { Events, OAuth2Issuer, OAuth2Service, type MutableToken } from 'oauth2-mock-server';
import * as z from 'zod';
import type { HttpTaker } from './http-server.ts';

/** Where the issuer's endpoints are, below the address of the local HTTP services. */
export const issuerPath = '/oidc';

export interface OidcIssuer {
  readonly take: HttpTaker;
  /** Must be told before the first token. `audience` is what its tokens are for. */
  open(url: string, audience: string): void;
}

const ClientSchema = z.object({ client_id: z.string().min(1) });

/** A request that leaves the scope to the issuer. */
const UnscopedSchema = z.object({
  grant_type: z.literal('client_credentials'),
  scope: z.literal('').optional(),
});

/** Cognito grants what the client is allowed; here nothing is known of a client, and most are a partner's. */
const defaultScope = 'towercast/partner';

/**
 * An OIDC issuer that gives any client a token with any scope, for `grant_type=client_credentials`: what the user pool is
 * at AWS. One that names no scope gets a partner's. The client names itself as there, by HTTP Basic or in the body; its
 * secret is not looked at. The keys are new at each start.
 */
export async function createOidcIssuer(): Promise<OidcIssuer> {
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate('RS256');
  const service = new OAuth2Service(issuer);
  let tokenAudience = '';
  service.on(Events.BeforeTokenSigning, ({ payload }: MutableToken, request: TokenRequest) => {
    const clientId = clientOf(request);
    // The pool's tokens have no `aud`, and the authorizer then takes the clients of the stack only.
    Object.assign(payload, { sub: clientId, client_id: clientId, token_use: 'access' });
    payload['aud'] ??= tokenAudience;
    if (UnscopedSchema.safeParse(request.body).success) payload['scope'] = defaultScope;
  });
  return {
    take(request, response) {
      if (request.url?.startsWith(`${issuerPath}/`) !== true) return false;
      request.url = request.url.slice(issuerPath.length);
      service.requestHandler(request, response);
      return true;
    },
    open(url, audience) {
      issuer.url = url;
      tokenAudience = audience;
    },
  };
}

interface TokenRequest {
  readonly headers: { readonly authorization?: string | undefined };
  readonly body: unknown;
}

function clientOf({ headers, body }: TokenRequest): string {
  const basic = /^Basic (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [name = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return decodeURIComponent(name);
  }
  return ClientSchema.safeParse(body).data?.client_id ?? 'unnamed';
}
