import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEventId } from '../../schemas/event-id.ts';
import type { Answer, Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const webhook = new Webhook(secret);

const laneOf = ({ id }: { id: string }): string => parseEventId(id)?.pk ?? id;
const lockerOf = (request: { id: string }): number => Number(laneOf(request).split('-').at(-1));
/** A tower publishes one message after the other: its numbers are the order of commit. */
const publishedAs = ({ id }: { id: string }): number => Number(id.split('-').at(-1));
const sequenceOf = ({ headers }: ReceivedRequest): number => Number(headers['towercast-sequence']);
const previousOf = ({ headers }: ReceivedRequest): number => Number(headers['towercast-previous-sequence']);
const isAccepted = ({ answer }: ReceivedRequest): boolean =>
  typeof answer === 'object' && answer.status < 300;

/** The numbers, as a partner checks them: by an unmodified library, as a webhook whose body they are. */
function verifyNumbers(request: ReceivedRequest): void {
  const { headers, id } = request;
  const { 'towercast-sequence-of': lane = '', 'towercast-sequence-signature': signature = '' } = headers;
  webhook.verify(JSON.stringify([lane, sequenceOf(request), previousOf(request)]), {
    ...headers,
    'webhook-id': `${id}~sequence`,
    'webhook-signature': signature,
  });
}

/** How many requests of a lane came after one with a higher number, or with another number than before. */
function outOfOrder(requests: readonly ReceivedRequest[]): number {
  let wrong = 0;
  for (const lane of Map.groupBy(requests, laneOf).values()) {
    const numbers = new Map<string, number>();
    let last = 0;
    let lastPublished = 0;
    for (const request of lane) {
      const sequence = sequenceOf(request);
      if (sequence < last || (numbers.get(request.id) ?? sequence) !== sequence) wrong += 1;
      if (publishedAs(request) < lastPublished) wrong += 1;
      numbers.set(request.id, sequence);
      last = sequence;
      lastPublished = publishedAs(request);
    }
  }
  return wrong;
}

async function publish(tower: Tower, lockers: readonly number[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    for (const locker of lockers)
      await tower.publish({ type: round % 2 === 0 ? 'locker.opened' : 'locker.closed', locker });
}

describe('an ordered endpoint', () => {
  let world: World;
  let inbox: Inbox;
  let givingUp: Inbox;
  let tower: Tower;
  let isBlocked = true;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/ordered', {
          secret,
          behaviour: (request): Answer =>
            isBlocked && lockerOf(request) === 2 ? { status: 500 } : { status: 200 },
        });
        givingUp = receiver.expect('/giving-up', {
          secret,
          // The first event of locker 3 is never taken.
          behaviour: ({ id, headers }) =>
            headers['towercast-sequence'] === '1' && laneOf({ id }).endsWith('-3')
              ? { status: 500 }
              : { status: 200 },
        });
        const endpoint = { partnerId: 'acme', contract: 'standard' as const, secret, ordered: true };
        return {
          towers: [
            {
              towerId,
              partnerIds: ['acme'],
              lockers: [{ locker: 1 }, { locker: 2 }, { locker: 3 }, { locker: 4 }],
            },
          ],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            {
              ...endpoint,
              endpointId: 'ordered',
              url: receiver.url('/ordered'),
              scheduleSeconds: [0, ...Array.from({ length: 19 }, () => 2)],
              filter: { lockers: [1, 2, 4] },
            },
            {
              ...endpoint,
              endpointId: 'giving-up',
              url: receiver.url('/giving-up'),
              scheduleSeconds: [0, 1, 1],
              filter: { lockers: [3, 4] },
            },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  const recordsOf = async (endpointId: string) =>
    (await world.deliveries())
      .filter((record) => record.endpointId === endpointId)
      .toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));

  it('holds back the locker that fails, and no other', async () => {
    await publish(tower, [1, 2, 4], 5);
    // All of the others, while locker 2 still waits.
    await inbox.waitForAccepted(10, 30_000);
    expect(new Set([...inbox.accepted].map((id) => lockerOf({ id })))).toEqual(new Set([1, 4]));
    const blocked = inbox.requests.filter((request) => lockerOf(request) === 2);
    expect(new Set(blocked.map(sequenceOf))).toEqual(new Set([1]));

    const waiting = await waitFor(
      async () => {
        const found = (await recordsOf('ordered')).filter(({ event }) => event.locker === 2);
        return found.length === 5 ? found : undefined;
      },
      { timeoutMs: 20_000, describe: () => 'five deliveries of locker 2 that wait' },
    );
    expect(waiting.map(({ status, sequence, reason }) => [status, sequence, reason])).toEqual([
      ['pending', 1, null],
      ['pending', 2, 'behind'],
      ['pending', 3, 'behind'],
      ['pending', 4, 'behind'],
      ['pending', 5, 'behind'],
    ]);

    isBlocked = false;
    await inbox.waitForAccepted(15, 30_000);
    expect(outOfOrder(inbox.requests)).toBe(0);
    const accepted = inbox.requests.filter(isAccepted);
    for (const lane of Map.groupBy(accepted, laneOf).values()) {
      expect(lane.map(sequenceOf)).toEqual([1, 2, 3, 4, 5]);
      expect(lane.map(previousOf)).toEqual([0, 1, 2, 3, 4]);
    }
    for (const request of inbox.requests) verifyNumbers(request);
    const [first] = inbox.requests;
    if (first === undefined) throw new Error('no request');
    const forged = { ...first, headers: { ...first.headers, 'towercast-sequence': '7' } };
    expect(() => verifyNumbers(forged)).toThrow('No matching signature found');
  }, 90_000);

  it('says what it skipped, in its place, and goes on', async () => {
    await publish(tower, [3], 4);
    await givingUp.waitFor((request) => sequenceOf(request) === 4 && lockerOf(request) === 3, 40_000);
    const records = await recordsOf('giving-up');
    const dead = records.find(({ status }) => status === 'dead');
    expect(dead).toMatchObject({ sequence: 1, reason: 'http_500', event: { locker: 3 } });
    const skipped = givingUp.requests.filter(({ body }) => body.includes('sequence.skipped'));
    expect(skipped.map((request): unknown => JSON.parse(request.body.toString()))).toMatchObject([
      {
        type: 'sequence.skipped',
        data: { sequence: 1, locker: 3, deliveryId: dead?.id, eventId: dead?.event.id },
      },
    ]);
    const order = givingUp.requests.filter((request) => lockerOf(request) === 3 || skipped.includes(request));
    expect(order.map((request) => [sequenceOf(request), previousOf(request), isAccepted(request)])).toEqual([
      [1, 0, false],
      [1, 0, false],
      [1, 0, false],
      [1, 0, true],
      [2, 1, true],
      [3, 2, true],
      [4, 3, true],
    ]);
    expect(order.slice(3, 4)).toEqual(skipped);
  }, 60_000);
});

