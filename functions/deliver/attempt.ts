import { hash } from 'node:crypto';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Attempt, Replay } from '../../schemas/delivery.ts';
import type { Endpoint, EndpointAuth, EndpointSecrets } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { classify, type Verdict } from './classify.ts';
import type { Rendering } from './contracts/contract.ts';
import type { HttpClient } from './http-client.ts';
import { orderHeaders, type Order } from './lane/order-headers.ts';
import { responseExcerpt } from './response-excerpt.ts';
import { keysInForce, signatureHeaders } from './signature.ts';

const userAgent = 'Towercast/1';
/** Marks a sample that was asked for over the API. */
const testHeader = 'towercast-test';
/** Marks what was asked for again; its value is the redrive, if it was one. */
const replayHeader = 'towercast-replay';

export interface AttemptInput {
  /** 1 for the first. */
  number: number;
  event: Pick<DomainEvent, 'id' | 'test'>;
  endpoint: Pick<Endpoint, 'url'>;
  rendering: Rendering;
  secrets: EndpointSecrets;
  /** Set when the delivery was asked for again. */
  replay?: Replay | undefined;
  /** Set in a lane. */
  order?: Order | undefined;
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
  const epochSeconds = Math.floor(startedAtMs / 1_000);
  const keys = keysInForce(secrets.signingKeys, startedAtMs);
  const result = await http.post({
    url: input.endpoint.url,
    method: rendering.method,
    headers: {
      'user-agent': userAgent,
      ...rendering.headers,
      ...signatureHeaders({ id: event.id, epochSeconds, body: rendering.body }, keys),
      ...(input.order !== undefined && orderHeaders({ id: event.id, epochSeconds, ...input.order }, keys)),
      ...authHeaders(secrets.auth),
      // Bodies have no room for it in every contract.
      ...(event.test !== undefined && { [testHeader]: 'true' }),
      ...(input.replay !== undefined && { [replayHeader]: input.replay.redriveId ?? 'true' }),
    },
    body: rendering.body,
  });
  const verdict = classify(result, now());
  const outcome = verdict.kind === 'delivered' ? 'delivered' : 'failed';
  const attempt: Attempt = {
    number,
    at: instantFromMs(startedAtMs),
    outcome,
    status: result.status,
    reason: verdict.kind === 'delivered' ? null : verdict.reason,
    durationMs: Math.round(result.durationMs * 10) / 10,
    ...hostAskedFor(input.endpoint),
    peerAddress: result.peerAddress,
    connection: result.connection,
    times: result.times,
    requestSha256: sha256(rendering.body),
    responseSha256: result.status === null ? null : sha256(result.responseBody),
    responseExcerpt: responseExcerpt(result, secretTexts(secrets), outcome),
    ...askedToStayAway(verdict),
    ...(result.responseTruncated && { responseTruncated: true }),
  };
  return { attempt, verdict };
}

function askedToStayAway(verdict: Verdict): Pick<Attempt, 'retryAfterSeconds'> {
  const ms = verdict.kind === 'retry' ? verdict.retryAfterMs : null;
  return ms === null ? {} : { retryAfterSeconds: ms / 1_000 };
}

/** The rest of a URL may hold secrets: many a partner is known by its path. None for what is no URL. */
function hostAskedFor({ url }: Pick<Endpoint, 'url'>): Pick<Attempt, 'host'> {
  const host = URL.parse(url)?.host;
  return host === undefined ? {} : { host };
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

/** Keys, those that ended included, and credentials. */
const secretTexts = ({ signingKeys, auth }: EndpointSecrets): string[] => [
  // Libraries keep a key without its prefix, and some show it.
  ...signingKeys.flatMap(({ key }) => [key, ...formsOf(key.replace(/^whs(?:ec|k)_/, ''))]),
  ...credentialTexts(auth),
];

/** Fewer characters than these tell nothing, and occur anyway. */
const shortestUsername = 4;

/** Every form in which a credential goes out, and what it is made of. */
function credentialTexts(auth: EndpointAuth): string[] {
  switch (auth.type) {
    case 'none':
      return [];
    case 'bearer':
      return [auth.token];
    case 'basic': {
      const { username, password } = auth;
      // Many an API has its key for a user name, and no password.
      const isTelling = password === '' || username.length >= shortestUsername;
      return [...formsOf(basicCredentials(auth)), password, ...(isTelling ? [username] : [])];
    }
  }
}

/** Base64 as it is sent, and as others write it. */
function formsOf(base64: string): string[] {
  const unpadded = base64.replace(/=+$/, '');
  return [base64, unpadded, unpadded.replaceAll('+', '-').replaceAll('/', '_')];
}

const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes);
