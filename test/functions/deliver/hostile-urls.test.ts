import { createHook } from 'node:async_hooks';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEndpointUrl } from '../../../functions/api/endpoint-url.ts';
import { guardLookup, type Resolve } from '../../../functions/deliver/guarded-lookup.ts';
import { createHttpClient, type PostResult } from '../../../functions/deliver/http-client.ts';
import {
  checkTarget,
  createAddressGuard,
  type AddressGuard,
} from '../../../functions/shared/address-guard.ts';
import { hostileNames, hostileUrls, publicUrls } from './hostile-urls.ts';

/** The sender that every one of these would do harm with. */
const noGuard: AddressGuard = { allowsHttp: true, permits: () => true, permitsPort: () => true };

const resolve: Resolve = (hostname, _, callback) => {
  const addresses = hostileNames[hostname] ?? ['127.0.0.1', '::1'];
  callback(
    null,
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  );
};

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((network) => network?.address === '::1');

/** Listens where every URL of the table that leads to this machine leads to. */
const canary = {
  port: 0,
  connections: 0,
  servers: [] as Server[],
  async start() {
    this.port = await this.listen('127.0.0.1', 0);
    if (hasIpv6) await this.listen('::1', this.port);
  },
  async listen(host: string, port: number): Promise<number> {
    const server = createServer((socket) => {
      this.connections += 1;
      socket.on('error', () => {}).destroy();
    });
    this.servers.push(server);
    await new Promise<void>((listening, failed) => {
      server.once('error', failed).listen(port, host, listening);
    });
    const address: AddressInfo | string | null = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  },
};

/** Calls of connect(2) by TCP, wherever they lead. */
let connects = 0;
const connectHook = createHook({
  init(_, type) {
    if (type === 'TCPCONNECTWRAP') connects += 1;
  },
});

beforeAll(async () => {
  await canary.start();
  connectHook.enable();
});
afterAll(() => {
  connectHook.disable();
  for (const server of canary.servers) server.close();
});
beforeEach(() => {
  canary.connections = 0;
  connects = 0;
});

async function post(url: string, guard: AddressGuard): Promise<PostResult> {
  const client = createHttpClient({ guard, timeoutMs: 5_000, resolve });
  try {
    return await client.post({ url, method: 'POST', headers: {}, body: Buffer.from('{}') });
  } finally {
    client.close();
  }
}

/** As on every stage but the local one, if the canary listened at a port that partners may use. */
const options = () => ({ allowLoopbackHttp: false, allowedPorts: [443, 8443, canary.port] });
const at = (url: string) => url.replace('{port}', String(canary.port));

describe('a hostile URL', () => {
  it('is one of a hundred at least, each unlike the others', () => {
    expect(new Set(hostileUrls.map(({ url }) => url)).size).toBe(hostileUrls.length);
    expect(hostileUrls.length).toBeGreaterThanOrEqual(100);
  });

  it.each(hostileUrls)('is refused at $refusedAt: $url', ({ url, refusedAt }) => {
    expect(readEndpointUrl(at(url), options()).kind).toBe(refusedAt === 'registration' ? 'invalid' : 'valid');
  });

  it.each(hostileUrls)('that got past registration is not connected to: $url', async ({ url }) => {
    const result = await post(at(url), createAddressGuard(options()));
    expect(result).toMatchObject({ kind: 'error', status: null, peerAddress: null, connection: null });
    expect(result.kind === 'error' && result.reason).toMatch(/^(blocked_|insecure_url|invalid_request)/);
    expect({ canary: canary.connections, connects }).toEqual({ canary: 0, connects: 0 });
  });

  it.each(
    hostileUrls.filter(({ leadsTo, url }) => leadsTo === 'canary' && (hasIpv6 || !/\[|6\.evil/.test(url))),
  )('would reach the canary if nothing guarded it: $url', async ({ url }) => {
    await post(at(url), noGuard);
    expect(canary.connections).toBeGreaterThan(0);
    expect(connects).toBeGreaterThan(0);
  });
});

describe('a public URL', () => {
  it.each(publicUrls)('is registered, and its addresses may be connected to: $url', ({ url, addresses }) => {
    const strict = createAddressGuard({ allowLoopbackHttp: false, allowedPorts: [443, 8443] });
    const read = readEndpointUrl(url, { allowLoopbackHttp: false, allowedPorts: [443, 8443] });
    expect(read.kind).toBe('valid');
    const target = checkTarget(read.kind === 'valid' ? read.url : '', strict);
    expect(target.kind).toBe('allowed');
    for (const address of addresses) {
      const found = [{ address, family: address.includes(':') ? 6 : 4 }];
      const lookup = guardLookup(strict, 'https:', (_, __, callback) => callback(null, found));
      lookup('partner.example', { all: true }, (error, answer) =>
        expect([error, answer]).toEqual([null, found]),
      );
    }
    expect.assertions(2 + addresses.length);
  });
});
