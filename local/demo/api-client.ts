import * as z from 'zod';

/** A request of the HTTP API, but for who makes it. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** `/v1/reservations` */
  path: string;
  /** Sent as JSON. */
  body?: object;
  /** Sent as a browser sends a form. */
  form?: Readonly<Record<string, string>>;
  /** The version that it is about. */
  ifMatch?: number;
}

export interface ApiAnswer {
  status: number;
  /** Of the ETag; null without one. */
  version: number | null;
  /** JSON as a value, other text as it is. */
  body: unknown;
}

export interface ApiClient {
  /** `clientId` signs in by OIDC; null is somebody without a token. Throws ApiError unless the status is 2xx or 303. */
  send(clientId: string | null, request: ApiRequest): Promise<ApiAnswer>;
}

export interface ApiClientOptions {
  /** Base URL of the HTTP API. */
  api: string;
  /** The issuer's URL. */
  oidc: string;
}

const scope = 'towercast/partner';
/** More than any function's timeout. */
const timeoutMs = 20_000;

/** The API refused a request. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor({ method, path }: ApiRequest, { status, body }: ApiAnswer) {
    const { code, detail } = ProblemSchema.parse(body);
    // A link's path is a secret, and long.
    super(`${method} ${path.replace(/^\/o\/.*/, '/o/…')} got ${status} ${code}: ${detail}`);
    this.status = status;
  }
}

const ProblemSchema = z
  .object({ code: z.string().default(''), detail: z.string().default('') })
  .catch({ code: '', detail: '' });

/** A client of the HTTP API for several partners, each with an OIDC client of its own. Their tokens are kept. */
export function createApiClient({ api, oidc }: ApiClientOptions): ApiClient {
  const tokens = new Map<string, { token: Promise<string>; renewAtMs: number }>();
  const tokenOf = (clientId: string): Promise<string> => {
    const known = tokens.get(clientId);
    if (known !== undefined && known.renewAtMs > Date.now()) return known.token;
    const token = requestToken(oidc, clientId);
    tokens.set(clientId, { token, renewAtMs: Date.now() + renewAfterMs });
    // The next request tries again.
    token.catch(() => tokens.delete(clientId));
    return token;
  };
  return {
    async send(clientId, request) {
      const response = await fetch(`${api}${request.path}`, {
        method: request.method,
        headers: {
          ...(clientId !== null && { authorization: `Bearer ${await tokenOf(clientId)}` }),
          ...(request.body !== undefined && { 'content-type': 'application/json' }),
          ...(request.ifMatch !== undefined && { 'if-match': `"${request.ifMatch}"` }),
        },
        body: request.form === undefined ? bodyOf(request) : new URLSearchParams(request.form),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer = await answerOf(response);
      if (response.ok || response.status === 303) return answer;
      throw new ApiError(request, answer);
    },
  };
}

const bodyOf = ({ body }: ApiRequest): string | null => (body === undefined ? null : JSON.stringify(body));

async function answerOf(response: Response): Promise<ApiAnswer> {
  const text = await response.text();
  const version = /"(\d+)"/.exec(response.headers.get('etag') ?? '')?.[1];
  return {
    status: response.status,
    version: version === undefined ? null : Number(version),
    body: text !== '' && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text,
  };
}

const TokenSchema = z.object({ access_token: z.string() });
/** Issuers give an hour; a demo may run for days. */
const renewAfterMs = 10 * 60_000;

/** OAuth 2.0, section 4.4: client credentials. The local issuer does not look at the secret. */
async function requestToken(oidc: string, clientId: string): Promise<string> {
  const response = await fetch(`${oidc}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:local`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`the token issuer answered ${response.status}`);
  return TokenSchema.parse(await response.json()).access_token;
}
