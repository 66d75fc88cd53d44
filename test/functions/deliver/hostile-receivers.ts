import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** Called with each connection; `reset` breaks it off. */
type Speak = (socket: Socket, reset: () => void) => void;

/** A receiver that means harm, or is broken, and what an attempt at it must come to. */
export interface HostileReceiver {
  name: string;
  speak: Speak;
  /** `delivered`, or the reason why not. */
  outcome: string;
  /** Null when none came. */
  status: number | null;
}

const ok = 'HTTP/1.1 200 OK\r\n';

/** Says this once the request has come, which is longer than one packet never. */
const answer =
  (...parts: (string | Uint8Array)[]) =>
  (socket: Socket): void => {
    socket.once('data', () => {
      for (const part of parts) socket.write(part);
    });
  };

const answerAndEnd = (text: string) => (socket: Socket) => socket.once('data', () => socket.end(text));

/** Sends the text once the request has come, then breaks the connection. */
const answerAndReset =
  (text: string): Speak =>
  (socket, reset) =>
    socket.once('data', () => {
      if (text === '') reset();
      // A reset overtakes what the other side has not read.
      else socket.write(text, () => setTimeout(reset, 20));
    });

/** Says `first`, then `again` for ever: at once as fast as it is taken, or every `everyMs`. */
const answerForEver = (first: string, again: string | Uint8Array, everyMs?: number) => (socket: Socket) =>
  socket.once('data', () => {
    socket.write(first);
    if (everyMs !== undefined) {
      const drip = setInterval(() => socket.write(again), everyMs);
      socket.on('close', () => clearInterval(drip));
      return;
    }
    const more = () => {
      while (!socket.destroyed && socket.write(again));
    };
    socket.on('drain', more);
    more();
  });

