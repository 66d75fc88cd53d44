import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient } from '../../../functions/deliver/http-client.ts';
import { createNameResolver } from '../../../functions/deliver/resolve-name.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { startReceiver, type Receiver } from '../../helpers/receiver.ts';

const typeA = 1;

/**
 * Answers A questions about `good.test` and `half.test` with 127.0.0.1, says that `good.test` has no other address and
 * `none.test` has none at all, and is silent else.
 */
function answerTo(question: Buffer): Buffer | null {
  const name = question.subarray(12).toString('latin1');
  const end = question.indexOf(0, 12) + 5;
  const isA = question.readUInt16BE(end - 4) === typeA;
  const isGoodA = isA && /good|half/.test(name);
  if (!isGoodA && !/good|none/.test(name)) return null;
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(isGoodA ? 1 : 0, 6);
  header.fill(0, 8, 12);
  const answer = isGoodA ? Buffer.from('c00c000100010000000500047f000001', 'hex') : Buffer.alloc(0);
  return Buffer.concat([header, question.subarray(12, end), answer]);
}

describe('names are resolved without a thread', () => {
  let server: Socket;
  let receiver: Receiver;
  let client: HttpClient;
  let port: string;
  let questions = 0;

  beforeAll(async () => {
    receiver = await startReceiver();
    receiver.expect('/hook');
    port = new URL(receiver.origin).port;
    server = createSocket('udp4');
    server.on('message', (question: Buffer, from: RemoteInfo) => {
      questions += 1;
      const answer = answerTo(question);
      if (answer !== null) server.send(answer, from.port, from.address);
    });
    const bound = await new Promise<number>((resolve) => {
      server.bind(0, '127.0.0.1', () => resolve(server.address().port));
    });
    client = createHttpClient({
      guard: createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [443, 8443] }),
      timeoutMs: 3_000,
      resolve: createNameResolver([`127.0.0.1:${bound}`]),
    });
  });
  afterAll(async () => {
    client.close();
    server.close();
    await receiver.close();
  });

  const post = (host: string) =>
    client.post({ url: `http://${host}:${port}/hook`, method: 'POST', headers: {}, body: Buffer.from('{}') });

  it('a partner whose name servers are silent does not hold up the others', async () => {
    let ended = 0;
    const silent = Array.from({ length: 8 }, async (_, index) => {
      const result = await post(`silent${index}.test`);
      ended += 1;
      return result;
    });
    expect(await post('good.test')).toMatchObject({
      kind: 'response',
      status: 204,
      peerAddress: '127.0.0.1',
    });
    expect(ended).toBe(0);
    for (const result of await Promise.all(silent)) {
      expect(result).toMatchObject({ kind: 'error', reason: 'timeout', peerAddress: null });
      // The deadline, and what a busy machine may add to it.
      expect(result.durationMs).toBeLessThan(4_500);
    }
  });

  it('an IPv4 address is used though nobody answers about IPv6', async () => {
    const result = await post('half.test');
    expect(result).toMatchObject({ kind: 'response', status: 204, peerAddress: '127.0.0.1' });
    expect(result.times.dns).toBeGreaterThan(400);
    expect(result.times.dns).toBeLessThan(1_900);
  });

  it('a name without any address is told from one that nobody answers about', async () => {
    expect(await post('none.test')).toMatchObject({ kind: 'error', reason: 'dns_not_found' });
  });

  it('localhost is asked of nobody', async () => {
    const asked = questions;
    expect(await post('localhost')).toMatchObject({ kind: 'response', status: 204 });
    expect(questions).toBe(asked);
  });
});
