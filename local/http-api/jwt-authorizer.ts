import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose';
import * as z from 'zod';

/** Properties of AWS::ApiGatewayV2::Authorizer. */
export const AuthorizerSchema = z.strictObject({
  ApiId: z.string(),
  Name: z.string(),
  AuthorizerType: z.literal('JWT'),
  IdentitySource: z.tuple([z.literal('$request.header.Authorization')]),
  JwtConfiguration: z.strictObject({ Issuer: z.url(), Audience: z.array(z.string()).min(1).max(50) }),
});
type JwtConfiguration = z.infer<typeof AuthorizerSchema>['JwtConfiguration'];

export type Authorization =
  | { kind: 'allowed'; claims: Record<string, string>; scopes: string[] | null }
  /** 401, or 403 when only the scope is missing. `reason` goes into `www-authenticate`. */
  | { kind: 'refused'; status: 401 | 403; reason: string };

export type JwtAuthorizer = (header: string | undefined, scopes: readonly string[]) => Promise<Authorization>;

/** API Gateway knows RSA only. Source: "Control access to HTTP APIs with JWT authorizers". */
const algorithms = ['RS256', 'RS384', 'RS512'];

const MetadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

/**
 * Decides as an HTTP API's JWT authorizer does: signature, issuer, `aud` (or `client_id` without one), times, and one
 * of the route's scopes. Reads the issuer's keys at the first token.
 */
export function createJwtAuthorizer({ Issuer, Audience }: JwtConfiguration): JwtAuthorizer {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const keysOfIssuer = () => {
    keys ??= readKeys(Issuer);
    // An issuer that is down now may be up for the next token.
    keys.catch(() => (keys = undefined));
    return keys;
  };
  return async (header, scopes) => {
    const token = /^(?:Bearer )?(\S+)$/i.exec(header ?? '')?.[1];
    if (token === undefined) return refused(401, 'the authorization header has no bearer token');
    try {
      const { payload } = await jwtVerify(token, await keysOfIssuer(), {
        issuer: Issuer,
        algorithms,
        requiredClaims: ['exp'],
      });
      if (!isFor(payload, Audience)) return refused(401, 'the token has an invalid audience');
      return authorize(payload, scopes);
    } catch (error) {
      return refused(401, error instanceof Error ? error.message : 'the token is invalid');
    }
  };
}

const refused = (status: 401 | 403, reason: string): Authorization => ({ kind: 'refused', status, reason });

async function readKeys(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const metadata = MetadataSchema.parse(await response.json());
  return createRemoteJWKSet(new URL(metadata.jwks_uri));
}

/** `client_id` counts only where there is no `aud`, as in Cognito's access tokens. */
function isFor(payload: JWTPayload, audience: readonly string[]): boolean {
  const named = payload.aud === undefined ? [payload['client_id']] : [payload.aud].flat();
  return named.some((one) => typeof one === 'string' && audience.includes(one));
}

const ScopeSchema = z.union([z.string().transform((text) => text.split(' ')), z.array(z.string())]).catch([]);

function authorize(payload: JWTPayload, wanted: readonly string[]): Authorization {
  const granted = ScopeSchema.parse(payload['scope'] ?? payload['scp']);
  const matching = wanted.filter((scope) => granted.includes(scope));
  if (wanted.length > 0 && matching.length === 0) return refused(403, 'the token has none of the scopes');
  const claims = Object.entries(payload).map(([name, value]): [string, string] => [name, claimText(value)]);
  return {
    kind: 'allowed',
    claims: Object.fromEntries(claims),
    scopes: wanted.length > 0 ? matching : null,
  };
}

/** Claims reach the function as text; a list as `[a b]`. */
const claimText = (value: unknown): string =>
  Array.isArray(value) ? `[${value.join(' ')}]` : typeof value === 'string' ? value : JSON.stringify(value);
