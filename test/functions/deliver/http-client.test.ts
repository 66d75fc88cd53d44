import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  knowing,
  listen,
  newClient,
  serve,
  serveKept,
  serveRaw,
  to,
  trustedCertificate,
  type Speak,
} from './listening.ts';

const noContent = 'HTTP/1.1 204 No Content\r\n\r\n';
const text = (body: Uint8Array) => Buffer.from(body).toString('utf8');

describe('a response', () => {
  it('comes with its status, its body and the address that gave it', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      request.setEncoding('utf8').once('data', (body: string) => {
        const { method, url, headers } = request;
        seen.push([method, url, body, headers['content-type'], headers['content-length']]);
        response.writeHead(201, { 'retry-after': '3' }).end('thanks');
      });
    });
    const result = await newClient().post(to(url));
    expect(seen).toEqual([['POST', '/hook?a=1', '{"a":"ä"}', 'application/json', '10']]);
    expect(result).toMatchObject({
      kind: 'response',
      status: 201,
      retryAfter: '3',
      peerAddress: '127.0.0.1',
    });
    expect(text(result.responseBody)).toBe('thanks');
    expect(result.responseTruncated).toBe(false);
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it.each([204, 400, 410, 500, 503])('of status %i is given as it is', async (status) => {
    const { url } = await serve((_, response) => response.writeHead(status).end());
    expect(await newClient().post(to(url))).toMatchObject({ kind: 'response', status });
  });

  it.each([301, 302, 303, 307, 308])('of status %i is not followed', async (status) => {
    let followed = 0;
    const { url } = await serve((request, response) => {
      if (request.url === '/login') followed += 1;
      response.writeHead(status, { location: '/login' }).end();
    });
    expect(await newClient().post(to(url))).toMatchObject({ kind: 'response', status });
    expect(followed).toBe(0);
  });

  it.each([
    [16_384, false],
    [16_385, true],
  ])('is read whole up to the cap: of %i bytes, and cut off: %s', async (length, isCutOff) => {
    const { url } = await serve((_, response) => response.end('x'.repeat(length)));
    const result = await newClient().post(to(url));
    expect(result.responseBody).toHaveLength(16_384);
    expect(result.responseTruncated).toBe(isCutOff);
  });

  it('tells its Retry-After, also when its body breaks off', async () => {
    const url = await serveRaw((socket) =>
      socket.end('HTTP/1.1 503 No\r\nretry-after: 60\r\ncontent-length: 9\r\n\r\nhalf'),
    );
    const broken = { kind: 'error', reason: 'connection_reset', status: 503, retryAfter: '60' };
    expect(await newClient().post(to(url))).toMatchObject(broken);
  });

  it('counts by its status when its body never ends, of which no more than the cap is read', async () => {
    let sent = 0;
    const cut = Promise.withResolvers<void>();
    const { url } = await serve((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(4_096, 'x');
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', more).on('close', cut.resolve);
      more();
    });
    const result = await newClient().post(to(url));
    expect(result).toMatchObject({ kind: 'response', status: 200 });
    expect(result.responseBody).toHaveLength(16_384);
    expect(result.responseTruncated).toBe(true);
    await cut.promise;
    expect(sent).toBeLessThan(50_000_000);
  });

  it.each([
    [200, { kind: 'error', reason: 'answered_early', status: 200 }],
    [413, { kind: 'response', status: 413 }],
  ])(
    'of status %i to a request that was not read ends it, and takes nothing on trust',
    async (status, expected) => {
      const accepted = Promise.withResolvers<Socket>();
      // It answers, and reads nothing.
      const server = createServer({ pauseOnConnect: true }, (socket) => {
        socket.write(`HTTP/1.1 ${status} Early\r\ncontent-length: 2\r\n\r\nhi`);
        accepted.resolve(socket);
      });
      const url = `http://127.0.0.1:${await listen(server)}/`;
      const body = Buffer.alloc(32 * 1_048_576, 'x');
      const result = await newClient().post(to(url, { body }));
      expect(result).toMatchObject(expected);
      expect(text(result.responseBody)).toBe('hi');
      const socket = await accepted.promise;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await closed;
      expect(socket.bytesRead).toBeLessThan(body.byteLength);
    },
  );

  it.each([
    ['breaks off', 'connection_reset', (socket: Socket) => socket.end()],
    ['stands still', 'timeout', () => undefined],
  ])('that %s within its body keeps what came', async (_, reason, then) => {
    const url = await serveRaw((socket) => {
      socket.write('HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\nTypeError: nothing', () => then(socket));
    });
    const result = await newClient({ timeoutMs: 500 }).post(to(url));
    expect(result).toMatchObject({ kind: 'error', reason, status: 500, responseTruncated: true });
    expect(text(result.responseBody)).toBe('TypeError: nothing');
  });

  it('is not taken from an interim one', async () => {
    const url = await serveRaw((socket) =>
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(await newClient().post(to(url))).toMatchObject({ kind: 'response', status: 500 });
  });
});

