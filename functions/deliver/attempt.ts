import { createHash } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt } from '../../schemas/delivery.ts';
import type { Endpoint, EndpointAuth, EndpointSecrets } from '../../schemas/entity.ts';
import { classify, type Verdict } from './classify.ts';
import type { Rendering } from './contracts/contract.ts';
import type { HttpClient, PostResult } from './http-client.ts';
import { signatureHeaders } from './signature.ts';

const userAgent = 'Towercast/1';
const maxExcerptChars = 1_024;

export interface AttemptInput {
  /** 1 for the first. */
  number: number;
  eventId: string;
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
  const { rendering, secrets, number } = input;
  const startedAtMs = now();
  const result = await http.post({
    url: input.endpoint.url,
    method: rendering.method,
    headers: {
      'user-agent': userAgent,
      ...rendering.headers,
      ...signatureHeaders(
        { id: input.eventId, epochSeconds: Math.floor(startedAtMs / 1_000), body: rendering.body },
        secrets.signingSecrets,
      ),
      ...authHeaders(secrets.auth),
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
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The start of the response as text. Some servers answer with what they were sent: secrets are taken out. */
function excerpt({ responseBody }: PostResult, { auth, signingSecrets }: EndpointSecrets): string | null {
  if (responseBody.byteLength === 0) return null;
  let text = Buffer.from(responseBody).toString('utf8');
  const secrets = auth.type === 'bearer' ? [...signingSecrets, auth.token] : signingSecrets;
  for (const secret of secrets) text = text.replaceAll(secret, '[secret]');
  // A cut may split a surrogate pair, which neither DynamoDB nor SQS would take.
  return text.slice(0, maxExcerptChars).toWellFormed();
}
