import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const missed = 12;
const someMinutes = 200_000;

const sequenceOf = ({ headers }: ReceivedRequest): number => Number(headers['towercast-sequence']);
const previousOf = ({ headers }: ReceivedRequest): number => Number(headers['towercast-previous-sequence']);

describe('an endpoint that asks for order', () => {
  let world: World;
  let acme: ApiClient;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/ordered', { secret });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }, { locker: 2 }] }],
          partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }],
          endpoints: [{ ...standardEndpoint('ordered', receiver.url('/ordered')), ordered: true }],
        };
      },
    });
    acme = await signIn(world.stack.ready, 'acme-backend', 'partner');
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  async function setStatus(status: 'active' | 'disabled'): Promise<void> {
    const { headers } = await acme.call('GET', '/v1/endpoints/ordered');
    const ifMatch = { 'if-match': headers.get('etag') ?? '' };
    const answer = await acme.call('PATCH', '/v1/endpoints/ordered', { body: { status }, headers: ifMatch });
    expect(answer.status).toBe(200);
  }

  it('gets what it missed in the order of each locker, and one delivery again as the lane’s next', async () => {
    await setStatus('disabled');
    const tower = await world.tower(towerId);
    for (let index = 0; index < missed; index += 1)
      await tower.publish({
        type: index % 4 < 2 ? 'locker.opened' : 'locker.closed',
        locker: 1 + (index % 2),
      });
    await waitFor(
      async () => {
        const records = await world.deliveries();
        return records.length === missed && records.every(({ status }) => status === 'held')
          ? true
          : undefined;
      },
      { timeoutMs: 60_000, describe: () => 'a held record of each delivery' },
    );
    expect(inbox.requests).toHaveLength(0);
    await setStatus('active');
    expect((await acme.call('POST', '/v1/endpoints/ordered/recover', { body: {} })).status).toBe(202);
    await inbox.waitForAccepted(missed, someMinutes);

    const events = await world.events();
    const inLane = (locker: number) =>
      inbox.requests.filter(({ id }) => events.find((event) => event.id === id)?.locker === locker);
    for (const locker of [1, 2]) {
      const expected = events
        .filter((event) => event.locker === locker)
        .sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1));
      expect(inLane(locker).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      const sequences = inLane(locker).map(sequenceOf);
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    }

    // The last one of a lane, which is its head, and the first one, which was long ago.
    const lane = inLane(1);
    const [first, last] = [lane[0], lane.at(-1)];
    for (const request of [last, first]) {
      const delivery = await waitFor(
        async () =>
          (await world.deliveries()).find(
            ({ event, status }) => event.id === request?.id && status === 'delivered',
          ),
        { timeoutMs: 20_000, describe: () => `the delivery of ${request?.id}` },
      );
      expect((await acme.call('POST', `/v1/deliveries/${delivery.id}/retry`)).status).toBe(202);
    }
    await inbox.waitForRequests(missed + 2, someMinutes);
    const again = inbox.requests.slice(missed);
    expect(new Set(again.map(({ id }) => id))).toEqual(new Set([first?.id, last?.id]));
    const [before, ...sequences] = [last, ...again].map((request) =>
      request === undefined ? Number.NaN : sequenceOf(request),
    );
    expect(sequences).toEqual([(before ?? 0) + 1, (before ?? 0) + 2]);
    expect(again.map(previousOf)).toEqual([before, (before ?? 0) + 1]);
  }, 480_000);
});
