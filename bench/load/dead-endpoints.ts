import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { firstLine } from './first-line.ts';

/** Where nobody listens: connections are refused at once. */
export async function refusedUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
}

/** Listens with the shortest queue and never accepts, since it never comes back to its event loop. */
const listenAndBlock = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  require('node:fs').writeSync(1, this.address().port + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;

/** What a firewall that drops packets looks like: connections are neither made nor refused. */
export async function startBlackHole(): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, ['-e', listenAndBlock], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await firstLine(child.stdout));
  // What fits into its queue of connections; Linux drops the first packet of any further one.
  const fillers: Socket[] = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: () => {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}
