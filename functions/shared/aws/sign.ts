import aws4 from 'aws4';
import type { HttpRequest } from './transport.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Lambda's credentials are a role's, and have one. */
  sessionToken?: string;
}

export interface SigningScope {
  service: string;
  region: string;
  /** The endpoint's, with its port. */
  host: string;
  credentials: Credentials;
}

/**
 * Signature version 4, for now: a request that is sent again must be signed again. The headers that it adds are
 * `host`, `x-amz-date`, `x-amz-security-token` and `authorization`; all that are given are signed.
 */
export function signRequest(
  { service, region, host, credentials }: SigningScope,
  { path, headers, body }: HttpRequest,
): Record<string, string> {
  const signed = aws4.sign(
    { service, region, method: 'POST', path, body, headers: { host, ...headers } },
    credentials,
  );
  return Object.fromEntries(
    Object.entries(signed.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}
