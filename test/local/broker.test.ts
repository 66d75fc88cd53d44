import mqtt from 'mqtt';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../local/broker.ts';
import type { Publication } from '../../local/engines/iot-data.ts';
import { createIotPolicy, PolicySchema } from '../../local/iot-policy.ts';
import { waitFor } from '../helpers/stack-process.ts';

const arn = (resource: string) => `arn:aws:iot:us-east-1:000000000000:${resource}`;
const own = '${iot:Connection.Thing.ThingName}';
const allow = (action: string, ...resources: string[]) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resources.map(arn),
});
const policy = createIotPolicy([
  PolicySchema.parse({
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        allow('iot:Connect', `client/${own}`),
        allow('iot:Publish', `topic/towers/${own}/events`, `topic/$aws/rules/rule/towers/${own}/events`),
        allow('iot:Subscribe', `topicfilter/towers/${own}/commands`),
        allow('iot:Receive', `topic/towers/${own}/commands`),
      ],
    },
  }),
]);

/** What the rules were given, each waiting for the test to settle it. */
interface Running extends Publication {
  readonly clientId: string;
  readonly commit: () => void;
  readonly fail: () => void;
}

let broker: Broker;
let running: Running[];
let clients: mqtt.MqttClient[];

beforeEach(async () => {
  running = [];
  clients = [];
  const rules = (publication: Publication, clientId: string) =>
    new Promise<void>((resolve, reject) => {
      const fail = () => reject(new Error('not kept'));
      running.push({ ...publication, clientId, commit: resolve, fail });
    });
  broker = await startBroker({ port: 0, policy, rules, log: () => undefined });
});

afterEach(async () => {
  for (const client of clients) client.end(true);
  for (const { commit } of running) commit();
  await broker.stop();
});

async function connect(clientId: string, options: mqtt.IClientOptions = {}): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(broker.address, { clientId, reconnectPeriod: 0, ...options }, false);
  clients.push(client);
  return client;
}

const closed = (client: mqtt.MqttClient) => new Promise<void>((resolve) => client.once('close', resolve));
const seen = (count: number) =>
  waitFor(() => (running.length >= count ? running : undefined), {
    timeoutMs: 5000,
    describe: () => `${count} publications; ${running.length} came`,
  });

describe('PUBACK', () => {
  it('waits until the rules have committed the message', async () => {
    const tower = await connect('t1');
    let acknowledged = false;
    const publication = tower.publishAsync('towers/t1/events', 'x', { qos: 1 }).finally(() => {
      acknowledged = true;
    });
    const [first] = await seen(1);
    await turn();
    expect(acknowledged).toBe(false);
    first?.commit();
    await publication;
    expect(acknowledged).toBe(true);
  });

  it('never comes for a message that was kept nowhere: the connection closes, so that the tower sends it again', async () => {
    const tower = await connect('t1');
    let acknowledged = false;
    tower.publish('towers/t1/events', 'x', { qos: 1 }, (error) => {
      acknowledged = !error;
    });
    const gone = closed(tower);
    (await seen(1))[0]?.fail();
    await gone;
    expect(acknowledged).toBe(false);
  });

  it('of one message does not wait for another of the same tower', async () => {
    const tower = await connect('t1');
    const publications = ['a', 'b', 'c'].map((payload) =>
      tower.publishAsync('towers/t1/events', payload, { qos: 1 }),
    );
    const [, second] = await seen(3);
    second?.commit();
    await publications[1];
    expect(running.map(({ payload }) => payload.toString())).toEqual(['a', 'b', 'c']);
    for (const { commit } of running) commit();
    await Promise.all(publications);
  });

  it('of a hundred messages that wait does not keep pings from being answered', async () => {
    const tower = await connect('t1', { keepalive: 1 });
    for (let index = 0; index < 100; index++) tower.publish('towers/t1/events', String(index), { qos: 1 });
    await seen(100);
    await new Promise((resolve) =>
      tower.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve(undefined)),
    );
    expect(tower.connected).toBe(true);
  });
});

describe('a tower', () => {
  it('may publish with QoS 0 too', async () => {
    const tower = await connect('t1');
    await tower.publishAsync('towers/t1/events', 'x', { qos: 0 });
    expect((await seen(1))[0]).toMatchObject({ topic: 'towers/t1/events', clientId: 't1', qos: 0 });
  });

  it('may publish by Basic Ingest', async () => {
    const tower = await connect('t1');
    const publication = tower.publishAsync('$aws/rules/rule/towers/t1/events', 'x', { qos: 1 });
    const [first] = await seen(1);
    expect(first?.topic).toBe('$aws/rules/rule/towers/t1/events');
    first?.commit();
    await publication;
  });

  it.each([
    ["another tower's topic", 'towers/t2/events', 'x', 1],
    ['a topic that no statement names', 'towers/t1/other', 'x', 1],
    ["another tower's topic by Basic Ingest", '$aws/rules/rule/towers/t2/events', 'x', 1],
    ['its own topic with more than 128 KB', 'towers/t1/events', 'x'.repeat(128 * 1024 + 1), 1],
    ['its own topic with QoS 2', 'towers/t1/events', 'x', 2],
  ] as const)('that publishes to %s is disconnected, and no rule runs', async (_, topic, payload, qos) => {
    const tower = await connect('t1');
    const gone = closed(tower);
    tower.publish(topic, payload, { qos });
    await gone;
    expect(running).toEqual([]);
  });

  it('may publish 128 KB', async () => {
    const tower = await connect('t1');
    tower.publish('towers/t1/events', Buffer.alloc(128 * 1024, 1), { qos: 1 });
    expect((await seen(1))[0]?.payload).toHaveLength(128 * 1024);
  });

  it('that retains a message is disconnected: its policy does not let it', async () => {
    const tower = await connect('t1');
    const gone = closed(tower);
    tower.publish('towers/t1/events', 'x', { qos: 1, retain: true });
    await gone;
    expect(running).toEqual([]);
  });

  it('gets its own commands and can subscribe to no one else', async () => {
    const [tower, other] = await Promise.all([connect('t1'), connect('t2')]);
    await tower.subscribeAsync('towers/t1/commands', { qos: 1 });
    for (const filter of ['towers/t1/commands', 'towers/+/commands', '#', '$aws/#'])
      await expect(other.subscribeAsync(filter, { qos: 1 })).rejects.toThrow('Unspecified error');
    const received = new Promise<string>((resolve) => {
      tower.on('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`));
    });
    const command = {
      topic: 'towers/t1/commands',
      payload: Buffer.from('open'),
      qos: 1,
      retain: false,
    } as const;
    const published = broker.publish(command);
    expect(await received).toBe('towers/t1/commands open');
    // The rules come after the clients: the broker would wait for them when it stops.
    await expect.poll(() => running).toHaveLength(1);
    for (const { commit } of running) commit();
    await published;
  });

  it('whose client id can name no thing is not let in', async () => {
    for (const clientId of ['*', 'a/b', 't 1'])
      await expect(connect(clientId)).rejects.toThrow('Identifier rejected');
  });
});
