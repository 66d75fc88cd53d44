import { Agent, request as httpRequest } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redirectTo, startReceiver, type Receiver } from '../../helpers/receiver.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const otherSecret = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const body = Buffer.from('{"type":"locker.opened","data":{"é":1}}');

const signed = (id: string, bytes: Buffer, key = secret) => ({
  'content-type': 'application/json',
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
  'webhook-signature': new Webhook(key).sign(id, new Date(), bytes),
});

interface Sent {
  status: number;
  location: string | undefined;
}

/** Resolves with the answer; rejects if the connection is reset or nothing comes within `timeoutMs`. */
function post(
  url: string,
  headers: Record<string, string>,
  bytes: Buffer,
  { agent, timeoutMs = 5_000 }: { agent?: Agent; timeoutMs?: number } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = httpRequest(url, { method: 'POST', headers, signal, ...(agent ? { agent } : {}) });
    request.once('error', reject);
    request.once('response', (response) => {
      response.resume();
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, location: response.headers.location }),
      );
    });
    request.end(bytes);
  });
}

describe('a receiver', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  it('keeps the exact bytes, the headers and the time of arrival, and accepts a good signature', async () => {
    const inbox = receiver.expect('/hook', { secret });
    const before = Date.now();
    const { status } = await post(receiver.url('/hook'), signed('evt_1', body), body);
    expect(status).toBe(204);
    const [request] = inbox.requests;
    expect(request?.signature).toBe('ok');
    expect(request?.body.equals(body)).toBe(true);
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.arrivedAtMs).toBeGreaterThanOrEqual(before - 1);
    expect(inbox.accepted).toEqual(new Set(['evt_1']));
  });

  it('rejects a signature by another secret, over other bytes, for another id, or none', async () => {
    const inbox = receiver.expect('/hook', { secret });
    const url = receiver.url('/hook');
    await post(url, signed('evt_1', body, otherSecret), body);
    await post(url, signed('evt_2', body), Buffer.concat([body, Buffer.from(' ')]));
    await post(url, { ...signed('evt_3', body), 'webhook-id': 'evt_4' }, body);
    await post(url, {}, body);
    expect(inbox.requests.map(({ signature }) => signature)).toEqual(['bad', 'bad', 'bad', 'bad']);
    expect(inbox.badSignatures).toBe(4);
    expect(inbox.accepted.size).toBe(0);
  });

  it('looks at no signature without a secret', async () => {
    const inbox = receiver.expect('/hook');
    await post(receiver.url('/hook'), { 'webhook-id': 'evt_1' }, body);
    expect(inbox.requests[0]?.signature).toBe('unchecked');
  });

  it('answers in sequence, the last answer repeating, and counts attempts by id', async () => {
    const inbox = receiver.expect('/hook', {
      secret,
      behaviour: [{ status: 500 }, redirectTo('http://127.0.0.1:1/login'), { status: 200 }],
    });
    const answers: Sent[] = [];
    for (const id of ['evt_1', 'evt_1', 'evt_1', 'evt_2'])
      answers.push(await post(receiver.url('/hook'), signed(id, body), body));
    expect(answers).toEqual([
      { status: 500, location: undefined },
      { status: 302, location: 'http://127.0.0.1:1/login' },
      { status: 200, location: undefined },
      { status: 200, location: undefined },
    ]);
    expect(inbox.requests.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['evt_1', 1],
      ['evt_1', 2],
      ['evt_1', 3],
      ['evt_2', 1],
    ]);
    expect([inbox.distinct, inbox.attemptsOf('evt_1')]).toEqual([2, 3]);
  });

  it('resets, hangs and delays as told, and can be told otherwise', async () => {
    const inbox = receiver.expect('/hook', { behaviour: 'reset' });
    const url = receiver.url('/hook');
    await expect(post(url, {}, body)).rejects.toThrow('ECONNRESET');
    inbox.behaviour = 'hang';
    await expect(post(url, {}, body, { timeoutMs: 50 })).rejects.toThrow('aborted');
    inbox.behaviour = { status: 202, delayMs: 30 };
    const startMs = performance.now();
    expect((await post(url, {}, body)).status).toBe(202);
    expect(performance.now() - startMs).toBeGreaterThan(25);
    expect(inbox.requests).toHaveLength(3);
  });

  it('lets a function decide by what came', async () => {
    receiver.expect('/hook', { behaviour: ({ attempt }) => ({ status: attempt === 1 ? 503 : 204 }) });
    const url = receiver.url('/hook');
    const statuses: number[] = [];
    for (const id of ['a', 'b', 'a']) statuses.push((await post(url, { 'webhook-id': id }, body)).status);
    expect(statuses).toEqual([503, 503, 204]);
  });

  it('waits for what is to come and for what has come', async () => {
    const inbox = receiver.expect('/hook');
    const url = receiver.url('/hook');
    const both = inbox.waitForAccepted(2);
    const second = inbox.waitFor(({ id }) => id === 'b');
    await post(url, { 'webhook-id': 'a' }, body);
    await post(url, { 'webhook-id': 'b' }, body);
    await both;
    expect((await second).number).toBe(2);
    expect((await inbox.waitFor(({ id }) => id === 'a')).number).toBe(1);
    await expect(inbox.waitForRequests(3, 20)).rejects.toThrow('/hook had 2 requests, 2 ids, 2 accepted');
  });

  it('keeps nothing but open attempts when told to run for long', async () => {
    const behaviour = [{ status: 500 }, { status: 204 }];
    const inbox = receiver.expect('/hook', { behaviour, keep: false });
    const attempts: number[] = [];
    inbox.onRequest(({ attempt }) => attempts.push(attempt));
    const url = receiver.url('/hook');
    await post(url, { 'webhook-id': 'a' }, body);
    expect(inbox.attemptsOf('a')).toBe(1);
    await post(url, { 'webhook-id': 'a' }, body);
    expect(attempts).toEqual([1, 2]);
    expect([inbox.requests.length, inbox.accepted.size, inbox.distinct]).toEqual([0, 0, 0]);
  });

  it('answers 404 where nobody expects anything', async () => {
    expect((await post(receiver.url('/elsewhere'), {}, body)).status).toBe(404);
    expect(receiver.strays).toEqual([{ method: 'POST', path: '/elsewhere' }]);
  });

  it('takes a thousand signed requests over a few connections', async () => {
    const inbox = receiver.expect('/hook', { secret });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const headers = signed('evt_1', body);
    await Promise.all(
      Array.from({ length: 1_000 }, () => post(receiver.url('/hook'), headers, body, { agent })),
    );
    agent.destroy();
    expect(inbox.requests).toHaveLength(1_000);
    expect(inbox.attemptsOf('evt_1')).toBe(1_000);
    expect(inbox.badSignatures).toBe(0);
  });
});
