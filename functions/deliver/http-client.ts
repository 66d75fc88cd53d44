import type { Agent } from 'node:http';
import https from 'node:https';
import { checkTarget, type AddressGuard } from '../shared/address-guard.ts';
import { nothingWitnessed, type Witnessed } from './connection-witness.ts';
import type { FailureReason } from './failure-reason.ts';
import { guardLookup, type Resolve } from './guarded-lookup.ts';
import { createNameResolver } from './resolve-name.ts';
import { exchange, type Exchanged } from './http-exchange.ts';
import {
  connectionLimits,
  connectionOptions,
  createKeptAgents,
  type ConnectionLimits,
} from './kept-connections.ts';
import { http } from '../shared/node-http.ts';

export interface PostRequest {
  /** Credentials in it are not sent. */
  url: string;
  method: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

interface Measured extends Witnessed {
  /** From the start of the attempt to the end of the response. */
  durationMs: number;
  /** The part of the response body that was read. */
  responseBody: Uint8Array;
  /** Whether there was, or may have been, more of it. */
  responseTruncated: boolean;
  /** As it came. */
  retryAfter: string | null;
}

/**
 * `response`: a whole response came, or more of its body than we read. `error`: anything else; `status` and `retryAfter`
 * are those of the response's head, if it came.
 */
export type PostResult =
  | (Measured & { kind: 'response'; status: number })
  | (Measured & { kind: 'error'; reason: FailureReason; status: number | null });

export interface HttpClient {
  /** Sends one request. Never rejects, never follows a redirect, never outlasts the deadline. */
  post(request: PostRequest): Promise<PostResult>;
  /** Ends idle connections. */
  close(): void;
}

export interface HttpClientOptions {
  guard: AddressGuard;
  /** For all of it: DNS, connection, TLS, headers and body. */
  timeoutMs: number;
  /** Default: the system's name servers. */
  resolve?: Resolve;
  /** What is read of a response body before the connection is cut. */
  maxResponseBytes?: number;
  /** Of the connections that are kept. */
  limits?: ConnectionLimits;
}

/** Agents of its own, so proxies from the environment are never asked. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { guard, timeoutMs, resolve = createNameResolver(), maxResponseBytes = 16_384 } = options;
  const { limits = connectionLimits } = options;
  const agents = createKeptAgents(limits);
  const freshAgents = {
    'http:': new http.Agent(connectionOptions),
    'https:': new https.Agent(connectionOptions),
  };
  const lookups = {
    'http:': guardLookup(guard, 'http:', resolve),
    'https:': guardLookup(guard, 'https:', resolve),
  };

  return {
    async post(request) {
      const startedAt = performance.now();
      const elapsedMs = () => performance.now() - startedAt;
      const target = checkTarget(request.url, guard);
      if (target.kind === 'refused') return refusal(target.reason);
      const { url, protocol } = target;
      const attempt = (agent: Agent) =>
        exchange({
          ...request,
          url,
          protocol,
          agent,
          lookup: lookups[protocol],
          guard,
          maxResponseBytes,
          maxTlsMessages: limits.maxTlsMessages,
          timeoutMs: timeoutMs - elapsedMs(),
          elapsedMs: () => Math.round(elapsedMs() * 10) / 10,
        });
      let exchanged = await attempt(agents[protocol]);
      // The other side may have closed a kept connection while it idled (after a freeze of the function, long before we look
      // again). Nothing was sent, and that says nothing about the partner: the same attempt goes on over a new one. A request
      // that was sent is another attempt's matter: the partner may have it, and one attempt is one request on record.
      if (exchanged.stale) exchanged = await attempt(freshAgents[protocol]);
      return resultOf(exchanged, elapsedMs());
    },
    close() {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

const refusal = (reason: FailureReason): PostResult => ({
  kind: 'error',
  reason,
  status: null,
  durationMs: 0,
  ...nothingWitnessed(),
  responseBody: new Uint8Array(),
  responseTruncated: false,
  retryAfter: null,
});

function resultOf(exchanged: Exchanged, durationMs: number): PostResult {
  const { status, retryAfter, responseBody, responseTruncated, failure } = exchanged;
  const { peerAddress, connection, times } = exchanged;
  const whom = { peerAddress, connection, times };
  const measured = { durationMs, ...whom, responseBody, responseTruncated, retryAfter };
  if (failure === null && status !== null) return { kind: 'response', status, ...measured };
  return { kind: 'error', reason: failure ?? 'protocol_error', status, ...measured };
}
