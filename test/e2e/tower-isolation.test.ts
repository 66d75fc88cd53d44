import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inbox } from '../helpers/receiver.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const mine = '0000000000000001';
const theirs = '0000000000000002';

describe('a tower speaks and listens under its own name only', () => {
  let world: World;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret });
        return {
          towers: [mine, theirs].map((towerId) => ({
            towerId,
            partnerIds: ['acme'],
            lockers: [{ locker: 1 }],
          })),
          partners: [{ partnerId: 'acme' }],
          endpoints: [standardEndpoint('all', receiver.url('/all'))],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const forged = JSON.stringify({
    v: 1,
    boot: 'forged',
    seq: 1,
    at: new Date().toISOString(),
    type: 'locker.forced',
    locker: 1,
  });

  it.each([
    `towers/${theirs}/events`,
    `towers/${theirs}/commands`,
    `towers/${theirs}/acks`,
    `towers/${mine}/commands`,
    `towers/${mine}/events/deeper`,
    `towers/${mine}`,
    `$aws/rules/towercast_local/towers/${theirs}/events`,
    '$SYS/anything',
    'elsewhere',
  ])('publishing on %s closes the connection and reaches nobody', async (topic) => {
    const tower = await world.tower(mine);
    await expect(tower.publishRaw(forged, topic)).rejects.toThrow(/connection/i);
    expect((await world.events()).filter((event) => event.type === 'locker.forced')).toEqual([]);
  });

  it("another tower's commands can't be subscribed to, nor a wildcard", async () => {
    const tower = await world.tower(mine);
    for (const filter of [`towers/${theirs}/commands`, 'towers/+/commands', '#', `towers/${mine}/events`])
      expect(await tower.trySubscribe(filter)).toBe(false);
    expect(await tower.trySubscribe(`towers/${mine}/commands`)).toBe(true);
  });

  it('its own topic works, before and after', async () => {
    const tower = await world.tower(mine);
    await tower.publish({ type: 'locker.opened', locker: 1 });
    await inbox.waitForAccepted(1, 20_000);
    expect(inbox.requests.every((request) => !request.body.includes('locker.forced'))).toBe(true);
  });
});
