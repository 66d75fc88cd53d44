import { once } from 'node:events';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { newClient, to } from './listening.ts';

const authority = makeCertificate({ isCa: true });
const { cert, key } = makeCertificate({ issuer: authority, names: ['127.0.0.1'] });
const before = getCACertificates();
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

/** In a thread of its own: it goes on while the sender's thread is busy. */
const partner = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { tls } = workerData;
  const listener = (request, response) => request.resume().on('end', () => response.writeHead(204).end());
  const server = tls === null
    ? require('node:http').createServer(listener)
    : require('node:https').createServer(tls, listener);
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;

async function startPartner(tls: { cert: string; key: string } | null): Promise<number> {
  const worker = new Worker(partner, { eval: true, workerData: { tls } });
  onTestFinished(async () => {
    await worker.terminate();
  });
  const [port] = z.tuple([z.int()]).parse(await once(worker, 'message'));
  return port;
}

/** Holds the sender's thread, from the moment when a request over a kept connection has been handed to it. */
const beBusy = (ms: number) =>
  setImmediate(() => setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)));

describe('a 2xx that has come before the sender looks whether its request was written', () => {
  it.each([
    ['http', null],
    ['https', { cert, key }],
  ] as const)('is a 2xx, by %s', async (scheme, tls) => {
    const url = `${scheme}://127.0.0.1:${await startPartner(tls)}/`;
    const client = newClient();
    expect(await client.post(to(url))).toMatchObject({ kind: 'response', status: 204 });
    const again = client.post(to(url));
    beBusy(100);
    expect(await again).toMatchObject({ kind: 'response', status: 204, connection: { reused: true } });
  });
});
