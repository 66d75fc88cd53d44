import { createServer } from 'node:net';
import { createSecureContext, getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classify } from '../../../functions/deliver/classify.ts';
import type { PostResult } from '../../../functions/deliver/http-client.ts';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { hostileReceivers, type HostileReceiver } from './hostile-receivers.ts';
import { listen, newClient, to } from './listening.ts';

const authority = makeCertificate({ isCa: true });
const trusted = makeCertificate({ issuer: authority, names: ['127.0.0.1'] });
const before = getCACertificates();
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

/** For those who keep it waiting, whose status is to come before it, and for the others. */
const timeoutOf = ({ outcome }: HostileReceiver) => (outcome === 'timeout' ? 1_500 : 8_000);
/** What a busy machine may add to a deadline. */
const graceMs = 1_500;

type Protocol = 'http' | 'https';

async function attemptAt(receiver: HostileReceiver, protocol: Protocol): Promise<PostResult> {
  const { speak } = receiver;
  const secureContext = createSecureContext(trusted);
  const server = createServer((raw) => {
    const socket = protocol === 'http' ? raw : new TLSSocket(raw, { isServer: true, secureContext });
    speak(
      socket.on('error', () => {}),
      () => raw.resetAndDestroy(),
    );
  });
  const port = await listen(server);
  return newClient({ timeoutMs: timeoutOf(receiver) }).post(to(`${protocol}://127.0.0.1:${port}/`));
}

async function outcomeAt(receiver: HostileReceiver, protocol: Protocol) {
  const result = await attemptAt(receiver, protocol);
  const verdict = classify(result, Date.now());
  expect(result.durationMs).toBeLessThan(timeoutOf(receiver) + graceMs);
  expect(result.responseBody.byteLength).toBeLessThanOrEqual(16_384);
  const outcome = verdict.kind === 'retry' ? verdict.reason : verdict.kind;
  return { name: receiver.name, outcome, status: result.status };
}

const keepWaiting = hostileReceivers.filter(({ outcome }) => outcome === 'timeout');
const others = hostileReceivers.filter(({ outcome }) => outcome !== 'timeout');

describe.each(['http', 'https'] as const)('an attempt by %s', (protocol) => {
  it.each(others)('ends in time as $outcome at a receiver with: $name', async (receiver) => {
    const { name, outcome, status } = receiver;
    expect(await outcomeAt(receiver, protocol)).toEqual({ name, outcome, status });
  });

  it('ends at its deadline at every receiver that keeps it waiting', async () => {
    expect(keepWaiting.length).toBeGreaterThan(10);
    expect(await Promise.all(keepWaiting.map((receiver) => outcomeAt(receiver, protocol)))).toEqual(
      keepWaiting.map(({ name, outcome, status }) => ({ name, outcome, status })),
    );
  });
});
