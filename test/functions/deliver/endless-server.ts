import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import * as z from 'zod';
import { hostileReceivers } from './hostile-receivers.ts';

/**
 * A process of its own, so that its memory is not taken for the sender's. Listens once for each hostile receiver that
 * never stops sending, by TLS if its argument is a certificate, prints `[name, port]` pairs as JSON, and ends with its
 * standard input.
 */
const [, , argument] = process.argv;
const tls =
  argument === undefined ? null : z.object({ cert: z.string(), key: z.string() }).parse(JSON.parse(argument));

const endless = hostileReceivers.filter(
  ({ name, outcome }) => outcome !== 'timeout' && /endless|bomb|^body|^chunked body/.test(name),
);
const listening = endless.map(async ({ name, speak }): Promise<[string, number]> => {
  const accept = (socket: Socket) =>
    speak(
      socket.on('error', () => {}),
      () => socket.destroy(),
    );
  const server = tls === null ? createServer(accept) : createTlsServer(tls, accept);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  return [name, typeof address === 'object' && address !== null ? address.port : 0];
});
process.stdout.write(`${JSON.stringify(await Promise.all(listening))}\n`);
process.stdin.resume().on('end', () => process.exit());
