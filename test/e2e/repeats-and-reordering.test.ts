import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ReservationSchema } from '../../schemas/entity.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import type { Inbox } from '../helpers/receiver.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const lockers = 20;

/** Deterministic, so that a failure can be seen again. */
const shuffled = <T>(items: readonly T[], seed: number): T[] =>
  fc.sample(fc.shuffledSubarray([...items], { minLength: items.length }), { numRuns: 1, seed }).flat();

const BodySchema = z.object({ type: z.string(), data: z.object({ id: z.string() }) });

describe('a message that a tower repeats makes one event, and order of arrival does not matter', () => {
  let world: World;
  let tower: Tower;
  let inbox: Inbox;
  const messages: TowerMessage[] = [];

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret });
        return {
          towers: [
            {
              towerId,
              partnerIds: ['acme'],
              lockers: Array.from({ length: lockers }, (_, i) => ({ locker: i + 1 })),
            },
          ],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            {
              ...standardEndpoint('all', receiver.url('/all')),
              filter: { types: ['reservation.*', 'locker.opened', 'locker.closed'] },
            },
          ],
          reservations: Array.from({ length: lockers }, (_, i) => ({
            reservationId: `RES-${i + 1}`,
            partnerId: 'acme',
            towerId,
            locker: i + 1,
            flowType: 'OUTLET',
            barcode: `bar-${i + 1}`,
          })),
        };
      },
    });
    tower = await world.tower(towerId);
    const start = Date.now() + 1_000;
    let step = 0;
    const at = () => new Date(start + (step += 10)).toISOString();
    for (let locker = 1; locker <= lockers; locker += 1) {
      const parcel = { locker, reservationId: `RES-${locker}` };
      messages.push(
        tower.stamp({ type: 'locker.opened', locker, at: at() }),
        tower.stamp({ type: 'parcel.incomplete', ...parcel, reason: 'partial', at: at() }),
        tower.stamp({ type: 'parcel.stocked', ...parcel, at: at() }),
        tower.stamp({ type: 'locker.closed', locker, at: at() }),
        // Odd lockers are picked up, even ones stay stocked.
        ...(locker % 2 === 1 ? [tower.stamp({ type: 'parcel.picked_up', ...parcel, at: at() })] : []),
      );
    }
    // Each message three times: alone, in any order, and within arrays.
    const singles = shuffled([...messages, ...messages], 42);
    await Promise.all(singles.map((message) => tower.send(message)));
    const arrays = shuffled(messages, 7);
    await Promise.all([tower.send(arrays.slice(0, 50)), tower.send(arrays.slice(50)), tower.send(arrays)]);
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('each message is one event', async () => {
    const fromTower = (await world.events()).filter((event) => event.cause === 'tower');
    expect(fromTower.length).toBe(messages.length);
    expect(new Set(fromTower.map((event) => event.id)).size).toBe(messages.length);
  });

  it('each event reaches the partner, under one id', async () => {
    // Every reservation was also created and reserved by the loader.
    const expected = messages.length + 2 * lockers;
    await inbox.waitForAccepted(expected, 30_000);
    expect(inbox.distinct).toBe(expected);
    expect(inbox.badSignatures).toBe(0);
    const ids = inbox.requests.map(
      (request) => BodySchema.parse(JSON.parse(request.body.toString())).data.id,
    );
    expect(ids).toEqual(inbox.requests.map((request) => request.id));
  });

  it('the final state is that of the messages in their order', async () => {
    const reservations = (await world.entities('reservation')).map((item) => ReservationSchema.parse(item));
    expect(reservations.length).toBe(lockers);
    for (const { reservationId, locker, status } of reservations)
      expect({ reservationId, status }).toEqual({
        reservationId,
        status: locker % 2 === 1 ? 'PICKED_UP' : 'STOCKED',
      });
    const statuses = new Map(
      (await world.entities('locker')).map((item) => [item['locker'], item['status']]),
    );
    for (let locker = 1; locker <= lockers; locker += 1)
      expect([locker, statuses.get(locker)]).toEqual([locker, locker % 2 === 1 ? 'available' : 'occupied']);
  });

  it('the tower learns that its whole sequence is committed', async () => {
    const heartbeat = await tower.publish({ type: 'tower.heartbeat' });
    const ack = await tower.waitForAck((candidate) => candidate['seq'] === heartbeat.seq);
    expect(ack).toEqual({ boot: tower.boot, seq: heartbeat.seq });
  });
});
