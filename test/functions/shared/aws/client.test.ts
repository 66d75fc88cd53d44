import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { AwsClientOptions } from '../../../../functions/shared/aws/client.ts';
import {
  AwsError,
  createDocuments,
  GetCommand,
  TransactWriteCommand,
} from '../../../../functions/shared/aws/documents.ts';
import { createTransport } from '../../../../functions/shared/aws/transport.ts';

/** What a server does with its n-th request, from 0. */
type Behaviour = (
  response: ServerResponse,
  request: { body: string; message: IncomingMessage },
) => void | Promise<void>;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Answers with one behaviour after the other, and then with the last of them for good. */
async function startServer(...behaviours: [Behaviour, ...Behaviour[]]) {
  const requests: { body: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((message, response) => {
    void (async () => {
      const body = await text(message);
      const behaviour = behaviours[requests.length] ?? behaviours.at(-1);
      requests.push({ body, headers: message.headers });
      await behaviour?.(response, { body, message });
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listens on no port');
  return { requests, endpoint: `http://127.0.0.1:${address.port}` };
}

/** A client that never really waits between tries: `pauses` are what it would have waited. */
function connect(endpoint: string, options: AwsClientOptions = {}) {
  const pauses: number[] = [];
  const documents = createDocuments({
    endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    random: () => 1,
    pause: async (ms) => void pauses.push(ms),
    ...options,
  });
  closing.push(() => documents.destroy());
  const get = () => documents.send(new GetCommand({ TableName: 'table', Key: { pk: 'a' } }));
  return { documents, get, pauses };
}

const failure = async (work: Promise<unknown>): Promise<AwsError> => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (error instanceof AwsError) return error;
  throw new Error('it did not fail with an AwsError', { cause: error });
};

const say =
  (status: number, body: string, headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);
const refuse = (type: string, status = 400) =>
  say(status, JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'no' }));
const found = say(200, JSON.stringify({ Item: { pk: { S: 'a' } } }));
const reset: Behaviour = (_, { message }) => void message.socket.resetAndDestroy();
const cutShort: Behaviour = (response, { message }) => {
  response.writeHead(200, { 'content-length': '1000' }).write('{"Item"', () => message.socket.destroy());
};
/** Goes on for ever. */
const drip: Behaviour = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 10);
  response.on('close', () => clearInterval(timer));
};
const silence: Behaviour = () => {};

describe('a request that fails for the moment', () => {
  it.each<[string, Behaviour]>([
    ['throttled', refuse('ThrottlingException')],
    ['beyond the throughput', refuse('ProvisionedThroughputExceededException')],
    ['too many', refuse('RequestLimitExceeded')],
    ['an earlier try is at work', refuse('TransactionInProgressException')],
    ['a transaction is in the way', refuse('TransactionConflictException')],
    ['status 429', say(429, '')],
    ['an error of the service', refuse('InternalServerError', 500)],
    ['a proxy without a backend', say(502, '<html>Bad Gateway</html>', { 'content-type': 'text/html' })],
    ['unavailable', say(503, '')],
    ['reset', reset],
    ['cut short', cutShort],
    ['signed too long ago', refuse('RequestTimeTooSkewed')],
  ])('is sent again: %s', async (_, behaviour) => {
    const { requests, endpoint } = await startServer(behaviour, behaviour, behaviour, found);
    expect(await connect(endpoint).get()).toMatchObject({ Item: { pk: 'a' } });
    expect(requests).toHaveLength(4);
  });

  it('is sent four times at most, and the error says how often', async () => {
    const { requests, endpoint } = await startServer(refuse('ThrottlingException'));
    expect(await failure(connect(endpoint).get())).toMatchObject({
      name: 'ThrottlingException',
      statusCode: 400,
      retryable: true,
      attempts: 4,
    });
    expect(requests).toHaveLength(4);
  });

  it('waits twice as long each time, longer when throttled, and at random', async () => {
    const { endpoint: broken } = await startServer(say(500, ''));
    const { endpoint: throttled } = await startServer(refuse('ThrottlingException'));
    const [first, second] = [connect(broken), connect(throttled)];
    const third = connect(throttled, { random: () => 0.5 });
    for (const { get } of [first, second, third]) await failure(get());
    expect([first.pauses, second.pauses, third.pauses]).toEqual([
      [50, 100, 200],
      [1_000, 2_000, 4_000],
      [500, 1_000, 2_000],
    ]);
  });

  it('is signed anew', async () => {
    const { requests, endpoint } = await startServer(async (response) => {
      // The signature holds the second.
      const second = Math.floor(Date.now() / 1_000);
      while (Math.floor(Date.now() / 1_000) === second) await new Promise(setImmediate);
      response.writeHead(500).end();
    }, found);
    await connect(endpoint).get();
    const [first, second] = requests.map(({ headers }) => headers.authorization);
    expect(second).not.toBe(first);
  });

  it('that is a transaction keeps its token', async () => {
    const { requests, endpoint } = await startServer(
      reset,
      refuse('TransactionInProgressException'),
      say(200, '{}'),
    );
    const { documents } = connect(endpoint);
    const Put = { TableName: 'table', Item: { pk: 'a' } };
    for (let n = 0; n < 2; n += 1)
      await documents.send(new TransactWriteCommand({ TransactItems: [{ Put }] }));
    const tokens = requests.map(({ body }) => /"ClientRequestToken":"([\w-]{36})"/.exec(body)?.[1]);
    expect(tokens[0]).toBeDefined();
    expect(tokens.slice(1, 3)).toEqual([tokens[0], tokens[0]]);
    expect(tokens[3]).not.toBe(tokens[0]);
  });
});

