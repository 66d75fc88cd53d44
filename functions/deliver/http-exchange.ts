import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { TLSSocket } from 'node:tls';
import { hostOf, type AddressGuard } from '../shared/address-guard.ts';
import { isSuccess } from './classify.ts';
import { nothingWitnessed, watchConnection, type Witnessed } from './connection-witness.ts';
import { connectionClosed, failureReason, protocolError, type FailureReason } from './failure-reason.ts';
import { http } from '../shared/node-http.ts';
import { limitTlsMessages } from './tls-peer.ts';

export interface ExchangeOptions {
  url: URL;
  protocol: 'http:' | 'https:';
  method: string;
  headers: Record<string, string>;
  body: Uint8Array;
  agent: Agent;
  lookup: LookupFunction;
  guard: AddressGuard;
  /** What is read of the response body before the connection is cut. */
  maxResponseBytes: number;
  /** See `tls-peer.ts`. */
  maxTlsMessages: number;
  timeoutMs: number;
  /** Since the start of the attempt, which may have begun with another exchange. */
  elapsedMs: () => number;
}

export interface Exchanged extends Witnessed {
  /** Null when no response began. */
  status: number | null;
  retryAfter: string | null;
  /** What was read of the response's body, also when it broke off. */
  responseBody: Uint8Array;
  /** Whether there was, or may have been, more of it. */
  responseTruncated: boolean;
  /** Null when the response is whole, or more of it came than we read. */
  failure: FailureReason | null;
  /** The connection had been used before, and was found closed or in use by the other side before any of the request was sent. */
  stale: boolean;
}

const transports = { 'http:': http, 'https:': https } as const;
const maxHeaderBytes = 16_384;
/** Of a body, before they are joined: those of one byte weigh a hundred times as much as what they hold. */
const maxChunks = 64;
/** Interim responses (1xx) tell us nothing, and whoever never stops sending them would keep a core busy. */
const maxInterimResponses = 16;
/**
 * Of all that comes beside the body. The parser takes empty lines before a response, blanks before a header's value and
 * zeros before a chunk's size without end, and counts none of them.
 */
const maxOverheadBytes = 131_072;

/** One request and its response. Never rejects, never outlasts `timeoutMs`. */
export async function exchange(options: ExchangeOptions): Promise<Exchanged> {
  const seen: Exchanged = {
    ...nothingWitnessed(),
    status: null,
    retryAfter: null,
    responseBody: new Uint8Array(),
    responseTruncated: false,
    failure: null,
    stale: false,
  };
  let outgoing: ClientRequest | undefined;
  let reading: ReturnType<typeof watchReading> | undefined;
  let timedOut = false;
  let broken: Error | undefined;
  const deadline = setTimeout(() => {
    timedOut = true;
    outgoing?.destroy();
  }, options.timeoutMs);
  try {
    outgoing = createRequest(options);
    // What breaks off a body is told to the request only; the body just ends.
    outgoing.once('error', (error) => (broken = error));
    watchConnection(outgoing, options, seen);
    reading = watchReading(outgoing, options);
    const response = await responseTo(outgoing, options.body);
    seen.times.firstByte = options.elapsedMs();
    seen.status = response.statusCode ?? null;
    seen.retryAfter = response.headers['retry-after'] ?? null;
    await readBody(response, options.maxResponseBytes, seen);
    // Over TLS, Node says a turn later that something was written: the answer of a partner who is near may come before.
    if (!outgoing.writableFinished) await new Promise<void>((resolve) => afterOneTurn(resolve));
    // Whoever has not been sent all of it can have verified none of it. What is left is not sent for an answer that we have.
    if (!outgoing.writableFinished) {
      outgoing.destroy();
      if (seen.status !== null && isSuccess(seen.status)) seen.failure = 'answered_early';
    }
    return seen;
  } catch (error) {
    if (timedOut) return { ...seen, failure: 'timeout' };
    const failure = failureReason(broken ?? error);
    // Once the request is on its way, it may have been read, whatever became of the connection.
    const isUnsent = outgoing !== undefined && isUnasked(outgoing);
    const stale = isUnsent && (failure === 'connection_reset' || reading?.spokeFirst === true);
    return { ...seen, failure, stale };
  } finally {
    clearTimeout(deadline);
  }
}

