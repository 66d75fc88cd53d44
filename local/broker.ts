import { createServer, type Server } from 'node:net';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { listen } from './engines/free-port.ts';
import type { Publication } from './engines/iot-data.ts';
import { type IotPolicy, isThingName } from './iot-policy.ts';
import type { Rules } from './topic-rule.ts';

export interface BrokerOptions {
  readonly port: number;
  readonly policy: IotPolicy;
  readonly rules: Rules;
  readonly log: (line: string) => void;
}

export interface Broker {
  readonly address: string;
  /** Publishes for the IoT data plane, where no policy of a thing applies. Resolves when the rules are done. */
  publish(publication: Publication): Promise<void>;
  /** Closes all connections, then waits for the messages whose rules are running. */
  stop(): Promise<void>;
}

/** Limits of IoT Core. Source: "AWS IoT Core message broker and protocol limits and quotas". */
const maxPayloadBytes = 128 * 1024;
const maxUnacknowledged = 100;

/**
 * MQTT 3.1.1 on 127.0.0.1. Every client is the thing that its client id names, and may do what the policy says;
 * whatever else it publishes closes its connection, as at AWS. A QoS 1 message is acknowledged when its rules have
 * committed or parked it, and never otherwise, so that the tower sends it again.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const running = new Set<Promise<void>>();
  const track = (work: Promise<void>): Promise<void> => {
    running.add(work);
    return work.finally(() => running.delete(work));
  };
  const aedes = await Aedes.createBroker();
  const publications = new Publications(options, track);
  configure(aedes, options, publications);
  const server = createServer((socket) => {
    aedes.handle(socket);
  });
  const port = await listen(server, options.port, '--mqtt-port');
  return {
    address: `mqtt://127.0.0.1:${port}`,
    publish: async (publication) => {
      await forward(aedes, publication);
      await track(options.rules(publication, 'iot-data'));
    },
    stop: async () => {
      await stop(server, aedes);
      await Promise.allSettled(running);
    },
  };
}

function configure(aedes: Aedes, { policy }: BrokerOptions, publications: Publications): void {
  aedes.authenticate = ({ id }, _username, _password, done) => {
    if (!isThingName(id)) done(refusal(`client id ${JSON.stringify(id)} can't name a thing`, 2), false);
    else if (!policy(id, 'iot:Connect', `client/${id}`))
      done(refusal(`the policy does not let ${id} connect`, 5), false);
    else done(null, true);
  };
  aedes.authorizePublish = (client, packet, done) => {
    if (client) publications.receive(client, packet, done);
    // Without a client it is a will that outlived its broker, or our own publication.
    else done(null);
  };
  aedes.authorizeSubscribe = (client, subscription, done) =>
    // Null is the SUBACK's failure code.
    done(null, policy(client.id, 'iot:Subscribe', `topicfilter/${subscription.topic}`) ? subscription : null);
  aedes.authorizeForward = (client, packet) =>
    policy(client.id, 'iot:Receive', `topic/${packet.topic}`) ? packet : null;
}

/** Return codes of CONNACK: 2 is "identifier rejected", 5 "not authorized". */
const refusal = (message: string, returnCode: 2 | 5) => Object.assign(new Error(message), { returnCode });

type Done = (error?: Error | null) => void;

/** What towers publish, on its way to the rules. */
class Publications {
  readonly #options: BrokerOptions;
  readonly #track: (work: Promise<void>) => Promise<void>;
  /** Unacknowledged messages by client, and who waits for one of them to end. */
  readonly #inFlight = new WeakMap<Client, { count: number; readonly waiting: (() => void)[] }>();

  constructor(options: BrokerOptions, track: (work: Promise<void>) => Promise<void>) {
    this.#options = options;
    this.#track = track;
  }

  /**
   * aedes reads no further from a connection until `done`, and acknowledges right after it. So it gets the message as
   * QoS 0 and goes on reading, pings included, while the PUBACK waits here for the rules. MQTT's order of PUBACKs is
   * not kept, nor is it at AWS.
   */
  receive(client: Client, packet: PublishPacket, done: Done): void {
    const refusal = this.#refuse(client, packet);
    if (refusal !== undefined) {
      this.#options.log(`refused a publication of ${client.id}: ${refusal}`);
      done(new Error(refusal));
      return;
    }
    const publication: Publication = {
      topic: packet.topic,
      payload: Buffer.from(packet.payload),
      qos: packet.qos === 1 ? 1 : 0,
      retain: packet.retain,
    };
    packet.qos = 0;
    const flight = this.#inFlight.get(client) ?? { count: 0, waiting: [] };
    this.#inFlight.set(client, flight);
    flight.count++;
    void this.#run(client, publication, packet.messageId).finally(() => {
      flight.count--;
      flight.waiting.shift()?.();
    });
    if (flight.count <= maxUnacknowledged) done(null);
    else flight.waiting.push(() => done(null));
  }

  #refuse(client: Client, { topic, payload, qos, retain }: PublishPacket): string | undefined {
    const { policy } = this.#options;
    if (qos === 2) return 'QoS 2 is not supported';
    if (payload.length > maxPayloadBytes) return `payload of ${payload.length} bytes exceeds 128 KB`;
    if (!policy(client.id, 'iot:Publish', `topic/${topic}`)) return `its policy does not allow ${topic}`;
    if (retain && !policy(client.id, 'iot:RetainPublish', `topic/${topic}`))
      return 'its policy does not allow to retain';
    return undefined;
  }

  async #run(client: Client, publication: Publication, messageId: number | undefined): Promise<void> {
    try {
      await this.#track(this.#options.rules(publication, client.id));
      if (publication.qos === 1 && messageId !== undefined) acknowledge(client, messageId);
    } catch (error) {
      this.#options.log(`a message on ${publication.topic} is not acknowledged: ${String(error)}`);
      // MQTT 3.1.1 has no refusal, and a client sends again only on a new connection.
      client.conn.destroy();
    }
  }
}

/** PUBACK. Source: MQTT 3.1.1, section 3.4. */
function acknowledge(client: Client, messageId: number): void {
  if (client.closed || client.conn.destroyed) return;
  client.conn.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
}

function forward(aedes: Aedes, { topic, payload, qos, retain }: Publication): Promise<void> {
  return new Promise((resolve, reject) => {
    aedes.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

async function stop(server: Server, aedes: Aedes): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  await closed;
}
