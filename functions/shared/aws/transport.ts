import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { AwsError } from './errors.ts';
import { http } from '../node-http.ts';

export interface HttpRequest {
  /** With the query, as it was signed. */
  path: string;
  headers: Record<string, string>;
  body: string | Buffer;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Makes one POST. Throws AwsError: `TimeoutError`, `NetworkError`, `AnswerTooLarge`. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Lets go of the connections that are kept alive. */
  close(): void;
}

export interface TransportOptions {
  endpoint: URL;
  connectTimeoutMs: number;
  /** From the call to the answer's last byte. */
  requestTimeoutMs: number;
  maxAnswerBytes?: number;
}

/** DynamoDB answers with 16 MB of items at most; its JSON is larger. */
const defaultMaxAnswerBytes = 64 * 1024 * 1024;
const maxSockets = 50;

export function createTransport(options: TransportOptions): Transport {
  const { endpoint } = options;
  const scheme = endpoint.protocol === 'http:' ? http : https;
  const agent = new scheme.Agent({ keepAlive: true, maxSockets });
  const target = {
    method: 'POST',
    // The brackets of an IPv6 literal belong to the URL.
    hostname: endpoint.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: endpoint.port,
    agent,
  };
  return {
    send: (request) =>
      exchange(scheme.request({ ...target, path: request.path, headers: request.headers }), request, options),
    close: () => agent.destroy(),
  };
}

/**
 * Callbacks rather than streams and signals, and one timer rather than two: this runs several times for each event,
 * and most of what a request costs is what is built around it.
 */
function exchange(
  request: ClientRequest,
  { body }: HttpRequest,
  { connectTimeoutMs, requestTimeoutMs, maxAnswerBytes = defaultMaxAnswerBytes }: TransportOptions,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: AwsError) => {
      clearTimeout(timer);
      reject(error);
      request.destroy();
    };
    const onConnectDeadline = () => {
      if (request.socket?.connecting === true) fail(timedOut('no connection', connectTimeoutMs));
      else timer = setTimeout(onDeadline, Math.max(requestTimeoutMs - connectTimeoutMs, 0));
    };
    const onDeadline = () => fail(timedOut('no answer', requestTimeoutMs));
    let timer = setTimeout(onConnectDeadline, Math.min(connectTimeoutMs, requestTimeoutMs));
    let isAnswered = false;
    const onError = (cause: Error) => fail(networkError(cause, request.reusedSocket && !isAnswered));

    request.on('error', onError);
    request.on('response', (response) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', onError);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxAnswerBytes) fail(tooLarge(maxAnswerBytes));
      });
      response.on('end', () => {
        clearTimeout(timer);
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: textOf(chunks) });
      });
    });
    request.end(body);
  });
}

/** Most answers come in one piece. */
const textOf = (chunks: readonly Buffer[]): string =>
  (chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)).toString('utf8');

const timedOut = (what: string, afterMs: number): AwsError =>
  new AwsError({ name: 'TimeoutError', message: `${what} within ${afterMs} ms`, retry: 'transient' });

/** For an answer that would fill the memory: it would be as large the next time. */
const tooLarge = (limit: number): AwsError =>
  new AwsError({ name: 'AnswerTooLarge', message: `the answer is larger than ${limit} bytes` });

const closedCodes = new Set(['ECONNRESET', 'EPIPE']);

/** `isKept`: nothing has come yet over a connection that was kept alive. */
function networkError(cause: Error, isKept: boolean): AwsError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown';
  return new AwsError({
    name: 'NetworkError',
    message: `${code}: ${cause.message}`,
    retry: isKept && closedCodes.has(code) ? 'stale' : 'transient',
    cause,
  });
}
