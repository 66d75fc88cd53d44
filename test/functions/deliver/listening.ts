import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type TlsOptions,
} from 'node:tls';
import { afterEach } from 'vitest';
import { createHttpClient, type HttpClient } from '../../../functions/deliver/http-client.ts';
import type { PostRequest } from '../../../functions/deliver/http-client.ts';
import type { Resolve } from '../../../functions/deliver/guarded-lookup.ts';
import { connectionLimits, type ConnectionLimits } from '../../../functions/deliver/kept-connections.ts';
import { createAddressGuard, type AddressGuard } from '../../../functions/shared/address-guard.ts';
import { makeCertificate, type Certificate } from '../../../local/demo/certificates.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** What 127.0.0.1 shows by TLS; everybody here trusts it until the test has ended. */
export function trustedCertificate(): Certificate {
  const before = getCACertificates();
  const authority = makeCertificate({ isCa: true });
  setDefaultCACertificates([...before, authority.cert]);
  cleanups.push(() => setDefaultCACertificates(before));
  return makeCertificate({ issuer: authority, names: ['127.0.0.1'] });
}

/** Listens on a free port of 127.0.0.1 until the test has ended. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => sockets.add(socket.on('error', () => {}));
  server.on('connection', keep).on('secureConnection', keep);
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An HTTP server; `connections` counts what was opened to it, `open` what still is. */
export async function serve(listener: RequestListener) {
  const server = createHttpServer(listener);
  server.keepAliveTimeout = 60_000;
  let connections = 0;
  let open = 0;
  server.on('connection', (socket) => {
    connections += 1;
    open += 1;
    socket.on('close', () => (open -= 1));
  });
  const port = await listen(server);
  const url = `http://127.0.0.1:${port}/hook?a=1`;
  return { url, port, connections: () => connections, open: () => open };
}

/** Called with each request's bytes as they come; `request` counts the chunks of all connections. */
export type Speak = (socket: Socket, request: number) => unknown;

/** A server that speaks for itself, by TLS if it is given `tls`. */
export const serveRaw = async (speak: Speak, tls?: TlsOptions): Promise<string> =>
  (await serveKept(speak, tls)).url;

/** The same, with its ends of the connections, in the order in which they were made. */
export async function serveKept(speak: Speak, tls?: TlsOptions) {
  let requests = 0;
  const sockets: Socket[] = [];
  const accept = (socket: Socket) => {
    sockets.push(socket);
    // What is written has left, also while an answer before it has not been acknowledged.
    socket.setNoDelay(true);
    socket.on('data', () => {
      requests += 1;
      speak(socket, requests);
    });
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on('tlsClientError', () => {});
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${await listen(server)}/`;
  return { url, sockets, requests: () => requests };
}

export interface ClientOverrides {
  timeoutMs?: number;
  allowLoopbackHttp?: boolean;
  guard?: AddressGuard;
  resolve?: Resolve;
  limits?: Partial<ConnectionLimits>;
}

/** Closed when the test has ended. */
export function newClient(overrides: ClientOverrides = {}): HttpClient {
  const { timeoutMs = 5_000, allowLoopbackHttp = true, resolve, limits } = overrides;
  const { guard = createAddressGuard({ allowLoopbackHttp, allowedPorts: [443, 8443] }) } = overrides;
  const client = createHttpClient({
    guard,
    timeoutMs,
    limits: { ...connectionLimits, ...limits },
    ...(resolve !== undefined && { resolve }),
  });
  cleanups.push(() => client.close());
  return client;
}

export const to = (url: string, overrides: Partial<PostRequest> = {}): PostRequest => ({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{"a":"ä"}'),
  ...overrides,
});

/** A resolver that knows what it is told, and counts how often it was asked. */
export function knowing(names: Record<string, readonly string[]>) {
  const questions: string[] = [];
  const resolve: Resolve = (hostname, _, callback) => {
    questions.push(hostname);
    const found = (names[hostname] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    setImmediate(callback, null, found);
  };
  return { resolve, questions, names };
}
