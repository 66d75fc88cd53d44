import { X509Certificate } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type TlsOptions,
} from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionLimits } from '../../../functions/deliver/kept-connections.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { makeCertificate, type CertificateOptions } from '../../../local/demo/certificates.ts';
import { knowing, listen, newClient, to } from './listening.ts';

const authority = makeCertificate({ isCa: true });
const before = getCACertificates();
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

const hour = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * hour);
const trusted = (options: CertificateOptions = {}) =>
  makeCertificate({ issuer: authority, names: ['partner.test', '127.0.0.1'], ...options });

const guard = {
  ...createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [] }),
  permitsPort: () => true,
};
const { resolve } = knowing({ 'partner.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] });

const postTo = (port: number, host = 'partner.test', timeoutMs = 5_000) =>
  newClient({ guard, resolve, timeoutMs }).post(to(`https://${host}:${port}/`));

/** Answers every request with 204, and counts those it gets. */
async function serveTls(tls: TlsOptions) {
  const got = { requests: 0 };
  const server = createTlsServer(tls, (socket) => {
    socket.on('data', () => {
      got.requests += 1;
      socket.write('HTTP/1.1 204 OK\r\n\r\n');
    });
  });
  server.on('tlsClientError', () => {});
  return { got, port: await listen(server) };
}

describe('a certificate', () => {
  it('that is as it should be is accepted, for a name and for an address', async () => {
    const { port } = await serveTls(trusted());
    expect(await postTo(port)).toMatchObject({ kind: 'response', status: 204 });
    expect(await postTo(port, '127.0.0.1')).toMatchObject({ kind: 'response', status: 204 });
  });

  it('is asked for by the name without the dot at its end', async () => {
    const asked: (string | false | null)[] = [];
    const server = createTlsServer(trusted(), (socket) => {
      asked.push(socket.servername);
      socket.once('data', () => socket.write('HTTP/1.1 204 OK\r\n\r\n'));
    });
    const port = await listen(server);
    const names = knowing({ 'partner.test.': ['127.0.0.1'] });
    const client = newClient({ guard, resolve: names.resolve });
    expect(await client.post(to(`https://partner.test.:${port}/`))).toMatchObject({ status: 204 });
    expect(await client.post(to(`https://127.0.0.1:${port}/`))).toMatchObject({ status: 204 });
    expect(asked).toEqual(['partner.test', false]);
  });

  it('that only its common name fits is not', async () => {
    const { port } = await serveTls(trusted({ names: ['elsewhere.test'] }));
    expect(await postTo(port)).toMatchObject({ kind: 'error', reason: 'tls_hostname_mismatch' });
  });

  const unknown = makeCertificate({ isCa: true });
  const noAuthority = trusted();
  it.each<[string, string, CertificateOptions]>([
    ['signed by itself', 'tls_untrusted', {}],
    ['of an unknown authority', 'tls_untrusted', { issuer: unknown }],
    ['signed by somebody who is no authority', 'tls_untrusted', { issuer: noAuthority }],
    ['expired', 'tls_expired', { issuer: authority, notBefore: inHours(-2), notAfter: inHours(-1) }],
    ['not valid yet', 'tls_expired', { issuer: authority, notBefore: inHours(1), notAfter: inHours(2) }],
    ['of another host', 'tls_hostname_mismatch', { issuer: authority, names: ['other.test'] }],
    ['of all hosts below', 'tls_hostname_mismatch', { issuer: authority, names: ['*.partner.test'] }],
    ['of everybody', 'tls_hostname_mismatch', { issuer: authority, names: ['*', '*.test.'] }],
    ['of another address', 'tls_hostname_mismatch', { issuer: authority, names: ['127.0.0.2'] }],
    ['that proves clients only', 'tls_untrusted', { issuer: authority, ofClients: true }],
    ['with a key that is too short', 'tls_untrusted', { issuer: authority, rsaBits: 1_024 }],
  ])('%s is refused as %s, gets nothing, and is on record', async (_, reason, options) => {
    const certificate = makeCertificate({ names: ['partner.test'], ...options });
    // Ours would not show a key that is too short.
    const { port, got } = await serveTls({ ...certificate, ciphers: 'DEFAULT@SECLEVEL=0' });
    const result = await postTo(port);
    const { fingerprint256 } = new X509Certificate(certificate.cert);
    expect(result).toMatchObject({
      kind: 'error',
      reason,
      status: null,
      peerAddress: '127.0.0.1',
      connection: { tls: { certificateSha256: fingerprint256.replaceAll(':', '').toLowerCase() } },
    });
    expect(got.requests).toBe(0);
  });

  it('of the host that was resolved does not count for the host that was asked for', async () => {
    const { port, got } = await serveTls(trusted({ names: ['partner.test'] }));
    expect(await postTo(port, 'other.test')).toMatchObject({ reason: 'tls_hostname_mismatch' });
    expect(got.requests).toBe(0);
  });
});

describe('a handshake', () => {
  it.each<[string, TlsOptions]>([
    [
      'offers old versions of TLS only',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
    ],
    ['asks for a certificate of ours', { requestCert: true, rejectUnauthorized: true }],
    [
      'has a group of its own choice, which may be as large as it likes',
      {
        ...trusted({ rsaBits: 2_048 }),
        maxVersion: 'TLSv1.2',
        ciphers: 'DHE-RSA-AES128-GCM-SHA256',
        dhparam: 'auto',
      },
    ],
  ])('that %s is tls_failed', async (_, options) => {
    const { port, got } = await serveTls({ ...trusted(), ...options });
    expect(await postTo(port)).toMatchObject({ kind: 'error', reason: 'tls_failed', status: null });
    expect(got.requests).toBe(0);
  });

  it('with a key of RSA is as good as any other', async () => {
    const { port } = await serveTls({ ...trusted({ rsaBits: 2_048 }), maxVersion: 'TLSv1.2' });
    expect(await postTo(port)).toMatchObject({ status: 204, connection: { tls: { protocol: 'TLSv1.2' } } });
  });

  /** The first bytes of a ServerHello, which promise 122 more. */
  const half = Buffer.from('160303007a020000760303', 'hex');
  it.each<[string, string, (socket: Socket) => void]>([
    ['is answered in plain text', 'tls_failed', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['is answered with bytes by chance', 'tls_failed', (socket) => socket.write('ÿ'.repeat(64))],
    [
      'is answered with an alert',
      'tls_failed',
      (socket) => socket.write(Buffer.from('15030300020228', 'hex')),
    ],
    ['ends at once', 'connection_reset', (socket) => socket.end()],
    ['is reset at once', 'connection_reset', (socket) => socket.resetAndDestroy()],
    ['ends halfway', 'connection_reset', (socket) => socket.end(half)],
    ['stops halfway', 'timeout', (socket) => socket.write(half)],
    ['is not answered', 'timeout', () => {}],
  ])('that %s is %s', async (_, reason, speak) => {
    const port = await listen(createServer((socket) => socket.once('data', () => speak(socket))));
    const timeoutMs = reason === 'timeout' ? 250 : 5_000;
    const result = await postTo(port, 'partner.test', timeoutMs);
    expect(result).toMatchObject({ kind: 'error', reason, status: null, times: { tls: null } });
    expect(result.durationMs).toBeLessThan(timeoutMs + 1_000);
  });
});

/** A handshake of TLS 1.3 makes five keys, and Node's servers send two tickets after it. */
const clientFor = (maxTlsMessages: number) => newClient({ guard, resolve, limits: { maxTlsMessages } });

describe('after the handshake', () => {
  it('another one, which the receiver asks for, is refused', async () => {
    const renegotiated = Promise.withResolvers<Error | null>();
    const server = createTlsServer({ ...trusted(), maxVersion: 'TLSv1.2' }, (socket) => {
      socket.on('error', (error: Error) => renegotiated.resolve(error));
      socket.once('data', () => {
        socket.renegotiate({ requestCert: false }, (error) => {
          renegotiated.resolve(error);
          socket.write('HTTP/1.1 204 OK\r\n\r\n');
        });
      });
    });
    const port = await listen(server);
    expect(await postTo(port)).toMatchObject({ kind: 'error', reason: 'tls_failed', status: null });
    expect(await renegotiated.promise).toBeInstanceOf(Error);
  });

  it.each<[string, number]>([
    ['keys', 4],
    ['keys and tickets', 6],
  ])('more %s than any connection needs are an error of protocol', async (_, most) => {
    const { port } = await serveTls({ ...trusted(), minVersion: 'TLSv1.3' });
    const url = `https://partner.test:${port}/`;
    expect(await clientFor(most).post(to(url))).toMatchObject({ kind: 'error', reason: 'protocol_error' });
  });

  it('they are counted once for a connection, however long it is kept', async () => {
    const { port, got } = await serveTls({ ...trusted(), minVersion: 'TLSv1.3' });
    const client = clientFor(7);
    for (let n = 0; n < 5; n += 1)
      expect(await client.post(to(`https://partner.test:${port}/`))).toMatchObject({ status: 204 });
    expect(got.requests).toBe(5);
  });

  it('64 of them may come, which is ten times what a server needs', () => {
    expect(connectionLimits.maxTlsMessages).toBe(64);
  });
});