function createRequest(options: ExchangeOptions): ClientRequest {
  const { url, protocol } = options;
  return transports[protocol].request({
    protocol,
    hostname: hostOf(url),
    servername: serverNameOf(url),
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

/** What TLS is told of the host: nothing of an address, and no dot at the end of a name (RFC 6066, section 3). */
const serverNameOf = (url: URL): string => (isIP(hostOf(url)) === 0 ? hostOf(url).replace(/\.$/, '') : '');

/** Counts in what the parser is given, and before it is: a connection's own count is of all its requests. */
function watchReading(
  outgoing: ClientRequest,
  { maxResponseBytes, maxTlsMessages }: ExchangeOptions,
): { spokeFirst: boolean } {
  const reading = { spokeFirst: false };
  let bytes = 0;
  const count = (chunk: Uint8Array) => {
    // It answers no request of ours (RFC 9112, 9.2), nor is it the beginning of what does.
    if (isUnasked(outgoing)) {
      reading.spokeFirst = true;
      outgoing.destroy(connectionClosed());
      return;
    }
    bytes += chunk.byteLength;
    if (bytes > maxOverheadBytes + maxResponseBytes)
      outgoing.destroy(protocolError('more than any response needs'));
  };
  outgoing.once('socket', (socket) => {
    if (socket.connecting && socket instanceof TLSSocket) limitTlsMessages(socket, maxTlsMessages);
    socket.prependListener('data', count);
    // Comes before the connection is free for the next request.
    outgoing.once('close', () => socket.off('data', count));
  });
  return reading;
}

/** A connection that was kept, before the request went over it. */
const isUnasked = (outgoing: ClientRequest): boolean => outgoing.reusedSocket && !outgoing.writableEnded;

function responseTo(outgoing: ClientRequest, body: Uint8Array): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let interim = 0;
    let isAnswered = false;
    outgoing.once('response', (response) => {
      isAnswered = true;
      // `watchReading` has ended it otherwise.
      if (!isUnasked(outgoing)) resolve(response);
    });
    outgoing.on('information', () => {
      interim += 1;
      if (interim > maxInterimResponses) outgoing.destroy(protocolError('too many interim responses'));
    });
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(protocolError('an upgrade that nobody asked for'));
    });
    // Stays for good: an error after the response began would end the process if nobody listened.
    outgoing.on('error', reject);
    outgoing.once('close', () => {
      // Every request ends here, and making an error costs a stack trace.
      if (!isAnswered) reject(connectionClosed());
    });
    if (outgoing.reusedSocket) afterOneTurn(() => outgoing.end(body));
    else outgoing.end(body);
  });
}

/** Once everything has been read that had come before now: the first may run in the turn that is under way. */
const afterOneTurn = (then: () => void) => setImmediate(() => setImmediate(then));

/**
 * At most `maxBytes`; the connection is cut where there is more. Rejects when the body breaks off: `seen` has what came until then. Most
 * answers have no body at all, and an iterator over a stream costs more than the rest of the answer.
 */
function readBody(
  response: IncomingMessage,
  maxBytes: number,
  seen: Pick<Exchanged, 'responseBody' | 'responseTruncated'>,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  seen.responseTruncated = true;
  const read = new Promise<void>((resolve, reject) => {
    response.on('error', reject);
    response.on('data', (chunk: Uint8Array) => {
      if (bytes > maxBytes) return;
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (chunks.length === maxChunks) chunks.splice(0, maxChunks, Buffer.concat(chunks));
      if (bytes <= maxBytes) return;
      resolve();
      response.destroy();
    });
    response.once('end', () => {
      if (!response.complete || bytes > maxBytes) return;
      seen.responseTruncated = false;
      resolve();
    });
    response.once('close', () => {
      if (!response.complete) reject(connectionClosed());
    });
  });
  return read.finally(() => {
    seen.responseBody = Buffer.concat(chunks).subarray(0, maxBytes);
  });
}