describe('an ordered endpoint to whose partner a tower flushes its buffer', () => {
  const total = 120;
  let world: World;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/flushed', { secret });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [{ ...standardEndpoint('flushed', receiver.url('/flushed')), ordered: true }],
        };
      },
    });
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('gets it in order, though it is many events of one locker at once', async () => {
    const tower = await world.tower(towerId);
    await tower.publishAll(
      Array.from({ length: total }, (_, index) => ({
        type: index % 2 === 0 ? 'locker.opened' : 'locker.closed',
        locker: 1,
      })),
    );
    await inbox.waitForAccepted(total, 60_000);
    expect(inbox.requests.map(sequenceOf)).toEqual(Array.from({ length: total }, (_, index) => index + 1));
    const published = inbox.requests.map(publishedAs);
    expect(published).toEqual(published.toSorted((a, b) => a - b));
  }, 90_000);
});

describe('an ordered endpoint while functions are killed', () => {
  const towerIds = ['0000000000000001', '0000000000000002'];
  const lockers = [1, 2, 3, 4, 5];
  const rounds = 20;
  const total = towerIds.length * lockers.length * rounds;
  const functions = [
    'FanOutFunction',
    'DeliverFunction',
    'DeliverFunction',
    'DeadLetterFunction',
    'TimersFunction',
  ];
  let world: World;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        // Every seventh first attempt fails.
        inbox = receiver.expect('/all', {
          secret,
          behaviour: ({ attempt, number }) =>
            attempt === 1 && number % 7 === 0 ? { status: 503 } : { status: 200 },
        });
        return {
          towers: towerIds.map((id) => ({
            towerId: id,
            partnerIds: ['acme'],
            lockers: lockers.map((locker) => ({ locker })),
          })),
          partners: [{ partnerId: 'acme' }],
          endpoints: [{ ...standardEndpoint('all', receiver.url('/all')), ordered: true }],
        };
      },
    });
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  it(`${total} events: none out of order, none lost`, async () => {
    const towers = await Promise.all(towerIds.map((id) => world.tower(id)));
    let published = 0;
    const publishing = Promise.all(
      towers.map(async (tower) => {
        for (let round = 0; round < rounds; round += 1) {
          await publish(tower, lockers, 1);
          published += lockers.length;
        }
      }),
    );
    const step = total / (functions.length * 2);
    for (const [index, name] of [...functions, ...functions].entries()) {
      const share = (index + 0.5) * step;
      await waitFor(() => (published >= share ? true : undefined), {
        timeoutMs: 60_000,
        describe: () => `${share} publications; ${published} so far`,
      });
      await world.stack.killFunction(name);
    }
    await publishing;
    // Whatever a killed `deliver` had in hands comes back after the queue's visibility timeout.
    await inbox.waitForAccepted(total, 150_000);
    expect(inbox.badSignatures).toBe(0);
    expect(outOfOrder(inbox.requests)).toBe(0);
    for (const lane of Map.groupBy(inbox.requests, laneOf).values())
      expect(new Set(lane.map(sequenceOf))).toEqual(new Set(Array.from({ length: rounds }, (_, i) => i + 1)));
    for (const request of inbox.requests) verifyNumbers(request);
  }, 240_000);
});
