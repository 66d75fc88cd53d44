import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { Certificate } from './certificates.ts';
import { Inbox, type Answer, type InboxOptions, type ReceivedRequest } from './inbox.ts';

/** A partner's server on 127.0.0.1. Each path that is expected has its own inbox; others are answered 404. */
export interface Receiver {
  /** `http://127.0.0.1:PORT`, or `https:`. */
  readonly origin: string;
  readonly port: number;
  /** Those that were made so far, and of how many TLS was agreed on. */
  readonly connections: { made: number; handshakes: number };
  /** Requests to paths that nobody expects. */
  readonly strays: { method: string; path: string }[];
  url(path: string): string;
  /** Opens an inbox for a path such as `/hooks/one`. Opening it again replaces it. */
  expect(path: string, options?: InboxOptions): Inbox;
  /** Closes every connection, also those that hang. */
  close(): Promise<void>;
}

export interface ReceiverOptions {
  /** Default: a free one. */
  port?: number;
  /** Speaks HTTPS with it. Default: plain HTTP. */
  certificate?: Pick<Certificate, 'cert' | 'key'>;
  /** False says `connection: close` with each answer. Default true. */
  keepsConnections?: boolean;
}

export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { port = 0, certificate, keepsConnections = true } = options;
  const inboxes = new Map<string, Inbox>();
  const strays: Receiver['strays'] = [];
  const listener: RequestListener = (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const inbox = inboxes.get(path);
    if (inbox === undefined) {
      strays.push({ method: request.method ?? '', path });
      request.resume();
      response.writeHead(404).end();
      return;
    }
    serve(inbox, request, response).catch((error: unknown) => response.destroy(asError(error)));
  };
  const server = certificate === undefined ? createServer(listener) : createTlsServer(certificate, listener);
  // Longer than any sender keeps an idle connection, so that none is closed under a request.
  server.keepAliveTimeout = 120_000;
  if (!keepsConnections) server.maxRequestsPerSocket = 1;
  const connections = { made: 0, handshakes: 0 };
  server.on('connection', () => (connections.made += 1));
  server.on('secureConnection', () => (connections.handshakes += 1));
  const bound = await listen(server, port);
  const origin = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${bound}`;
  return {
    origin,
    port: bound,
    connections,
    strays,
    url: (path) => `${origin}${path}`,
    expect(path, options = {}) {
      const inbox = new Inbox(path, options);
      inboxes.set(path, inbox);
      return inbox;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(portOf(server.address()));
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('The receiver has no port');
  return address.port;
}

async function serve(inbox: Inbox, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A sender that gives up before its request is whole has not delivered anything: nothing is recorded.
  const complete = await new Promise<boolean>((resolve) => {
    request.once('end', () => resolve(true));
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
  if (!complete) return;
  const received = await inbox.receive({
    method: request.method ?? '',
    url: request.url ?? '',
    headers: textHeaders(request),
    body: Buffer.concat(chunks),
  });
  reply(received, response);
}

function reply(received: ReceivedRequest, response: ServerResponse): void {
  const answer: Answer = received.answer;
  if (answer === 'hang') return;
  if (answer === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const send = () => {
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  if (answer.delayMs === undefined) send();
  else setTimeout(send, answer.delayMs).unref();
}

const textHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
