import { createHash } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt } from '../../schemas/delivery.ts';
import type { Endpoint, EndpointAuth, EndpointSecrets } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { classify, type Verdict } from './classify.ts';
import type { Rendering } from './contracts/contract.ts';
import type { HttpClient, PostResult } from './http-client.ts';
import { keysInForce, signatureHeaders } from './signature.ts';

const userAgent = 'Towercast/1';
/** Marks a sample that was asked for over the API. */
const testHeader = 'towercast-test';
const maxExcerptChars = 1_024;

export interface AttemptInput {
  /** 1 for the first. */
  number: number;
  event: Pick<DomainEvent, 'id' | 'test'>;
  endpoint: Pick<Endpoint, 'url'>;
  rendering: Rendering;
  secrets: EndpointSecrets;
}

export interface AttemptDeps {
  http: Pick<HttpClient, 'post'>;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Signs and sends a rendering once, and says what came of it. */
export async function makeAttempt(
  { http, now }: AttemptDeps,
  input: AttemptInput,
): Promise<{ attempt: Attempt; verdict: Verdict }> {
  const { rendering, secrets, number, event } = input;
  const startedAtMs = now();
  const result = await http.post({
    url: input.endpoint.url,
    method: rendering.method,
    headers: {
      'user-agent': userAgent,
      ...rendering.headers,
      ...signatureHeaders(
        { id: event.id, epochSeconds: Math.floor(startedAtMs / 1_000), body: rendering.body },
        keysInForce(secrets.signingKeys, startedAtMs),
      ),
      ...authHeaders(secrets.auth),
      // Bodies have no room for it in every contract.
      ...(event.test !== undefined && { [testHeader]: 'true' }),
    },
    body: rendering.body,
  });
  const verdict = classify(result, now());
  const attempt: Attempt = {
    number,
    at: instantFromMs(startedAtMs),
    outcome: verdict.kind === 'delivered' ? 'delivered' : 'failed',
    status: result.status,
    reason: verdict.kind === 'delivered' ? null : verdict.reason,
    durationMs: Math.round(result.durationMs * 10) / 10,
    peerAddress: result.peerAddress,
    requestSha256: sha256(rendering.body),
    responseSha256: result.status === null ? null : sha256(result.responseBody),
    responseExcerpt: excerpt(result, secrets),
  };
  return { attempt, verdict };
}

function authHeaders(auth: EndpointAuth): Record<string, string> {
  switch (auth.type) {
    case 'none':
      return {};
    case 'bearer':
      return { authorization: `Bearer ${auth.token}` };
    case 'basic':
      return { authorization: `Basic ${basicCredentials(auth)}` };
  }
}

/** RFC 7617, with the names and passwords in UTF-8. */
const basicCredentials = ({ username, password }: Extract<EndpointAuth, { type: 'basic' }>): string =>
  Buffer.from(`${username}:${password}`).toString('base64');

/** Every form in which a credential goes out. */
function credentialTexts(auth: EndpointAuth): string[] {
  switch (auth.type) {
    case 'none':
      return [];
    case 'bearer':
      return [auth.token];
    case 'basic':
      return [basicCredentials(auth), auth.password];
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The start of the response as text. Some servers answer with what they were sent: secrets are taken out. */
function excerpt({ responseBody }: PostResult, { auth, signingKeys }: EndpointSecrets): string | null {
  if (responseBody.byteLength === 0) return null;
  let text = Buffer.from(responseBody).toString('utf8');
  const secrets = [...signingKeys.map(({ key }) => key), ...credentialTexts(auth)];
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[secret]');
  // A cut may split a surrogate pair, which neither DynamoDB nor SQS would take.
  return text.slice(0, maxExcerptChars).toWellFormed();
}
