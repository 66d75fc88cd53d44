import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { hostOf, type AddressGuard } from '../shared/address-guard.ts';
import { failureReason, type FailureReason } from './failure-reason.ts';
import { BlockedAddressError } from './guarded-lookup.ts';

export interface ExchangeOptions {
  url: URL;
  protocol: 'http:' | 'https:';
  method: string;
  headers: Record<string, string>;
  body: Uint8Array;
  agent: http.Agent;
  lookup: LookupFunction;
  guard: AddressGuard;
  /** What is read of the response body before the connection is cut. */
  maxResponseBytes: number;
  timeoutMs: number;
}

export interface Exchanged {
  /** Null when no response began. */
  status: number | null;
  retryAfter: string | null;
  responseBody: Uint8Array;
  peerAddress: string | null;
  /** Null when the response is whole, or more of it came than we read. */
  failure: FailureReason | null;
  /** The connection had been used before and broke before any of the response came. */
  stale: boolean;
}

const transports = { 'http:': http, 'https:': https } as const;
const maxHeaderBytes = 16_384;

/** One request and its response. Never rejects, never outlasts `timeoutMs`. */
export async function exchange(options: ExchangeOptions): Promise<Exchanged> {
  const seen: Exchanged = {
    status: null,
    retryAfter: null,
    responseBody: new Uint8Array(),
    peerAddress: null,
    failure: null,
    stale: false,
  };
  let outgoing: http.ClientRequest | undefined;
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    outgoing?.destroy();
  }, options.timeoutMs);
  try {
    outgoing = createRequest(options);
    watchPeer(outgoing, options, (address) => (seen.peerAddress = address));
    const response = await responseTo(outgoing, options.body);
    seen.status = response.statusCode ?? null;
    seen.retryAfter = response.headers['retry-after'] ?? null;
    seen.responseBody = await readBody(response, options.maxResponseBytes);
    return seen;
  } catch (error) {
    const failure = timedOut ? 'timeout' : failureReason(error);
    const stale = outgoing?.reusedSocket === true && seen.status === null && failure === 'connection_reset';
    return { ...seen, failure, stale };
  } finally {
    clearTimeout(deadline);
  }
}

function createRequest(options: ExchangeOptions): http.ClientRequest {
  const { url, protocol } = options;
  return transports[protocol].request({
    protocol,
    hostname: hostOf(url),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    method: options.method,
    headers: { ...options.headers, 'content-length': String(options.body.byteLength) },
    agent: options.agent,
    lookup: options.lookup,
    maxHeaderSize: maxHeaderBytes,
    insecureHTTPParser: false,
    // NODE_TLS_REJECT_UNAUTHORIZED must not reach this far.
    rejectUnauthorized: true,
  });
}

/** Notes the address connected to, and checks again what `lookup` and literals promised. */
function watchPeer(
  outgoing: http.ClientRequest,
  { guard, protocol }: ExchangeOptions,
  note: (address: string | null) => void,
): void {
  const check = (socket: Socket) => {
    const address = socket.remoteAddress ?? null;
    note(address);
    if (address === null || !guard.permits(address, protocol)) outgoing.destroy(new BlockedAddressError());
  };
  outgoing.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => check(socket));
    else check(socket);
  });
}

function responseTo(outgoing: http.ClientRequest, body: Uint8Array): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    // Stays for good: an error after the response began would end the process if nobody listened.
    outgoing.on('error', reject);
    // An upgrade nobody asked for ends like this, without an error.
    outgoing.once('close', () => reject(connectionClosed()));
    outgoing.end(body);
  });
}

/** At most `maxBytes`; leaving the loop early destroys the socket. Throws when the body breaks off. */
async function readBody(response: http.IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  response.on('error', () => {});
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= maxBytes) return Buffer.concat(chunks).subarray(0, maxBytes);
  }
  if (!response.complete) throw connectionClosed();
  return Buffer.concat(chunks);
}

const connectionClosed = (): Error => Object.assign(new Error('connection closed'), { code: 'ECONNRESET' });
