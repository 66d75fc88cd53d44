import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Inbox, type Answer, type InboxOptions, type ReceivedRequest } from './inbox.ts';

/** A partner's HTTP server on 127.0.0.1. Each path that is expected has its own inbox; others are answered 404. */
export interface Receiver {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Requests to paths that nobody expects. */
  readonly strays: { method: string; path: string }[];
  url(path: string): string;
  /** Opens an inbox for a path such as `/hooks/one`. Opening it again replaces it. */
  expect(path: string, options?: InboxOptions): Inbox;
  /** Closes every connection, also those that hang. */
  close(): Promise<void>;
}

export async function startReceiver({ port = 0 }: { port?: number } = {}): Promise<Receiver> {
  const inboxes = new Map<string, Inbox>();
  const strays: Receiver['strays'] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const inbox = inboxes.get(path);
    if (inbox === undefined) {
      strays.push({ method: request.method ?? '', path });
      request.resume();
      response.writeHead(404).end();
      return;
    }
    serve(inbox, request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  // Longer than any sender keeps an idle connection, so that none is closed under a request.
  server.keepAliveTimeout = 120_000;
  const origin = `http://127.0.0.1:${await listen(server, port)}`;
  return {
    origin,
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
