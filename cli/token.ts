import * as z from 'zod';
import { FailedError } from './cli-error.ts';
import type { World } from './world.ts';

/** Of an OAuth 2.0 client: RFC 6749, section 4.4. */
export interface Credentials {
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  /** Issuers without a default scope want it named. */
  scope?: string | undefined;
}

const TokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().default(300) });
const TokenErrorSchema = z.object({ error: z.string(), error_description: z.string().optional() });

export interface Token {
  token: string;
  expiresAtMs: number;
}

/** Asks the issuer for a token. Throws FailedError with the issuer's reason, never with what was sent or received. */
export async function fetchToken(
  { fetch, nowMs }: Pick<World, 'fetch' | 'nowMs'>,
  credentials: Credentials,
): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scope } = credentials;
  const basic = [clientId, clientSecret].map(encodeURIComponent).join(':');
  const response = await fetch(tokenUrl, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(30_000),
    headers: {
      authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
    }).toString(),
  }).catch((error: unknown) => {
    throw new FailedError(`can't reach the token endpoint ${tokenUrl}: is the stack running?`, {
      cause: error,
    });
  });
  const body: unknown = await response.json().catch(() => null);
  const parsed = TokenSchema.safeParse(body);
  if (!response.ok || !parsed.success)
    throw new FailedError(`the token endpoint ${tokenUrl} gave no token: ${reasonOf(response.status, body)}`);
  return { token: parsed.data.access_token, expiresAtMs: nowMs() + parsed.data.expires_in * 1_000 };
}

function reasonOf(status: number, body: unknown): string {
  const { data } = TokenErrorSchema.safeParse(body);
  if (data === undefined) return `HTTP ${status}`;
  return data.error_description === undefined ? data.error : `${data.error} (${data.error_description})`;
}
