import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { knowing, listen, newClient, to } from './listening.ts';

/** What Node's sockets connect by, whatever is between: agents, TLS, the choice of an address. */
interface TcpHandle {
  connect: (this: object, request: object, address: string, port: number) => number;
  connect6: (this: object, request: object, address: string, port: number) => number;
  getpeername: (this: object, out: object) => number;
}

const isTcpHandle = (value: unknown): value is TcpHandle =>
  typeof value === 'object' &&
  value !== null &&
  ['connect', 'connect6', 'getpeername'].every((name) => typeof Reflect.get(value, name) === 'function');

/** The prototype of all TCP handles of this process, by way of one. */
async function tcpHandles(): Promise<TcpHandle> {
  const server = createServer();
  await listen(server);
  const handle: unknown = Reflect.get(server, '_handle');
  const prototype: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.getPrototypeOf(handle) : null;
  if (!isTcpHandle(prototype)) throw new Error('this Node connects in another way');
  return prototype;
}

interface Peer {
  address: string;
  port: number;
}

let restore: (() => void) | undefined;
afterEach(() => restore?.());

/** Leads every connection to a port of this machine, and lets it look as if it were where it was to go: those are given. */
function redirect(handles: TcpHandle, port: number): readonly Peer[] {
  const { connect, connect6, getpeername } = handles;
  restore = () => void Object.assign(handles, { connect, connect6, getpeername });
  const peers: Peer[] = [];
  const peerOf = new WeakMap<object, Peer>();
  const redirected = function (this: object, request: object, address: string, to: number): number {
    const peer = { address, port: to };
    peers.push(peer);
    peerOf.set(this, peer);
    return connect.call(this, request, '127.0.0.1', port);
  };
  Object.assign(handles, {
    connect: redirected,
    connect6: redirected,
    getpeername(this: object, out: object): number {
      const code = getpeername.call(this, out);
      Object.assign(out, peerOf.get(this));
      return code;
    },
  });
  return peers;
}

const public6 = '2606:4700:4700::1111';
const other6 = '2a00:1450:4001:81b::200e';
const authority = makeCertificate({ isCa: true });
const certificate = makeCertificate({
  issuer: authority,
  names: ['partner.example', '*.partner.example', 'xn--bcher-kva.example', '8.8.8.8', public6, other6],
});
const before = getCACertificates();
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

const known = knowing({
  'partner.example': ['93.184.215.14'],
  'partner.example.': ['93.184.215.14'],
  'six.partner.example': ['2a05:d014::1'],
  'both.partner.example': ['3.5.140.2', '2a05:d014::1'],
  'xn--bcher-kva.example': ['172.32.0.0'],
  'rebound.partner.example': ['10.0.0.1'],
});

/** Sends to a URL as on every stage but the local one, and tells what the partner's server was asked for. */
async function send(url: string) {
  const asked: { host: string | undefined; path: string | undefined; body: string }[] = [];
  const server = createHttpsServer({ ...certificate }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      asked.push({ host: request.headers.host, path: request.url, body });
      response.writeHead(204).end();
    });
  });
  const peers = redirect(await tcpHandles(), await listen(server));
  const guard = createAddressGuard({ allowLoopbackHttp: false, allowedPorts: [443, 8443] });
  const result = await newClient({ guard, resolve: known.resolve }).post(to(url));
  return { result, asked, peers };
}

describe('a request to a public URL is sent and answered', () => {
  it.each([
    { url: 'https://partner.example/hooks?tenant=1', host: 'partner.example', address: '93.184.215.14' },
    {
      url: 'https://partner.example:8443/',
      host: 'partner.example:8443',
      address: '93.184.215.14',
      port: 8443,
    },
    { url: 'https://PARTNER.example./a/b%20c', host: 'partner.example.', address: '93.184.215.14' },
    { url: 'https://six.partner.example/', host: 'six.partner.example', address: '2a05:d014::1' },
    { url: 'https://both.partner.example/', host: 'both.partner.example', address: '3.5.140.2' },
    { url: 'https://b\u00FCcher.example/', host: 'xn--bcher-kva.example', address: '172.32.0.0' },
    { url: 'https://8.8.8.8/', host: '8.8.8.8', address: '8.8.8.8' },
    { url: 'https://134744072/', host: '8.8.8.8', address: '8.8.8.8' },
    { url: `https://[${public6}]/`, host: `[${public6}]`, address: public6 },
    { url: `https://[${other6}]:8443/`, host: `[${other6}]:8443`, address: other6, port: 8443 },
  ])('at $address: $url', async ({ url, host, address, port = 443 }) => {
    const { result, asked, peers } = await send(url);
    expect(result).toMatchObject({
      kind: 'response',
      status: 204,
      peerAddress: address,
      connection: { port, reused: false, tls: { protocol: 'TLSv1.3' } },
    });
    expect(peers).toEqual([{ address, port }]);
    const { pathname, search } = new URL(url);
    expect(asked).toEqual([{ host, path: `${pathname}${search}`, body: '{"a":"ä"}' }]);
  });

  it('but not where its name leads to an address that is not public, though somebody would answer', async () => {
    const { result, asked, peers } = await send('https://rebound.partner.example/');
    expect(result).toMatchObject({ kind: 'error', reason: 'blocked_address' });
    expect({ asked, peers }).toEqual({ asked: [], peers: [] });
  });
});
