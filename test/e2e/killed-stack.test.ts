import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventIdOf, eventKey } from '../../schemas/event-id.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerIds = ['0000000000000001', '0000000000000002'];
const eventsPerTower = 300;

describe('a stack that is killed and started again loses nothing that had a PUBACK', () => {
  let world: World;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        // A partner that is slow enough for the queue to be full when the stack dies.
        inbox = receiver.expect('/all', { secret, behaviour: { status: 200, delayMs: 20 } });
        return {
          towers: towerIds.map((towerId) => ({ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] })),
          partners: [{ partnerId: 'acme' }],
          endpoints: [standardEndpoint('all', receiver.url('/all'))],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('every acknowledged event reaches the partner', async () => {
    const acknowledged = new Set<string>();
    const unacknowledged: { towerId: string; message: TowerMessage }[] = [];
    const publishAll = async (towerId: string, count: number) => {
      const tower = await world.tower(towerId);
      for (let index = 0; index < count; index += 1) {
        const message = tower.stamp({ type: 'locker.opened', locker: 1 });
        try {
          await tower.send(message);
        } catch {
          unacknowledged.push({ towerId, message });
          return;
        }
        acknowledged.add(eventIdOf(eventKey(towerId, 1, message.at, message)));
      }
    };
    const publishing = towerIds.map((towerId) => publishAll(towerId, eventsPerTower));
    await waitFor(() => (acknowledged.size >= eventsPerTower / 2 ? true : undefined), {
      timeoutMs: 60_000,
      describe: () => `${eventsPerTower / 2} acknowledged events`,
    });
    await world.crashAndRestart();
    await Promise.all(publishing);
    // It died in the middle: both towers were cut off.
    expect(unacknowledged.length).toBe(towerIds.length);
    expect(inbox.accepted.size).toBeLessThan(towerIds.length * eventsPerTower);

    const missing = () => [...acknowledged].filter((id) => !inbox.accepted.has(id));
    await waitFor(() => (missing().length === 0 ? true : undefined), {
      timeoutMs: 60_000,
      describe: () => `${missing().length} acknowledged events that did not arrive`,
    });

    // A tower sends again what got no PUBACK: one event, whether or not the first had been committed.
    for (const { towerId, message } of unacknowledged) {
      const tower = await world.tower(towerId);
      await tower.send(message);
      const id = eventIdOf(eventKey(towerId, 1, message.at, message));
      await inbox.waitFor((request) => request.id === id, 30_000);
      expect((await world.events()).filter((event) => event.id === id).length).toBe(1);
    }
    expect(inbox.badSignatures).toBe(0);
  }, 180_000);
});
