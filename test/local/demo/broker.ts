import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';

/** A broker that lets each client speak and listen under its own name only. */
export interface Broker {
  aedes: Aedes;
  /** Of every connection that was made. */
  sockets: Socket[];
  url: string;
  stop(): Promise<void>;
  /** What was published on events topics, in order. */
  published: { topic: string; clientId: string; payload: string }[];
}

export async function startBroker(): Promise<Broker> {
  const published: Broker['published'] = [];
  const aedes = await Aedes.createBroker({
    authorizePublish(client, packet, callback) {
      if (client !== null && !packet.topic.startsWith(`towers/${client.id}/`)) {
        callback(new Error('not its own topic'));
        return;
      }
      published.push({
        topic: packet.topic,
        clientId: client?.id ?? '',
        payload: packet.payload.toString(),
      });
      callback(null);
    },
    authorizeSubscribe(client, subscription, callback) {
      callback(null, subscription.topic.startsWith(`towers/${client.id}/`) ? subscription : null);
    },
  });
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  const { port } = address;
  return {
    aedes,
    sockets,
    published,
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
