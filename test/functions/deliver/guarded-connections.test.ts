import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AddressGuard } from '../../../functions/shared/address-guard.ts';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { knowing, listen, newClient, serve, serveKept, serveRaw, to } from './listening.ts';

/** Takes 127.0.0.1 for public and everything else for inside. */
const onlyOne: AddressGuard = {
  allowsHttp: true,
  permits: (address) => address === '127.0.0.1',
  permitsPort: () => true,
};

describe('a name that changes its mind (DNS rebinding)', () => {
  it('is resolved and checked again for each new connection', async () => {
    const { port, connections } = await serve((_, response) =>
      response.writeHead(204, { connection: 'close' }).end(),
    );
    const dns = knowing({ 'partner.test': ['127.0.0.1'] });
    const client = newClient({ guard: onlyOne, resolve: dns.resolve });
    const url = `http://partner.test:${port}/`;
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    for (const inside of [['127.0.0.2'], ['127.0.0.1', '::1'], ['169.254.169.254']]) {
      dns.names['partner.test'] = inside;
      expect(await client.post(to(url))).toMatchObject({ kind: 'error', reason: 'blocked_address' });
    }
    dns.names['partner.test'] = ['127.0.0.1'];
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    expect({ connections: connections(), questions: dns.questions.length }).toEqual({
      connections: 2,
      questions: 5,
    });
  });

  it('does not matter while a connection is kept: it leads where it was checked to lead', async () => {
    const { port, connections } = await serve((_, response) => response.writeHead(204).end());
    const dns = knowing({ 'partner.test': ['127.0.0.1'] });
    const client = newClient({ guard: onlyOne, resolve: dns.resolve });
    const url = `http://partner.test:${port}/`;
    await client.post(to(url));
    dns.names['partner.test'] = ['169.254.169.254'];
    expect(await client.post(to(url))).toMatchObject({
      status: 204,
      peerAddress: '127.0.0.1',
      connection: { reused: true },
    });
    expect({ connections: connections(), questions: dns.questions.length }).toEqual({
      connections: 1,
      questions: 1,
    });
  });

  it('is refused after a kept connection has broken, within the same attempt', async () => {
    const { url, sockets } = await serveKept((socket) => socket.write('HTTP/1.1 204 OK\r\n\r\n'));
    const dns = knowing({ 'partner.test': ['127.0.0.1'] });
    const client = newClient({ guard: onlyOne, resolve: dns.resolve });
    const named = url.replace('127.0.0.1', 'partner.test');
    await client.post(to(named));
    dns.names['partner.test'] = ['127.0.0.2'];
    sockets[0]?.resetAndDestroy();
    expect(await client.post(to(named))).toMatchObject({ kind: 'error', reason: 'blocked_address' });
  });
});

describe('the peer is checked when it is connected, whatever was checked before', () => {
  it.each(['http', 'https'])('a new one by %s, before it gets a byte', async (scheme) => {
    let bytes = 0;
    const ended = Promise.withResolvers<void>();
    const port = await listen(
      createServer((socket) => {
        socket.on('data', (chunk) => (bytes += chunk.byteLength));
        socket.once('close', () => ended.resolve());
      }),
    );
    let asked = 0;
    // The literal passes; the peer does not.
    const permits = () => (asked += 1) === 1;
    const client = newClient({ guard: { allowsHttp: true, permits, permitsPort: () => true } });
    expect(await client.post(to(`${scheme}://127.0.0.1:${port}/`))).toMatchObject({
      kind: 'error',
      reason: 'blocked_address',
      status: null,
    });
    await ended.promise;
    expect({ asked, bytes }).toEqual({ asked: 2, bytes: 0 });
  });

  it('a kept one, too', async () => {
    let requests = 0;
    const { url } = await serve((_, response) => {
      requests += 1;
      response.writeHead(204).end();
    });
    let isPermitted = true;
    let inConnect = 0;
    const permits = () => isPermitted || (inConnect += 1) === 1;
    const client = newClient({ guard: { allowsHttp: true, permits, permitsPort: () => true } });
    await client.post(to(url));
    isPermitted = false;
    expect(await client.post(to(url))).toMatchObject({ kind: 'error', reason: 'blocked_address' });
    expect(requests).toBe(1);
  });
});

describe('nothing leads a request elsewhere', () => {
  it.each([300, 301, 302, 303, 305, 307, 308])('a redirect of status %i', async (status) => {
    const canary = await serve((_, response) => response.end());
    const { url } = await serve((_, response) => {
      response.writeHead(status, { location: canary.url, refresh: `0; url=${canary.url}` }).end();
    });
    expect(await newClient().post(to(url))).toMatchObject({ kind: 'response', status });
    expect(canary.connections()).toBe(0);
  });

  it('a host header or an authority within the path', async () => {
    const seen: unknown[] = [];
    const { port } = await serve((request, response) => {
      seen.push([request.url, request.headers.host]);
      response.end();
    });
    await newClient().post(to(`http://127.0.0.1:${port}//169.254.169.254/latest`));
    expect(seen).toEqual([['//169.254.169.254/latest', `127.0.0.1:${port}`]]);
  });

  it('a proxy of the environment, and nothing there makes certificates trusted', async () => {
    const proxy = await serve((_, response) => response.writeHead(299).end());
    const receiver = await serve((_, response) => response.writeHead(204).end());
    const tls = await serveRaw((socket) => socket.end('HTTP/1.1 204 OK\r\n\r\n'), makeCertificate());
    const proxyUrl = `http://127.0.0.1:${proxy.port}`;
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
    const env = {
      PATH: process.env['PATH'],
      ...Object.fromEntries(names.map((name) => [name, proxyUrl])),
      NODE_USE_ENV_PROXY: '1',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    };
    const script = fileURLToPath(new URL('./post-once.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, receiver.url, tls], { env });
    // The plain GET shows that the environment does what it can.
    expect(JSON.parse(stdout)).toEqual({ posted: [204, 'tls_untrusted'], got: 299 });
    expect(proxy.connections()).toBe(1);
  });
});
