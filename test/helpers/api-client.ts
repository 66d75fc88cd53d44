import * as z from 'zod';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined for what is no JSON. */
  json: unknown;
}

export interface ApiCall {
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
}

/** A caller of the HTTP API, signed in. */
export interface ApiClient {
  token: string;
  call(method: string, path: string, call?: ApiCall): Promise<ApiAnswer>;
}

/** Where a stack's API and issuer are, as its start-up line says. */
export interface ApiAddresses {
  readonly api: string;
  readonly oidc: string;
}

/** A token of the local issuer, for any client and scope: OAuth's client credentials. */
export async function fetchToken({ oidc }: ApiAddresses, clientId: string, scope: string): Promise<string> {
  const response = await fetch(`${oidc}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:secret`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  });
  return z.object({ access_token: z.string() }).parse(await response.json()).access_token;
}

export async function signIn(
  addresses: ApiAddresses,
  clientId: string,
  role: 'operator' | 'partner',
): Promise<ApiClient> {
  return clientWith(addresses, await fetchToken(addresses, clientId, `towercast/${role}`));
}

/** Sends this token, whatever it is. */
export const clientWith = ({ api }: Pick<ApiAddresses, 'api'>, token: string): ApiClient => ({
  token,
  call: (method, path, call = {}) =>
    callApi(api, method, path, { ...call, headers: { authorization: `Bearer ${token}`, ...call.headers } }),
});

/** A request with a JSON body, if any. Redirects are not followed. */
export async function callApi(
  api: string,
  method: string,
  path: string,
  { body, headers = {}, query = {} }: ApiCall = {},
): Promise<ApiAnswer> {
  const url = new URL(path, api);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