describe('the deadline', () => {
  it('ends an attempt that gets no response', async () => {
    const { url } = await serve(() => {});
    const result = await newClient({ timeoutMs: 100 }).post(to(url));
    expect(result).toMatchObject({ kind: 'error', reason: 'timeout', status: null });
    expect(result.durationMs).toBeLessThan(2_000);
  });

  it('ends a body that only drips, and its status does not count', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const result = await newClient({ timeoutMs: 150 }).post(to(url));
    expect(result).toMatchObject({ kind: 'error', reason: 'timeout', status: 200 });
  });

  it('ends headers that only drip', async () => {
    const url = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('x-a: b\r\n'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    expect(await newClient({ timeoutMs: 150 }).post(to(url))).toMatchObject({ reason: 'timeout' });
  });

  it('ends a TLS handshake that nobody answers', async () => {
    const server = createServer(() => {});
    const url = `https://127.0.0.1:${await listen(server)}/`;
    expect(await newClient({ timeoutMs: 150 }).post(to(url))).toMatchObject({ reason: 'timeout' });
  });
});

describe('an error', () => {
  it('is connection_refused where nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await newClient().post(to(`http://127.0.0.1:${port}/`))).toMatchObject({
      kind: 'error',
      reason: 'connection_refused',
      peerAddress: null,
    });
  });

  it('is connection_reset when the connection breaks before the response', async () => {
    const url = await serveRaw((socket) => socket.resetAndDestroy());
    expect(await newClient().post(to(url))).toMatchObject({ reason: 'connection_reset', status: null });
  });

  it('is connection_reset when the body breaks off, and its status does not count', async () => {
    const url = await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
    expect(await newClient().post(to(url))).toMatchObject({
      kind: 'error',
      reason: 'connection_reset',
      status: 200,
    });
  });

  it('is protocol_error for an upgrade nobody asked for', async () => {
    const url = await serveRaw((socket) =>
      socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    );
    expect(await newClient().post(to(url))).toMatchObject({ kind: 'error', reason: 'protocol_error' });
  });

  it('is protocol_error for what is no HTTP, or has endless headers', async () => {
    const noHttp = await serveRaw((socket) => socket.end('220 mail.example ESMTP\r\n'));
    expect(await newClient().post(to(noHttp))).toMatchObject({ reason: 'protocol_error' });
    const wide = await serveRaw((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nx-wide: ${'w'.repeat(20_000)}\r\n\r\n`),
    );
    expect(await newClient().post(to(wide))).toMatchObject({ reason: 'protocol_error' });
  });

  it('is tls_failed where no TLS is spoken', async () => {
    const url = await serveRaw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const result = await newClient().post(to(url.replace('http:', 'https:')));
    expect(result).toMatchObject({ kind: 'error', reason: 'tls_failed' });
  });

  it('is dns_not_found for a name that does not exist, or dns_failed where there is no resolver', async () => {
    const result = await newClient().post(to('https://nobody.invalid/'));
    expect(result.kind === 'error' && result.reason).toMatch(/^dns_(not_found|failed)$/);
  });
});

describe('kept connections', () => {
  it('serve one request after another', async () => {
    const { url, connections } = await serve((_, response) => response.end('ok'));
    const client = newClient();
    for (let n = 0; n < 5; n += 1) await client.post(to(url));
    expect(connections()).toBe(1);
  });

  it.each<[string, (socket: Socket | undefined) => unknown]>([
    ['closed', (socket) => socket?.destroy()],
    ['reset', (socket) => socket?.resetAndDestroy()],
  ])('are replaced within the same attempt when the other side has %s them meanwhile', async (_, close) => {
    const { url, sockets } = await serveKept((socket) => socket.write(noContent));
    const client = newClient();
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    // It has left when the next request begins, and nobody has seen it.
    close(sockets[0]);
    const result = await client.post(to(url));
    expect(result).toMatchObject({ kind: 'response', status: 204, connection: { reused: false } });
    expect(sockets).toHaveLength(2);
  });

  it.each([
    ['timeout=1', 2],
    ['timeout=60', 1],
  ])(
    'are given up before the other side closes them, if it says when: %s',
    async (announced, connections) => {
      const { url, sockets } = await serveKept((socket) =>
        socket.write(`HTTP/1.1 204 No Content\r\nkeep-alive: ${announced}\r\n\r\n`),
      );
      const client = newClient();
      for (let n = 0; n < 2; n += 1) expect(await client.post(to(url))).toMatchObject({ status: 204 });
      expect(sockets).toHaveLength(connections);
    },
  );

  it.each(
    [
      ['an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfake'],
      ['half an answer, which the next one would complete', 'HTTP/1.1 200 OK\r\nx-a: '],
      ['the beginning of a status line', 'HTTP/1.1 200 '],
      ['an interim answer', 'HTTP/1.1 102 Processing\r\n\r\n'],
      ['an empty line', '\r\n'],
      ['what is no HTTP', 'zzz\r\n\r\n'],
    ].flatMap(([what, early]) => [
      ['HTTP', what, early],
      ['HTTPS', what, early],
    ]),
  )('by %s are replaced when they hold %s before anything was asked', async (scheme, _, early = '') => {
    const { url, sockets, requests } = await serveKept(
      (socket, request) =>
        socket.write(`HTTP/1.1 ${request === 1 ? 200 : 500} Asked\r\ncontent-length: 0\r\n\r\n`),
      scheme === 'HTTPS' ? trustedCertificate() : undefined,
    );
    const client = newClient();
    expect(await client.post(to(url))).toMatchObject({ status: 200 });
    // It has left when the next request begins, and nobody has read it.
    sockets[0]?.write(early);
    const result = await client.post(to(url));
    expect(result).toMatchObject({ kind: 'response', status: 500, connection: { reused: false } });
    expect({ requests: requests(), connections: sockets.length }).toEqual({ requests: 2, connections: 2 });
  });

  it('are replaced once only', async () => {
    const { url, sockets } = await serveKept((socket, request) =>
      request > 1 ? socket.resetAndDestroy() : socket.write(noContent),
    );
    const client = newClient();
    await client.post(to(url));
    sockets[0]?.destroy();
    expect(await client.post(to(url))).toMatchObject({ kind: 'error', reason: 'connection_reset' });
    expect(sockets).toHaveLength(2);
  });

  it.each<[string, Speak]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
    ['closed within the head of an answer', (socket) => socket.end('HTTP/1.1 204 No')],
  ])('that are %s once the request was there are not replaced: it may have been read', async (_, close) => {
    const { url, sockets, requests } = await serveKept((socket, request) =>
      request === 2 ? close(socket, request) : socket.write(noContent),
    );
    const client = newClient();
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    const result = await client.post(to(url));
    expect(result).toMatchObject({ kind: 'error', status: null, connection: { reused: true } });
    expect(result.kind === 'error' && result.reason).toMatch(/^(connection_reset|protocol_error)$/);
    expect({ requests: requests(), connections: sockets.length }).toEqual({ requests: 2, connections: 1 });
  });

  it('by TLS, too, are replaced before the request only', async () => {
    const { url, sockets, requests } = await serveKept(
      (socket, request) => (request === 4 ? socket.destroy() : socket.write(noContent)),
      trustedCertificate(),
    );
    const client = newClient();
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    sockets[0]?.destroy();
    expect(await client.post(to(url))).toMatchObject({ status: 204, connection: { reused: false } });
    // What replaces one is not kept.
    expect(await client.post(to(url))).toMatchObject({ status: 204, connection: { reused: false } });
    expect(await client.post(to(url))).toMatchObject({
      reason: 'connection_reset',
      connection: { reused: true },
    });
    expect({ requests: requests(), connections: sockets.length }).toEqual({ requests: 4, connections: 3 });
  });

  it('are replaced within the deadline of the attempt, not with one of its own', async () => {
    const [timeoutMs, busyMs] = [1_500, 1_200];
    const { url, sockets } = await serveKept((socket, request) => request === 1 && socket.write(noContent));
    const client = newClient({ timeoutMs });
    expect(await client.post(to(url))).toMatchObject({ status: 204 });
    sockets[0]?.destroy();
    const posting = client.post(to(url));
    // Everything stands still while the first of the two exchanges is under way.
    const until = performance.now() + busyMs;
    while (performance.now() < until);
    const result = await posting;
    expect(result).toMatchObject({ kind: 'error', reason: 'timeout', connection: { reused: false } });
    expect(result.durationMs).toBeGreaterThan(busyMs);
    expect(result.durationMs).toBeLessThan(timeoutMs + busyMs - 100);
  });
});

describe('the guard', () => {
  it.each([
    ['https://127.0.0.1:9/', 'blocked_address'],
    ['https://127.1:9/', 'blocked_address'],
    ['https://0x7f.1:9/', 'blocked_address'],
    ['https://2130706433:9/', 'blocked_address'],
    ['https://[::1]:9/', 'blocked_address'],
    ['https://[::ffff:127.0.0.1]:9/', 'blocked_address'],
    ['https://169.254.169.254/latest/meta-data/', 'blocked_address'],
    ['https://localhost:9/', 'blocked_address'],
    ['http://127.0.0.1:9/', 'insecure_url'],
    ['http://8.8.8.8/', 'insecure_url'],
    ['ftp://8.8.8.8/', 'insecure_url'],
    ['https://8.8.8.8:22/', 'blocked_port'],
    ['https://partner.example:8080/', 'blocked_port'],
    ['https://partner.example:0/', 'blocked_port'],
    ['https://*.partner.example/', 'invalid_request'],
    ['nonsense', 'invalid_request'],
  ])('lets nothing out to %s', async (url, reason) => {
    const dns = knowing({ 'partner.example': ['8.8.8.8'] });
    const result = await newClient({ allowLoopbackHttp: false, resolve: dns.resolve }).post(to(url));
    expect(result).toMatchObject({ kind: 'error', reason, peerAddress: null, connection: null });
    expect(dns.questions).toEqual([]);
  });

  it('lets a local stack speak http to loopback and to nobody else', async () => {
    const { port } = await serve((_, response) => response.end());
    const client = newClient();
    expect(await client.post(to(`http://localhost:${port}/`))).toMatchObject({ status: 200 });
    expect(await client.post(to('http://8.8.8.8/'))).toMatchObject({ reason: 'blocked_address' });
    expect(await client.post(to('http://10.0.0.1/'))).toMatchObject({ reason: 'blocked_address' });
  });

  it('sends no credentials that are part of the URL', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    await newClient().post(to(url.replace('127.0.0.1', 'user:pass@127.0.0.1')));
    expect(seen).toEqual([undefined]);
  });
});
