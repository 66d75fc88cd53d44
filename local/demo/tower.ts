import { connectAsync, type MqttClient } from 'mqtt';
import * as z from 'zod';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { Waiting } from './waiting.ts';

type WithoutEnvelope<M> = M extends TowerMessage ? Omit<M, 'v' | 'boot' | 'seq' | 'at'> : never;

/** What a caller says of a message: its type and fields. `at` is now by default. */
export type TowerReport = WithoutEnvelope<TowerMessage> & { at?: string };

const DownlinkSchema = z.record(z.string(), z.json());
/** What came down on `acks` or `commands`. */
export type Downlink = z.infer<typeof DownlinkSchema>;

export interface TowerOptions {
  /** `mqtt://127.0.0.1:1883` */
  url: string;
  towerId: string;
  /** Default: from the clock, so that each connection of a process is a new boot. */
  boot?: string;
  /** The first message's. Default 1. */
  firstSeq?: number;
  /** 0 never reconnects: what was not acknowledged is rejected then. Otherwise it is sent again. Default 0. */
  reconnectMs?: number;
}

/** Connects a tower. Rejects if the broker refuses. */
export async function connectTower(options: TowerOptions): Promise<Tower> {
  const client = await connectAsync(
    options.url,
    {
      clientId: options.towerId,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: options.reconnectMs ?? 0,
      keepalive: 30,
    },
    false,
  );
  const tower = new Tower(client, options);
  await client.subscribeAsync([tower.topic('acks'), tower.topic('commands')], { qos: 1 });
  return tower;
}

/** A locker tower as the broker sees it: MQTT 3.1.1, the client id is the tower's, QoS 1. */
export class Tower {
  readonly towerId: string;
  readonly boot: string;
  readonly acks: Downlink[] = [];
  readonly commands: Downlink[] = [];
  readonly #client: MqttClient;
  readonly #waiting = new Waiting();
  readonly #commandListeners: ((command: Downlink) => void)[] = [];
  /** The mqtt client keeps what had no answer for a reconnection; without one it would wait for ever. */
  readonly #unacknowledged = new Set<(error: Error) => void>();
  #closed = false;
  #nextSeq: number;

  constructor(client: MqttClient, { towerId, boot, firstSeq = 1, reconnectMs = 0 }: TowerOptions) {
    this.#client = client;
    this.towerId = towerId;
    this.boot = boot ?? `b${Date.now().toString(36)}`;
    this.#nextSeq = firstSeq;
    // Without a listener, the client throws when a reconnection fails.
    client.on('error', () => {});
    if (reconnectMs === 0) client.on('close', () => this.#abandon());
    client.on('message', (topic, payload) => this.#take(topic, payload));
  }

  topic(channel: 'events' | 'acks' | 'commands'): string {
    return `towers/${this.towerId}/${channel}`;
  }

  /** The next message, unsent: numbered and dated. */
  stamp({ at = new Date().toISOString(), ...report }: TowerReport): TowerMessage {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    return { v: 1, boot: this.boot, seq, at, ...report };
  }

  /** Numbers and sends one message; resolves with it at the PUBACK. */
  async publish(report: TowerReport): Promise<TowerMessage> {
    const message = this.stamp(report);
    await this.send(message);
    return message;
  }

  /** Numbers several and sends them as one array, as a tower does that was offline. */
  async publishAll(reports: readonly TowerReport[]): Promise<TowerMessage[]> {
    const messages = reports.map((report) => this.stamp(report));
    await this.send(messages);
    return messages;
  }

  /** Sends what was stamped before, as it is: also again. Resolves at the PUBACK. */
  async send(message: TowerMessage | readonly TowerMessage[]): Promise<void> {
    await this.publishRaw(JSON.stringify(message));
  }

  /** Sends any bytes, to any topic. Resolves at the PUBACK; rejects if the broker closes the connection. */
  async publishRaw(payload: string | Buffer, topic = this.topic('events')): Promise<void> {
    await this.#untilClosed((settle) => this.#client.publish(topic, payload, { qos: 1 }, settle));
  }

  /** Whether the broker lets it subscribe to a filter of its choice. */
  async trySubscribe(filter: string): Promise<boolean> {
    try {
      await this.#untilClosed((settle) => this.#client.subscribe(filter, { qos: 1 }, settle));
      return true;
    } catch {
      return false;
    }
  }

  waitForAck(matches: (ack: Downlink) => boolean = () => true, timeoutMs = 20_000): Promise<Downlink> {
    return this.#waiting.until(
      () => this.acks.find(matches),
      timeoutMs,
      () => `an ack to ${this.towerId}`,
    );
  }

  waitForCommand(matches: (command: Downlink) => boolean = () => true, timeoutMs = 20_000) {
    return this.#waiting.until(
      () => this.commands.find(matches),
      timeoutMs,
      () => `a command to ${this.towerId}`,
    );
  }

  /** Every command from now on. */
  onCommand(listener: (command: Downlink) => void): void {
    this.#commandListeners.push(listener);
  }

  async disconnect(): Promise<void> {
    this.#abandon();
    // By force: a broker that is gone would never answer a polite one.
    await this.#client.endAsync(true);
  }

  async #untilClosed(request: (settle: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#closed) throw new Error(`Tower ${this.towerId} has lost its connection`);
    await new Promise<void>((resolve, reject) => {
      this.#unacknowledged.add(reject);
      request((error) => {
        this.#unacknowledged.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #abandon(): void {
    this.#closed = true;
    for (const reject of this.#unacknowledged)
      reject(new Error(`Tower ${this.towerId} lost its connection before the broker's answer`));
    this.#unacknowledged.clear();
  }

  #take(topic: string, payload: Buffer): void {
    const message = DownlinkSchema.parse(JSON.parse(payload.toString()));
    const isAck = topic.endsWith('/acks');
    (isAck ? this.acks : this.commands).push(message);
    if (!isAck) for (const listener of this.#commandListeners) listener(message);
    this.#waiting.look();
  }
}
