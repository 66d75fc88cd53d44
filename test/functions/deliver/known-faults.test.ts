import { createHash, createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { makeAttempt, type AttemptInput } from '../../../functions/deliver/attempt.ts';
import { contracts } from '../../../functions/deliver/contracts/index.ts';
import type { Resolve } from '../../../functions/deliver/guarded-lookup.ts';
import { formatDeliveryTask, parseDeliveryTask } from '../../../functions/shared/delivery-task.ts';
import { nextDelayMs } from '../../../functions/shared/retry-schedule.ts';
import { AttemptSchema, type Attempt } from '../../../schemas/delivery.ts';
import { RetryScheduleSchema } from '../../../schemas/endpoint.ts';
import { makeEndpoint, makeEvent, makeTask } from '../../helpers/deliveries.ts';
import { knowing, newClient, serve, serveRaw, type ClientOverrides } from './listening.ts';
import { nowMs, signingSecret } from './world.ts';

/** Faults that other webhook senders have had, each over real sockets. */
interface Changes extends Partial<Omit<AttemptInput, 'endpoint'>> {
  url: string;
  now?: number;
  client?: ClientOverrides;
}

const older = `whsec_${Buffer.alloc(32, 'older').toString('base64')}`;

function attempt({ url, now = Date.now(), client, ...input }: Changes) {
  return makeAttempt(
    { http: newClient(client), now: () => now },
    {
      number: 1,
      event: makeEvent(),
      endpoint: { url },
      rendering: { method: 'POST', headers: {}, body: Buffer.from('{}') },
      secrets: { signingKeys: [{ key: signingSecret, notAfter: null }], auth: { type: 'none' } },
      ...input,
    },
  );
}

const isRetried = (attemptsMade: number) =>
  nextDelayMs({ scheduleSeconds: [0, 5], attemptsMade, retryAfterMs: null, random: () => 0.5 }) !== null;

/** A partner whose name can't be resolved. */
const unresolved = (code: string, syscall: string) => {
  const error = Object.assign(new Error(code), { code, syscall });
  const resolve: Resolve = (_, __, callback) => process.nextTick(callback, error, []);
  return attempt({ url: 'http://partner.test/', client: { resolve } });
};

/** How many keys sign at a time, when the older one ends at `notAfterMs`. */
async function signaturesAt(now: number, notAfterMs: number): Promise<number | undefined> {
  const seen: string[] = [];
  const { url } = await serve((request, response) => {
    seen.push(String(request.headers['webhook-signature']));
    response.end();
  });
  const signingKeys = [
    { key: signingSecret, notAfter: null },
    { key: older, notAfter: new Date(notAfterMs).toISOString() },
  ];
  await attempt({ url, now, secrets: { signingKeys, auth: { type: 'none' } } });
  return seen[0]?.split(' ').length;
}

describe('a response body read without limit or deadline', () => {
  it('is read up to 16 kB, and the connection is cut', async () => {
    const cut = Promise.withResolvers<void>();
    const url = await serveRaw((socket) => {
      socket.on('close', () => cut.resolve());
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    const { attempt: made, verdict } = await attempt({ url });
    await cut.promise;
    expect(verdict).toEqual({ kind: 'delivered' });
    expect(made.responseSha256).toBe(createHash('sha256').update('x'.repeat(16_384)).digest('hex'));
  });

  it('ends at the deadline of its attempt, and is no success then', async () => {
    const url = await serveRaw((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow'));
    const { attempt: made, verdict } = await attempt({ url, client: { timeoutMs: 150 } });
    expect(verdict).toMatchObject({ kind: 'retry', reason: 'timeout' });
    expect(made.durationMs).toBeLessThan(1_500);
  });
});

describe('a 302 to a login page counted as delivered', () => {
  it('is a failure, and the page is not asked for', async () => {
    const asked: unknown[] = [];
    const { url } = await serve((request, response) => {
      asked.push(request.url);
      if (request.url === '/login') response.end('<h1>Sign in</h1>');
      else response.writeHead(302, { location: '/login' }).end();
    });
    const { attempt: made, verdict } = await attempt({ url });
    expect(verdict).toMatchObject({ kind: 'retry', reason: 'redirect' });
    expect(made).toMatchObject({ outcome: 'failed', status: 302, reason: 'redirect' });
    expect(asked).toEqual(['/hook?a=1']);
  });
});

describe('connection and DNS errors not retried', () => {
  it.each([
    ['ENOTFOUND', 'queryA', 'dns_not_found'],
    ['ENODATA', 'queryA', 'dns_not_found'],
    ['ESERVFAIL', 'queryA', 'dns_failed'],
    ['ETIMEOUT', 'queryAaaa', 'dns_failed'],
    ['ECONNREFUSED', 'queryA', 'dns_failed'],
  ])('%s of %s is retried as %s', async (code, syscall, reason) => {
    const { verdict } = await unresolved(code, syscall);
    expect(verdict).toEqual({ kind: 'retry', reason, retryAfterMs: null });
    expect(isRetried(1)).toBe(true);
  });

  it('a port where nobody listens, and a connection that is reset, are retried', async () => {
    const url = await serveRaw((socket) => socket.resetAndDestroy());
    expect((await attempt({ url })).verdict).toMatchObject({ kind: 'retry', reason: 'connection_reset' });
    const { resolve } = knowing({ 'partner.test': ['127.0.0.1'] });
    const { verdict } = await attempt({ url: 'http://partner.test:1/', client: { resolve } });
    expect(verdict).toMatchObject({ kind: 'retry', reason: 'connection_refused' });
  });
});

describe('a large response that overflows the queue message and is retried for ever', () => {
  const hostile: [string, Buffer][] = [
    ['one letter', Buffer.alloc(16_384, 'x')],
    ['wide characters', Buffer.from('\u{1F600}漢ÿ'.repeat(2_000))],
    ['bytes that are no text', Buffer.alloc(16_384, 0xff)],
    ['NUL, which JSON writes as six characters', Buffer.alloc(16_384)],
    ['quotes and backslashes', Buffer.alloc(16_384, '"\\')],
    ['characters that SQS refuses', Buffer.from('\uFFFF\uFFFE\u0001\u001B'.repeat(2_000))],
    ['halves of surrogate pairs', Buffer.from('eda080edb080'.repeat(2_000), 'hex')],
  ];

  it.each(hostile)('%s', async (_, body) => {
    const { url } = await serve((__, response) => response.writeHead(500).end(body));
    const { attempt: made } = await attempt({ url });
    expect(Buffer.byteLength(made.responseExcerpt ?? '')).toBeLessThanOrEqual(1_024);
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    expect(made.responseExcerpt).toMatch(/^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]+$/u);
    expect(AttemptSchema.parse(made)).toEqual(made);
    // The longest schedule, each attempt of which was answered so; a message may have 1 MiB.
    const attempts: Attempt[] = Array.from({ length: 20 }, () => made);
    expect(RetryScheduleSchema.safeParse(Array.from({ length: 21 }, () => 1)).success).toBe(false);
    const message = formatDeliveryTask(makeTask({ attempts }));
    expect(Buffer.byteLength(message)).toBeLessThan(100_000);
    expect(parseDeliveryTask(message).attempts).toEqual(attempts);
  });
});

describe('a rotated key that goes on signing long after its stated expiry', () => {
  it('signs until its last millisecond and never after, though the keys are cached', async () => {
    expect(await signaturesAt(nowMs, nowMs + 1)).toBe(2);
    expect(await signaturesAt(nowMs, nowMs)).toBe(1);
    expect(await signaturesAt(nowMs + 86_400_000, nowMs)).toBe(1);
  });
});

describe('a signature over a body that is serialised again for sending', () => {
  it.each([
    [
      'what a JSON parser and its writer would change',
      '{ "a": 1.0, "b": "\\u00e9\\/", "a": 2,\r\n "c": 1e2 }\n',
    ],
    ['numbers that they would round', '{"a":12345678901234567890,"b":0.10,"c":-0}'],
    ['what is no JSON', '{"a":'],
    ['what is no text', Buffer.from('7b22613a22ff00c328227d', 'hex')],
  ])('is over the bytes that arrive, to the byte: %s', async (_, text) => {
    const body = Buffer.from(text);
    const received = await receiveOnce({ method: 'POST', headers: {}, body });
    expect(received.body.equals(body)).toBe(true);
    expect(signs(received)).toBe(true);
    expect(received.made.requestSha256).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it.each(['standard', 'cloudevents', 'reservation-status'] as const)(
    'is over the bytes that arrive, to the byte, of the contract %s',
    async (contract) => {
      const event = makeEvent({
        data: {
          ...JSON.parse(JSON.stringify(makeEvent().data)),
          docNumber: 'é\u2028\u{1F600}</script>\\u00e9',
          unitId: '1.0',
        },
      });
      const rendering = contracts[contract](event, makeEndpoint({ contract }), {
        operatorTimeZone: 'UTC',
      });
      if (rendering === null) throw new Error('nothing to send');
      const received = await receiveOnce(rendering, event);
      expect(received.body.equals(rendering.body)).toBe(true);
      expect(() => new Webhook(signingSecret).verify(received.body, received.headers)).not.toThrow();
      expect(signs(received)).toBe(true);
    },
  );
});

interface Received {
  body: Buffer;
  headers: Record<string, string>;
}

/** Sends it once; what arrived, and what is on record of it. */
async function receiveOnce(rendering: AttemptInput['rendering'], event = makeEvent()) {
  const received = Promise.withResolvers<Received>();
  const { url } = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
      const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
      received.resolve({ body: Buffer.concat(chunks), headers });
      response.end();
    });
  });
  const { attempt: made } = await attempt({ url, event, rendering });
  return { ...(await received.promise), made };
}

/** As Standard Webhooks has it, over bytes: its library verifies text that is JSON only. */
function signs({ body, headers }: Received): boolean {
  const signed = Buffer.concat([
    Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`),
    body,
  ]);
  const key = Buffer.from(signingSecret.slice('whsec_'.length), 'base64');
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
