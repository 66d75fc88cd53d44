import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { randomUUID } from 'node:crypto';
import { listen } from './free-port.ts';

export type HttpReply =
  | { readonly status: number; readonly body: object }
  /** Anything but an AWS service's JSON. */
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[]>>;
      readonly bytes: Buffer;
    };

/** Answers a request, or undefined if it is another service's. */
export type HttpService = (request: IncomingMessage, body: Buffer) => Promise<HttpReply | undefined>;

export interface HttpServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Takes a whole request, or answers false if it is another's. For engines that are HTTP servers themselves. */
export type HttpTaker = (request: IncomingMessage, response: ServerResponse) => boolean;

/** One server on 127.0.0.1 for the small services; the first that knows a request answers it. */
export async function startHttpServer(
  port: number,
  services: readonly HttpService[],
  takers: readonly HttpTaker[] = [],
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    if (!takers.some((take) => take(request, response))) void answer(request, response, services);
  });
  const actual = await listen(server, port, '--http-port');
  return { endpoint: `http://127.0.0.1:${actual}`, stop: () => stop(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  services: readonly HttpService[],
): Promise<void> {
  try {
    const body = await buffer(request);
    for (const service of services) {
      const reply = await service(request, body);
      if (reply) return send(response, reply);
    }
    send(response, { status: 404, body: { message: 'no local service answers this' } });
  } catch (error) {
    send(response, {
      status: 500,
      body: { message: error instanceof Error ? error.message : 'unknown error' },
    });
  }
}

function send(response: ServerResponse, reply: HttpReply): void {
  if (response.headersSent || response.destroyed) return;
  if ('bytes' in reply) {
    for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
    response.writeHead(reply.status);
    response.end(reply.bytes);
    return;
  }
  const { status, body } = reply;
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(body));
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Keep-alive connections of the functions would hold it open.
    server.closeAllConnections();
  });
}