const endless = {
  'body of a stated length': answerForEver(`${ok}content-length: 99999999999\r\n\r\n`, 'x'.repeat(65_536)),
  'body without a length': answerForEver(`${ok}\r\n`, 'x'.repeat(65_536)),
  'chunked body': answerForEver(
    `${ok}transfer-encoding: chunked\r\n\r\n`,
    `8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(2),
  ),
  'body of chunks of one byte': answerForEver(
    `${ok}transfer-encoding: chunked\r\n\r\n`,
    '1\r\nx\r\n'.repeat(9_000),
  ),
};

const bomb = gzipSync(Buffer.alloc(32 * 1_048_576), { level: 9 });

const receivers: [outcome: string, status: number | null, Record<string, Speak>][] = [
  ['delivered', 200, endless],
  [
    'delivered',
    200,
    {
      'gzip bomb that is taken as it is': answer(
        `${ok}content-encoding: gzip\r\ncontent-length: ${bomb.byteLength}\r\n\r\n`,
        bomb,
      ),
      'wrong encoding': answerAndEnd(
        `${ok}content-encoding: br, gzip, nonsense\r\ncontent-length: 2\r\n\r\nhi`,
      ),
      'answer of HTTP/1.0 that ends with its connection': answerAndEnd('HTTP/1.0 200 OK\r\n\r\nhi'),
      'answer of HTTP/1.0 with keep-alive': answer(
        'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi',
      ),
      'answer without a reason phrase': answerAndEnd('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
      'more body than stated': answer(`${ok}content-length: 2\r\n\r\nhi, and this is too much`),
      'second answer nobody asked for': answer(
        `${ok}content-length: 0\r\n\r\n${ok}content-length: 0\r\n\r\n`,
      ),
      'a few interim answers': answer(
        `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)}HTTP/1.1 103 Early Hints\r\n\r\n${ok}content-length: 0\r\n\r\n`,
      ),
      'answer before it was asked': (socket) => socket.write(`${ok}content-length: 0\r\n\r\n`),
    },
  ],
  [
    'timeout',
    null,
    {
      silence: () => {},
      'silence after the request': answer(''),
      'header block that drips': answerForEver(ok, 'x-a: b\r\n', 20),
      'status line that drips': answerForEver('HTTP/1.1 2', '0', 10_000),
      'interim answers that drip': answerForEver('', 'HTTP/1.1 102 Processing\r\n\r\n', 100),
      'status 199, which is no answer yet': answer('HTTP/1.1 199 No\r\ncontent-length: 0\r\n\r\n'),
      'header block without its end': answer(`${ok}content-length: 0\r\n`),
    },
  ],
  [
    'timeout',
    200,
    {
      'body that drips': answerForEver(`${ok}content-length: 99999\r\n\r\n`, '.', 20),
      'body that never comes': answer(`${ok}content-length: 10\r\n\r\n`),
      'chunk that never ends': answer(`${ok}transfer-encoding: chunked\r\n\r\nff\r\nhi`),
      'last chunk that never comes': answer(`${ok}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n`),
      'trailers that drip': answerForEver(`${ok}transfer-encoding: chunked\r\n\r\n0\r\n`, 'x-a: b\r\n', 20),
      'half a length and a connection left open': answer(`${ok}content-length: 10\r\n\r\nhello`),
    },
  ],
  [
    'connection_reset',
    null,
    {
      'reset at once': (_, reset) => reset(),
      'end at once': (socket) => socket.end(),
      'end for its part before it has read': (socket) => socket.once('data', () => socket.end()),
      'reset after the request': answerAndReset(''),
      'reset within the status line': answerAndReset('HTTP/1.1 20'),
      'reset within the headers': answerAndReset(`${ok}x-a: `),
      'end within the headers': answerAndEnd(`${ok}x-a: b\r\n`),
    },
  ],
  [
    'connection_reset',
    200,
    {
      'reset before the body': answerAndReset(`${ok}content-length: 10\r\n\r\n`),
      'reset within the body': answerAndReset(`${ok}content-length: 10\r\n\r\nhello`),
      'end within the body': answerAndEnd(`${ok}content-length: 10\r\n\r\nhello`),
      'end within a chunk': answerAndEnd(`${ok}transfer-encoding: chunked\r\n\r\nff\r\nhi`),
      'end without the last chunk': answerAndEnd(`${ok}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n`),
    },
  ],
  [
    'protocol_error',
    null,
    {
      'another protocol': answerAndEnd('220 mail.example ESMTP\r\n'),
      'HTTP/0.9': answerAndEnd('<html>hello</html>'),
      'HTTP/2 preface': answer(Buffer.from('00000604000000000000040000ffff', 'hex')),
      'bytes by chance': answer(Buffer.from('8f3c00ff17a2c95e0d0a0d0a', 'hex')),
      'wide header': answer(`${ok}x-wide: ${'w'.repeat(70_000)}\r\n\r\n`),
      'endless header': answerForEver(`${ok}x-wide: `, 'w'.repeat(65_536)),
      'endless headers': answerForEver(ok, 'x-a: b\r\n'.repeat(1_000)),
      'header name without an end': answerForEver(ok, 'w'.repeat(65_536)),
      'endless status line': answerForEver('HTTP/1.1 200 ', 'w'.repeat(65_536)),
      'endless interim answers': answerForEver('', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000)),
      'endless answers to go on': answerForEver('', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)),
      'endless empty lines': answerForEver('', '\r\n'.repeat(32_768)),
      'endless ends of lines': answerForEver('', '\n'.repeat(65_536)),
      'endless blanks before a value': answerForEver(`${ok}x-a:`, ' '.repeat(65_536)),
      'endless tabs before a value': answerForEver(`${ok}x-a:`, '\t'.repeat(65_536)),
      'upgrade nobody asked for': answer(
        'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx',
      ),
      'two different lengths': answer(`${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nhi`),
      'length that is no number': answer(`${ok}content-length: many\r\n\r\nhi`),
      'negative length': answer(`${ok}content-length: -1\r\n\r\nhi`),
      'length beyond 64 bits': answer(`${ok}content-length: 99999999999999999999999\r\n\r\nhi`),
      'length and chunks (smuggling)': answer(
        `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      ),
      'header folded onto a line without a name': answer(`${ok}: nothing\r\n\r\n`),
      'header with NUL': answer(`${ok}x-a: a\0b\r\ncontent-length: 0\r\n\r\n`),
      'status of two digits': answer('HTTP/1.1 20 OK\r\n\r\n'),
      'status of four digits': answer('HTTP/1.1 2000 OK\r\n\r\n'),
      'status of letters': answer('HTTP/1.1 abc OK\r\n\r\n'),
      'negative status': answer('HTTP/1.1 -200 OK\r\n\r\n'),
      'version that does not exist': answer('HTTP/9.9 200 OK\r\n\r\n'),
    },
  ],
  [
    'protocol_error',
    200,
    {
      'chunk size that is no number': answer(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n`),
      'chunk size beyond 64 bits': answer(`${ok}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhi`),
      'negative chunk size': answer(`${ok}transfer-encoding: chunked\r\n\r\n-2\r\nhi\r\n`),
      'chunk longer than its size': answer(`${ok}transfer-encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n`),
      'endless chunk extension': answerForEver(
        `${ok}transfer-encoding: chunked\r\n\r\n1;`,
        'a=b;'.repeat(9_000),
      ),
      'endless zeros before a chunk size': answerForEver(
        `${ok}transfer-encoding: chunked\r\n\r\n`,
        '0'.repeat(65_536),
      ),
      'endless trailers': answerForEver(
        `${ok}transfer-encoding: chunked\r\n\r\n0\r\n`,
        'x-a: b\r\n'.repeat(1_000),
      ),
    },
  ],
  ['http_999', 999, { 'status 999': answer('HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n') }],
  ['http_0', 0, { 'status 000': answer('HTTP/1.1 000 No\r\ncontent-length: 0\r\n\r\n') }],
  ['http_600', 600, { 'status 600': answer('HTTP/1.1 600 No\r\ncontent-length: 0\r\n\r\n') }],
  [
    'http_500',
    500,
    { 'failure with an endless body': answerForEver('HTTP/1.1 500 No\r\n\r\n', 'x'.repeat(65_536)) },
  ],
  [
    'redirect',
    302,
    {
      'redirect to a login page': answer(
        'HTTP/1.1 302 Found\r\nlocation: https://sso.partner.example/login\r\ncontent-length: 0\r\n\r\n',
      ),
    },
  ],
];

export const hostileReceivers: readonly HostileReceiver[] = receivers.flatMap(([outcome, status, all]) =>
  Object.entries(all).map(([name, speak]) => ({ name, speak, outcome, status })),
);
