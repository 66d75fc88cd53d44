import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import * as z from 'zod';
import { StartError } from '../start-error.ts';

const AddressSchema = z.object({ port: z.number() });
const ErrnoSchema = z.object({ code: z.string() });

/** Listens on 127.0.0.1; 0 picks a free port. Throws StartError, which names the option, if the port is taken. */
export async function listen(server: Server, port: number, option: string): Promise<number> {
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = ErrnoSchema.catch({ code: 'unknown error' }).parse(error);
    const why = code === 'EADDRINUSE' ? 'is taken' : `can't be used (${code})`;
    throw new StartError(
      'port_taken',
      `port ${port} ${why}: choose another with ${option} PORT, or ${option} 0 for a free one`,
      { cause: error },
    );
  }
  return AddressSchema.parse(server.address()).port;
}

/** A port that was free a moment ago, for an engine that can't choose its own. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0, '');
  server.close();
  await once(server, 'close');
  return port;
}

/** Throws as `listen` would, before anything else was started in vain. */
export async function probePort(port: number, option: string): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await listen(server, port, option);
  server.close();
  await once(server, 'close');
}
