import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTower, type TowerOptions } from '../../helpers/tower.ts';
import { startBroker, type Broker } from './broker.ts';

describe('a tower', () => {
  let broker: Broker;
  beforeEach(async () => {
    broker = await startBroker();
  });
  afterEach(async () => {
    await broker.stop();
  });
  const connect = (options: Partial<TowerOptions> = {}) =>
    connectTower({ url: broker.url, towerId: '0000000000000001', boot: 'b1', ...options });

  it('connects under its own id and numbers what it publishes', async () => {
    const tower = await connect();
    const first = await tower.publish({ type: 'locker.opened', locker: 9 });
    const second = await tower.publish({ type: 'tower.heartbeat', at: '2026-03-20T09:15:00Z' });
    await tower.disconnect();
    expect([first.seq, second.seq]).toEqual([1, 2]);
    expect(second).toEqual({
      v: 1,
      boot: 'b1',
      seq: 2,
      at: '2026-03-20T09:15:00Z',
      type: 'tower.heartbeat',
    });
    expect(broker.published.map(({ clientId, topic }) => [clientId, topic])).toEqual([
      ['0000000000000001', 'towers/0000000000000001/events'],
      ['0000000000000001', 'towers/0000000000000001/events'],
    ]);
    expect(JSON.parse(broker.published[0]?.payload ?? '')).toEqual(first);
  });

  it('flushes a buffer as one array', async () => {
    const tower = await connect({ firstSeq: 40 });
    const sent = await tower.publishAll([
      { type: 'locker.opened', locker: 9 },
      { type: 'locker.closed', locker: 9 },
    ]);
    await tower.disconnect();
    expect(broker.published).toHaveLength(1);
    expect(JSON.parse(broker.published[0]?.payload ?? '')).toEqual(sent);
    expect(sent.map(({ seq }) => seq)).toEqual([40, 41]);
  });

  it('sends a message again under its number', async () => {
    const tower = await connect();
    const message = await tower.publish({ type: 'locker.opened', locker: 9 });
    await tower.send(message);
    await tower.disconnect();
    expect(new Set(broker.published.map(({ payload }) => payload)).size).toBe(1);
    expect(broker.published).toHaveLength(2);
  });

  it('keeps what comes down on acks and commands', async () => {
    const tower = await connect();
    const ack = tower.waitForAck(({ seq }) => seq === 7);
    const command = tower.waitForCommand();
    for (const [channel, payload] of [
      ['acks', { seq: 7 }],
      ['commands', { type: 'resend' }],
    ] as const)
      broker.aedes.publish(
        {
          cmd: 'publish',
          qos: 1,
          dup: false,
          retain: false,
          topic: `towers/0000000000000001/${channel}`,
          payload: Buffer.from(JSON.stringify(payload)),
        },
        () => {},
      );
    expect(await ack).toEqual({ seq: 7 });
    expect(await command).toEqual({ type: 'resend' });
    await tower.disconnect();
  });

  it('rejects a publication that the broker answers by closing the connection', async () => {
    const tower = await connect();
    await expect(tower.publishRaw('{}', 'towers/0000000000000002/events')).rejects.toThrow(
      "before the broker's answer",
    );
    await tower.disconnect();
  });

  it('tells whether it may subscribe', async () => {
    const tower = await connect();
    expect(await tower.trySubscribe('towers/0000000000000001/commands')).toBe(true);
    expect(await tower.trySubscribe('towers/+/commands')).toBe(false);
    await tower.disconnect();
    expect(await tower.trySubscribe('towers/0000000000000001/commands')).toBe(false);
  });

  it('sends again after a reconnection what had no PUBACK', async () => {
    const tower = await connect({ reconnectMs: 5 });
    const publication = tower.publish({ type: 'locker.opened', locker: 9 });
    for (const socket of broker.sockets) socket.destroy();
    await publication;
    await tower.disconnect();
    expect(broker.published.length).toBeGreaterThanOrEqual(1);
    expect(broker.sockets.length).toBeGreaterThan(1);
  });
});
