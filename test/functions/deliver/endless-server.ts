import { createServer, type AddressInfo } from 'node:net';
import { hostileReceivers } from './hostile-receivers.ts';

/**
 * A process of its own, so that its memory is not taken for the sender's. Listens once for each hostile receiver that
 * never stops sending, prints `[name, port]` pairs as JSON, and ends with its standard input.
 */
const endless = hostileReceivers.filter(
  ({ name, outcome }) => outcome !== 'timeout' && /endless|bomb|^body|^chunked body/.test(name),
);
const listening = endless.map(async ({ name, speak }): Promise<[string, number]> => {
  const server = createServer((socket) =>
    speak(
      socket.on('error', () => {}),
      () => socket.resetAndDestroy(),
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  return [name, typeof address === 'object' && address !== null ? address.port : 0];
});
process.stdout.write(`${JSON.stringify(await Promise.all(listening))}\n`);
process.stdin.resume().on('end', () => process.exit());