describe('a request that would fail again', () => {
  it.each<[string, string, Behaviour]>([
    ['refused', 'ValidationException', refuse('ValidationException')],
    ['not allowed', 'AccessDeniedException', refuse('AccessDeniedException')],
    ['wrongly signed', 'InvalidSignatureException', refuse('InvalidSignatureException', 403)],
    ['answered by something else', 'UnreadableAnswer', say(200, '<html>Sign in</html>')],
    ['answered with another shape', 'UnreadableAnswer', say(200, '{"Item":"a"}')],
    ['redirected', 'UnreadableAnswer', say(302, '', { location: 'http://127.0.0.1:1/' })],
  ])('is sent once: %s', async (_, name, behaviour) => {
    const { requests, endpoint } = await startServer(behaviour);
    expect(await failure(connect(endpoint).get())).toMatchObject({ name, retryable: false, attempts: 1 });
    expect(requests).toHaveLength(1);
  });

  it('names the request for AWS support', async () => {
    const { endpoint } = await startServer(
      say(400, '{"__type":"X#ValidationException","Message":"why"}', { 'x-amzn-requestid': 'R1' }),
    );
    expect(await failure(connect(endpoint).get())).toMatchObject({ message: 'why', requestId: 'R1' });
  });

  it('that came too large is not held in memory', async () => {
    const { endpoint } = await startServer((response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    });
    const limits = { connectTimeoutMs: 5_000, requestTimeoutMs: 5_000, maxAnswerBytes: 1_000_000 };
    const transport = createTransport({ endpoint: new URL(endpoint), ...limits });
    closing.push(() => transport.close());
    const sending = transport.send({ path: '/', headers: {}, body: '{}' });
    expect(await failure(sending)).toMatchObject({ name: 'AnswerTooLarge', retryable: false });
  });
});

describe('a service that does not answer', () => {
  const quick = { connectTimeoutMs: 60, requestTimeoutMs: 120 };

  it('is given up after the request’s time, and tried again', async () => {
    const { requests, endpoint } = await startServer(silence, found);
    expect(await connect(endpoint, quick).get()).toMatchObject({ Item: { pk: 'a' } });
    expect(requests).toHaveLength(2);
  });

  it('is given up, too, when it never comes to the end of its answer', async () => {
    const { endpoint } = await startServer(drip);
    expect(await failure(connect(endpoint, quick).get())).toMatchObject({
      name: 'TimeoutError',
      attempts: 4,
    });
  });

  it('that answers slowly but in time is not given up', async () => {
    const { requests, endpoint } = await startServer((response, request) => {
      setTimeout(() => void found(response, request), 150);
    });
    await connect(endpoint, { connectTimeoutMs: 50, requestTimeoutMs: 5_000 }).get();
    expect(requests).toHaveLength(1);
  });

  it('and takes no connection is given up after the time for that', async () => {
    // Documentation addresses (RFC 5737) lead nowhere: no answer where they are dropped, an error where refused.
    const { get } = connect('http://192.0.2.1:9', { ...quick, requestTimeoutMs: 60_000, maxAttempts: 1 });
    expect(['TimeoutError', 'NetworkError']).toContain((await failure(get())).name);
  });

  it('is not hammered: retries end when their quota is spent, and come back with success', async () => {
    let isDown = true;
    const { requests, endpoint } = await startServer((response, request) =>
      (isDown ? say(500, '') : found)(response, request),
    );
    const { get } = connect(endpoint);
    for (let n = 0; n < 100; n += 1) await failure(get());
    // 500 of quota, 14 a retry.
    expect(requests).toHaveLength(100 + 35);
    expect(await failure(get())).toMatchObject({ attempts: 1 });
    isDown = false;
    for (let n = 0; n < 20; n += 1) await get();
    isDown = true;
    expect((await failure(get())).attempts).toBeGreaterThan(1);
  });
});

describe('connections', () => {
  it('are kept for the next request', async () => {
    const sockets = new Set<Socket>();
    const { endpoint } = await startServer((response, request) => {
      sockets.add(request.message.socket);
      return found(response, request);
    });
    const { get } = connect(endpoint);
    for (let n = 0; n < 5; n += 1) await get();
    expect(sockets.size).toBe(1);
  });

  it('that were closed while nobody looked cost no waiting', async () => {
    const open = new Set<Socket>();
    let requests = 0;
    // Takes one request on each connection, and resets it when the next one comes: as after a freeze.
    const server = createTcpServer((socket) => {
      open.add(socket);
      let isUsed = false;
      socket.on('error', () => {});
      socket.on('data', () => {
        if (isUsed) return void socket.resetAndDestroy();
        isUsed = true;
        requests += 1;
        const body = '{"Item":{"pk":{"S":"a"}}}';
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('listens on no port');
    const { get, pauses } = connect(`http://127.0.0.1:${address.port}`);
    await get();
    await get();
    expect(requests).toBe(2);
    expect(pauses).toEqual([0]);
  });
});
