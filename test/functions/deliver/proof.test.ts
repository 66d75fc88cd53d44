import { X509Certificate } from 'node:crypto';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAttempt } from '../../../functions/deliver/attempt.ts';
import type { Resolve } from '../../../functions/deliver/guarded-lookup.ts';
import type { PostResult } from '../../../functions/deliver/http-client.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { AttemptSchema } from '../../../schemas/delivery.ts';
import { makeAttempt as sampleAttempt, makeEvent } from '../../helpers/deliveries.ts';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { knowing, listen, newClient, serve, serveKept, serveRaw, to } from './listening.ts';
import { signingSecret } from './world.ts';

const authority = makeCertificate({ isCa: true });
const certificate = makeCertificate({ issuer: authority, names: ['partner.test'] });
const fingerprint = new X509Certificate(certificate.cert).fingerprint256.replaceAll(':', '').toLowerCase();
const before = getCACertificates();
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

/** Typed, since vitest's matchers are "any". */
const someTime: unknown = expect.any(Number);
const guard = {
  ...createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [] }),
  permitsPort: () => true,
};

async function tlsWorld() {
  const port = await listen(
    createTlsServer({ ...certificate, minVersion: 'TLSv1.2' }, (socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
    }),
  );
  const { resolve } = knowing({ 'partner.test': ['127.0.0.1'] });
  const client = newClient({ guard, resolve });
  return { port, client, url: `https://partner.test:${port}/` };
}

const unknownToAll: Resolve = (_, __, callback) =>
  setImmediate(callback, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);

/** Times that came, in order, with the end: none may be before the one before. */
const inOrder = ({ times: { dns, connect, tls, firstByte }, durationMs }: PostResult) =>
  [dns, connect, tls, firstByte, durationMs + 0.1].filter((time) => time !== null);

describe('the proof of an attempt', () => {
  it('tells whom it reached, by which TLS and certificate, and when', async () => {
    const { port, client, url } = await tlsWorld();
    const result = await client.post(to(url));
    expect(result).toMatchObject({
      peerAddress: '127.0.0.1',
      connection: { port, reused: false, tls: { protocol: 'TLSv1.3', certificateSha256: fingerprint } },
    });
    const times = inOrder(result);
    expect(times).toHaveLength(5);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('tells the same of a kept connection, and that it took no DNS, connection or handshake', async () => {
    const { port, client, url } = await tlsWorld();
    await client.post(to(url));
    for (let n = 0; n < 3; n += 1)
      expect(await client.post(to(url))).toMatchObject({
        peerAddress: '127.0.0.1',
        connection: { port, reused: true, tls: { protocol: 'TLSv1.3', certificateSha256: fingerprint } },
        times: { dns: null, connect: null, tls: null, firstByte: someTime },
      });
  });

  it('tells the certificate of every new connection: no session is resumed', async () => {
    const port = await listen(
      createTlsServer(certificate, (socket) => {
        socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
      }),
    );
    const client = newClient({ guard, resolve: knowing({ 'partner.test': ['127.0.0.1'] }).resolve });
    for (let n = 0; n < 3; n += 1)
      expect(await client.post(to(`https://partner.test:${port}/`))).toMatchObject({
        connection: { reused: false, tls: { certificateSha256: fingerprint } },
      });
  });

  it('tells of plain http that there was no TLS', async () => {
    const { url, port } = await serve((_, response) => response.end());
    const result = await newClient().post(to(url));
    expect(result).toMatchObject({
      connection: { port, reused: false, tls: null },
      times: { dns: null, tls: null },
    });
    expect(inOrder(result)).toHaveLength(3);
  });

  it('tells how far an attempt came that failed', async () => {
    const silent = await serveRaw(() => {});
    expect(await newClient({ timeoutMs: 100 }).post(to(silent))).toMatchObject({
      reason: 'timeout',
      connection: { reused: false },
      times: { connect: someTime, firstByte: null },
    });
    expect(await newClient({ resolve: unknownToAll }).post(to('https://partner.test/'))).toMatchObject({
      reason: 'dns_not_found',
      peerAddress: null,
      connection: null,
      times: { dns: null, connect: null, tls: null, firstByte: null },
    });
  });

  it('tells of the second connection when a kept one had broken', async () => {
    const { url, sockets } = await serveKept((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
    );
    const client = newClient();
    await client.post(to(url));
    sockets[0]?.resetAndDestroy();
    expect(await client.post(to(url))).toMatchObject({
      status: 200,
      connection: { reused: false },
      times: { connect: someTime },
    });
  });
});

describe('the record of an attempt', () => {
  it('holds the proof, in less than 250 bytes', async () => {
    const { client, url } = await tlsWorld();
    const { attempt } = await makeAttempt(
      { http: client, now: Date.now },
      {
        number: 1,
        event: makeEvent(),
        endpoint: { url },
        rendering: { method: 'POST', headers: {}, body: Buffer.from('{}') },
        secrets: { signingKeys: [{ key: signingSecret, notAfter: null }], auth: { type: 'none' } },
      },
    );
    expect(attempt.connection?.tls?.certificateSha256).toBe(fingerprint);
    expect(AttemptSchema.parse(attempt)).toEqual(attempt);
    const { connection, times, ...others } = attempt;
    expect(JSON.stringify(attempt).length - JSON.stringify(others).length).toBeLessThan(250);
    expect({ connection, times }).not.toContain(null);
  });

  it('of before there was proof still reads', () => {
    const { connection: _, times: __, ...old } = sampleAttempt();
    expect(AttemptSchema.parse(old)).toEqual({ ...old, connection: null, times: null });
  });
});
