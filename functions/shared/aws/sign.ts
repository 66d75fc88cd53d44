import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
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
  const request = { service, region, method: 'POST', path, body, headers: { host, ...headers } };
  const signed = new Signer(request, credentials).sign();
  return Object.fromEntries(
    Object.entries(signed.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

/** The library's own makes a key of the same bytes for each request anew, which takes as long as all the rest of it. */
class Signer extends aws4.RequestSigner {
  override signature(): string {
    const { service, region, credentials } = this;
    const key = signingKey([`AWS4${credentials.secretAccessKey}`, this.getDate(), region, service]);
    return createHmac('sha256', key).update(this.stringToSign()).digest('hex');
  }
}

/** Of the services of a process: the last one of each, since a key is good for a day. */
const signingKeys = new Map<string, { name: string; key: KeyObject }>();

/** Source: AWS, "Create a signed AWS API request", step 4. */
function signingKey(scope: [secret: string, date: string, region: string, service: string]): KeyObject {
  const [secret, date, region, service] = scope;
  const name = scope.join();
  const known = signingKeys.get(service);
  if (known?.name === name) return known.key;
  const derived = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    secret,
  );
  const key = createSecretKey(Buffer.from(derived));
  signingKeys.set(service, { name, key });
  return key;
}
