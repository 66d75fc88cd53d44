import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inbox } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const fuzzed = 2_000;
const known = { v: 1, boot: 'hostile', at: new Date().toISOString() };

/** Payloads that can't be a valid message, each counting as one quarantined item. */
const hostilePayload: fc.Arbitrary<string | Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from([0xff, ...bytes])),
  fc.string({ maxLength: 300 }).map((text) => `{${text}`),
  fc.json({ maxDepth: 4 }).filter((text) => !text.startsWith('[')),
  fc
    .record({
      v: fc.constantFrom(1, 2, '1', null, -1),
      boot: fc.oneof(fc.string({ maxLength: 60 }), fc.constant(null)),
      seq: fc.oneof(fc.double(), fc.string({ maxLength: 5 }), fc.constant(Number.MAX_VALUE), fc.constant(-1)),
      at: fc.oneof(
        fc.string({ maxLength: 30 }),
        fc.constant('0000-00-00T00:00:00Z'),
        fc.constant('9999-12-31T23:59:59Z'),
      ),
      type: fc.constantFrom(
        'locker.opened',
        'parcel.stocked',
        'constructor',
        '__proto__',
        'tower.heartbeat',
        '',
      ),
      locker: fc.constantFrom(1, 0, -1, 1.5, 1e9, '1', null),
      reservationId: fc.constantFrom('RES-1', 'a.b', "'; DROP TABLE events; --", '\u0000', '💥'.repeat(50)),
    })
    .map((message) => JSON.stringify({ ...message, boot: '_invalid_' })),
  fc.constant(`{"__proto__":{"polluted":true},"v":1}`),
  fc.constant('{"v":1e999}'),
  fc.constant(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
);

describe('malformed, oversized, unknown and hostile payloads never stop the flow', () => {
  let world: World;
  let tower: Tower;
  let inbox: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/all', { secret });
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [standardEndpoint('all', receiver.url('/all'))],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const quarantined = async (count: number) =>
    waitFor(
      async () => {
        const items = await world.entities('quarantine');
        return items.length >= count ? items : undefined;
      },
      { timeoutMs: 60_000, describe: () => `${count} quarantined items` },
    );

  it(`${fuzzed} fuzzed payloads: each is in quarantine with its bytes, and good messages between them arrive`, async () => {
    const payloads = fc.sample(hostilePayload, { numRuns: fuzzed, seed: 20_260_320 });
    let good = 0;
    const inFlight: Promise<unknown>[] = [];
    for (const [index, payload] of payloads.entries()) {
      inFlight.push(tower.publishRaw(payload));
      if (index % 100 === 0) {
        good += 1;
        inFlight.push(tower.publish({ type: 'locker.opened', locker: 1 }));
      }
      if (inFlight.length >= 50) await Promise.all(inFlight.splice(0));
    }
    await Promise.all(inFlight);
    await inbox.waitForAccepted(good, 30_000);

    const items = await quarantined(fuzzed);
    expect(items.length).toBe(fuzzed);
    const sent = payloads.map((payload) => Buffer.from(payload).toString('base64')).sort();
    expect(items.map((item) => String(item['raw'])).sort()).toEqual(sent);
    for (const item of items) {
      expect(item['topic']).toBe(`towers/${towerId}/events`);
      expect(String(item['reason'])).toMatch(/^[a-z0-9_]+$/);
      expect(Number.isNaN(Date.parse(String(item['receivedAt'])))).toBe(false);
    }
    expect((await world.events()).length).toBe(good);
    expect(world.stack.stderrText()).not.toContain('polluted');
  }, 180_000);

  it('a bad element costs only itself: the rest of its array is processed', async () => {
    const before = (await world.entities('quarantine')).length;
    const accepted = inbox.accepted.size;
    const opened = () => tower.stamp({ type: 'locker.opened', locker: 1 });
    const elements = [
      opened(),
      { ...known, seq: 1, type: 'no.such.type' },
      opened(),
      { ...known, seq: 2, type: 'locker.opened', locker: 77 },
      null,
      [opened()],
      { ...known, seq: 3, type: 'locker.opened', locker: 1, at: '2099-01-01T00:00:00Z' },
      { ...known, seq: 4, type: 'locker.opened', locker: 1, at: '1970-01-01T00:00:00Z' },
      opened(),
    ];
    await tower.publishRaw(JSON.stringify(elements));
    await inbox.waitForAccepted(accepted + 3, 20_000);
    const items = (await quarantined(before + 6)).filter((item) => !Number.isNaN(Number(item['index'])));
    const reasons = items.map((item) => String(item['reason']));
    for (const reason of ['unknown_type', 'unknown_locker', 'not_object', 'clock_ahead', 'clock_implausible'])
      expect(reasons).toContain(reason);
    expect((await world.entities('quarantine')).length).toBe(before + 6);
  }, 60_000);

  it('an unknown tower is quarantined', async () => {
    const stranger = await world.tower('9999999999999999');
    await stranger.publish({ type: 'locker.opened', locker: 1 });
    const items = await world.entities('quarantine');
    expect(items.filter((item) => item['reason'] === 'unknown_tower').length).toBe(1);
  });

  it('a payload over 128 KB closes the connection, as AWS does, and the tower can come back', async () => {
    const intruder = await world.tower('8888888888888888');
    await expect(intruder.publishRaw(Buffer.alloc(128 * 1024 + 1, 0x20))).rejects.toThrow(/connection/i);
    const accepted = inbox.accepted.size;
    const again = await world.tower(towerId);
    await again.publish({ type: 'locker.closed', locker: 1 });
    await inbox.waitForAccepted(accepted + 1, 20_000);
  }, 40_000);
});
