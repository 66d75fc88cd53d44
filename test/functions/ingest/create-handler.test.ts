import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quarantineKey } from '../../../functions/shared/quarantine.ts';
import type { Reservation } from '../../../schemas/entity.ts';
import { locker, request, reservationWith, token, tower, towerId } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { message, opened, parcel, receivedAtMs, ruleEvent } from './publications.ts';

let tables: Tables;
let ingest: Ingest;

beforeEach(async () => {
  tables = await startTables();
  ingest = createIngest(tables);
  await ingest.seed([tower, locker, reservationWith(), request, token]);
  tables.takeRequests();
});
afterEach(async () => tables[Symbol.asyncDispose]());

const publish = async (payload: unknown) => ingest.handler(ruleEvent(payload));

async function only<T>(items: Promise<T[]>): Promise<T> {
  const [item, ...rest] = await items;
  if (item === undefined || rest.length > 0) throw new Error('expected exactly one');
  return item;
}

describe('one message', () => {
  it('becomes state and event in three requests', async () => {
    await publish(parcel(1, 'stocked'));
    expect(tables.takeRequests()).toEqual(['BatchGetItem', 'TransactWriteItems', 'PutItem']);
    expect(await only(ingest.events())).toMatchObject({
      type: 'reservation.stocked',
      occurredAt: '2026-03-20T09:00:01.000Z',
      receivedAt: '2026-03-20T09:15:01.000Z',
      cause: 'tower',
      late: false,
      partnerIds: ['carrier'],
      data: { reservationId: 'RES-123456', status: 'STOCKED', previousStatus: 'RESERVED' },
    });
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'STOCKED', version: 2 });
    expect(await only(ingest.entity('locker'))).toMatchObject({ status: 'occupied', holderId: 'carrier' });
    expect(ingest.metrics).toEqual(new Map([['EventsCommitted', 1]]));
  });

  it('is named in the line of its metrics; a repeat of it has a line of its own', async () => {
    await publish(opened(1));
    expect([...ingest.metadata.keys()]).toEqual(['towerId', 'traceId']);
    expect(ingest.metadata.get('towerId')).toBe(towerId);
    expect(ingest.lines).toEqual([]);
    await publish(opened(1));
    expect(ingest.lines).toEqual([['publication', expect.objectContaining({ towerId, repeated: 1 })]]);
  });

  it('that changes nothing costs a plain put instead of a transaction', async () => {
    await publish(opened(1));
    expect(tables.takeRequests()).toEqual(['BatchGetItem', 'PutItem', 'PutItem']);
  });

  it('is not acknowledged: that would double its cost', async () => {
    await publish(opened(1));
    expect(ingest.sentDown).toEqual([]);
  });

  it('that uses a token reads its request as well', async () => {
    await publish(message(1, 'token.used', { locker: 9, tokenId: 52 }));
    expect(tables.takeRequests()).toEqual(['BatchGetItem', 'BatchGetItem', 'TransactWriteItems', 'PutItem']);
    expect(await only(ingest.events())).toMatchObject({
      type: 'locker.token_used',
      partnerIds: ['opener'],
      data: { lockerStatus: 'occupied', requestId: 56, tokenId: 52, clientInfo: 'Luis' },
    });
    expect(await only(ingest.entity('token'))).toMatchObject({ usedAt: '2026-03-20T09:00:01.000Z' });
  });

  it.each([
    ['locker.opened', { type: 'locker.opened', data: { lockerStatus: 'available' } }],
    ['locker.closed', { type: 'locker.closed' }],
    ['locker.left_open', { type: 'locker.left_open' }],
    ['locker.forced', { type: 'locker.forced' }],
    ['keypad.used', { type: 'locker.keypad_used', data: { code: '4711' } }],
    ['tower.started', { type: 'tower.started', locker: null, data: { firmware: '2.1' } }],
  ])('%s becomes an event', async (type, expected) => {
    await publish(message(1, type, { locker: 9, code: '4711', firmware: '2.1' }));
    expect(await only(ingest.events())).toMatchObject({ ...expected, cause: 'tower', partnerIds: ['owner'] });
  });

  it('about a door is told to whoever held the locker then, and to nobody else', async () => {
    await publish(parcel(1, 'stocked'));
    await publish(opened(2));
    await publish(parcel(3, 'picked_up'));
    await publish(opened(4));
    await publish(opened(4 + 15 * 60));
    const doors = (await ingest.events()).filter(({ type }) => type === 'locker.opened');
    expect(doors.map(({ partnerIds }) => partnerIds)).toEqual([['carrier'], ['carrier'], ['owner']]);
  });

  it('that comes after a hand-over is not told to the next holder', async () => {
    const holderSince = '2026-03-20T09:10:00.000Z';
    const previousHolder = {
      partnerId: 'carrier',
      since: '2026-03-20T08:00:00.000Z',
      until: '2026-03-20T09:00:30.000Z',
    };
    await ingest.seed([{ ...locker, status: 'rented', holderId: 'next', holderSince, previousHolder }]);
    await publish(message(1, 'keypad.used', { locker: 9, code: '4711' }));
    await publish(message(2, 'token.used', { locker: 9, tokenId: 999 }));
    await publish(message(700, 'locker.opened', { locker: 9 }));
    expect((await ingest.events()).map(({ partnerIds }) => partnerIds)).toEqual([
      ['carrier'],
      ['carrier'],
      ['next'],
    ]);
  });

  it('about a parcel that nobody knows is not told to the holder', async () => {
    await ingest.seed([{ ...locker, status: 'rented', holderId: 'next' }]);
    await publish({ ...parcel(1, 'stocked', 'RES-NOBODY'), barcode: '123' });
    expect(await only(ingest.events())).toMatchObject({ partnerIds: ['owner'], data: { barcode: '123' } });
  });
});

describe('a message that moves no reservation', () => {
  it.each([
    ['reservation_unknown', ['owner'], parcel(1, 'stocked', 'RES-NOBODY')],
    ['reservation_elsewhere', ['carrier'], parcel(1, 'stocked', 'RES-123456', 8)],
  ])('is told as a parcel’s, %s', async (refusal, partnerIds, payload) => {
    await ingest.seed([{ ...locker, locker: 8 }]);
    await publish(payload);
    expect(await only(ingest.events())).toMatchObject({
      type: 'parcel.stocked',
      partnerIds,
      data: { refusal },
    });
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'RESERVED', version: 1 });
  });

  it('because its parcel has left is refused', async () => {
    await publish([parcel(1, 'picked_up'), parcel(2, 'stocked')]);
    expect((await ingest.events()).map(({ type }) => type)).toEqual([
      'reservation.picked_up',
      'parcel.stocked',
    ]);
  });

  it('because it is late keeps its name and says so', async () => {
    await publish(parcel(2, 'incomplete'));
    await publish(parcel(1, 'stocked'));
    const late = (await ingest.events()).find((event) => event.late);
    expect(late).toMatchObject({ type: 'reservation.stocked', occurredAt: '2026-03-20T09:00:01.000Z' });
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'INCOMPLETE' });
  });

  it('is a step all the same when a timer expired the reservation while its tower was offline', async () => {
    const statusFrom = { at: '2026-03-20T09:00:02.000Z', boot: null, seq: null };
    await ingest.seed([reservationWith({ status: 'EXPIRED', statusFrom })]);
    await publish([parcel(1, 'stocked'), parcel(2, 'picked_up'), parcel(3, 'stocked')]);
    expect((await ingest.events()).map(({ type, late }) => [type, late])).toEqual([
      ['reservation.stocked', false],
      ['reservation.picked_up', false],
      ['parcel.stocked', false],
    ]);
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'PICKED_UP' });
  });

  it('because its token was used before is refused', async () => {
    await publish(message(1, 'token.used', { locker: 9, tokenId: 52 }));
    await publish(message(2, 'token.used', { locker: 9, tokenId: 52 }));
    expect(
      (await ingest.events()).map(({ type, data }) => [type, 'refusal' in data && data.refusal]),
    ).toEqual([
      ['locker.token_used', false],
      ['locker.token_refused', 'token_already_used'],
    ]);
  });
});

const shape = async (one: Ingest) => {
  const events = await one.events();
  const { version: _, ...reservation }: Reservation = await only(one.entity('reservation'));
  return { ids: events.map(({ id }) => id), reservation };
};

describe('repeats', () => {
  it('of a publication change nothing', async () => {
    const payload = [parcel(1, 'stocked'), opened(2), message(3, 'token.used', { locker: 9, tokenId: 52 })];
    await publish(payload);
    const before = [await tables.scan('events'), await tables.scan('entities')];
    await publish(payload);
    await publish(payload[0]);
    expect([await tables.scan('events'), await tables.scan('entities')]).toEqual(before);
    expect(ingest.metrics.get('EventsCommitted')).toBe(3);
    expect(ingest.metrics.get('EventsRepeated')).toBe(4);
  });

  it('among new messages of an array hold up nothing', async () => {
    await publish([parcel(1, 'stocked'), opened(3)]);
    await publish([parcel(1, 'stocked'), opened(2), opened(3), parcel(4, 'picked_up')]);
    expect(await ingest.events()).toHaveLength(4);
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'PICKED_UP', version: 3 });
  });

  it('and disorder, in any cut, end as the sorted stream does', async () => {
    const stream = [
      parcel(1, 'incomplete'),
      opened(2),
      parcel(3, 'stocked'),
      opened(4),
      parcel(5, 'picked_up'),
      opened(6),
    ];
    await publish(stream);
    const expected = await shape(ingest);
    const arrivals = fc
      .tuple(fc.shuffledSubarray(stream, { minLength: 6 }), fc.subarray(stream))
      .chain(([all, again]) =>
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }).map((cuts) => {
          const rest = [...all, ...again];
          return cuts.map((size) => rest.splice(0, size)).filter((part) => part.length > 0);
        }),
      );
    await fc.assert(
      fc.asyncProperty(arrivals, async (parts) => {
        await using other = await startTables();
        const another = createIngest(other);
        await another.seed([tower, locker, reservationWith()]);
        // All at once: Lambda runs invocations side by side, in no order.
        await Promise.all(parts.map(async (part) => another.handler(ruleEvent(part))));
        expect(await shape(another)).toEqual(expected);
      }),
      { numRuns: 8 },
    );
  });
});

describe('an array', () => {
  it('of an offline tower is committed whole, many messages at a time', async () => {
    await publish(Array.from({ length: 90 }, (_, index) => opened(index + 1)));
    const requests = tables.takeRequests();
    expect(requests.filter((name) => name === 'TransactWriteItems')).toHaveLength(5);
    expect(requests).toHaveLength(7);
    expect(await ingest.events()).toHaveLength(90);
    expect(ingest.sentDown).toEqual([{ to: 'acks', towerId, body: { boot: 'b7', seq: 90 } }]);
  });

  it('knows what it committed itself, and reads nothing twice', async () => {
    const doors = Array.from({ length: 20 }, (_, index) => opened(index + 2));
    await publish([parcel(1, 'stocked'), ...doors, parcel(22, 'picked_up')]);
    expect(tables.takeRequests()).toEqual([
      'BatchGetItem',
      'TransactWriteItems',
      'TransactWriteItems',
      'PutItem',
    ]);
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'PICKED_UP', version: 3 });
  });

  it('as large as AWS IoT takes is processed', async () => {
    const many = Array.from({ length: 1_150 }, (_, index) => opened(index + 1));
    expect(JSON.stringify(many).length).toBeLessThan(128 * 1024);
    await publish(many);
    expect(ingest.metrics.get('EventsCommitted')).toBe(1_150);
  });

  it('loses nothing to the bad messages in it, which are kept with reason and bytes', async () => {
    await publish([opened(1), 'noise', message(2, 'locker.exploded'), opened(3, 77), parcel(4, 'stocked')]);
    expect((await ingest.events()).map(({ type }) => type)).toEqual(['locker.opened', 'reservation.stocked']);
    const kept = await ingest.quarantined();
    expect(kept.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'not_object'],
      [2, 'unknown_type'],
      [3, 'unknown_locker'],
    ]);
    expect(kept.map(({ raw }): unknown => JSON.parse(Buffer.from(raw, 'base64').toString()))).toEqual([
      'noise',
      message(2, 'locker.exploded'),
      opened(3, 77),
    ]);
    expect(ingest.metrics.get('MessagesQuarantined')).toBe(3);
    expect(ingest.metrics.get('MessagesQuarantinedByReason.unknown_type')).toBe(1);
  });

  it('of rubbish makes a bounded number of records that account for all of it', async () => {
    await publish(Array.from({ length: 10_000 }, () => 1));
    const kept = await ingest.quarantined();
    expect(kept).toHaveLength(51);
    expect(kept.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
    expect(kept.find(({ reason }) => reason === 'too_many')?.detail).toBe('9950 not_object');
  });
});

describe('quarantine', () => {
  it('keeps an unknown tower’s messages and gives it no state', async () => {
    const event = ruleEvent([opened(1), message(2, 'tower.heartbeat')], { topic: 'towers/stranger/events' });
    await ingest.handler(event);
    expect((await ingest.quarantined()).map(({ reason }) => reason)).toEqual([
      'unknown_tower',
      'unknown_tower',
    ]);
    expect(await ingest.entity('progress')).toEqual([]);
    expect(await ingest.events()).toEqual([]);
    expect(ingest.sentDown).toEqual([]);
  });

  it('keeps what is not JSON without reading anything', async () => {
    const event = ruleEvent(Buffer.from([0xff, 0x00]));
    await ingest.handler(event);
    expect(tables.takeRequests()).toEqual(['BatchWriteItem']);
    expect(await only(ingest.quarantined())).toMatchObject({
      topic: `towers/${towerId}/events`,
      reason: 'not_utf8',
      raw: event.payload,
      receivedAt: new Date(receivedAtMs).toISOString(),
    });
  });

  it('keeps a retried publication once', async () => {
    const event = ruleEvent(['noise', 'more noise']);
    await ingest.handler(event);
    await ingest.handler(event);
    expect(await ingest.quarantined()).toHaveLength(2);
  });

  it('keeps the beginning of what is too large for an item', async () => {
    await publish('x'.repeat(400_000));
    expect(await only(ingest.quarantined())).toMatchObject({ reason: 'oversized', truncated: true });
  });

  it('is spread over eight partitions a day', () => {
    const keys = Array.from({ length: 200 }, (_, index) =>
      quarantineKey({
        receivedAt: '2026-03-20T09:15:01.000Z',
        traceId: `trace ${index}`,
        index: 0,
        reason: 'not_json',
      }),
    );
    expect(new Set(keys.map(({ pk }) => pk)).size).toBe(8);
    expect(new Set(keys.map(({ pk, sk }) => pk + sk)).size).toBe(200);
  });
});

const asked = (commandId: string) => ({
  commandId,
  type: 'resend',
  boot: 'b7',
  from: 2,
  to: 5,
  expiresAt: '2026-03-20T09:25:02.000Z',
});

describe('the tower’s sequence', () => {
  it('is acknowledged as far as it is complete when the tower’s heart beats, which makes no event', async () => {
    for (const seq of [1, 2, 4]) await publish(opened(seq));
    await publish(message(5, 'tower.heartbeat'));
    expect(ingest.sentDown.filter(({ to }) => to === 'acks')).toEqual([
      { to: 'acks', towerId, body: { boot: 'b7', seq: 2 } },
    ]);
    expect(await ingest.events()).toHaveLength(3);
    expect(await only(ingest.entity('progress'))).toMatchObject({
      boot: 'b7',
      contiguous: 2,
      ranges: [[4, 5]],
    });
  });

  it('has its gaps asked for at each heartbeat until they are filled, and not in between', async () => {
    for (const seq of [1, 6, 7]) await publish(opened(seq));
    expect(ingest.sentDown).toEqual([]);
    const commands = () => ingest.sentDown.filter(({ to }) => to === 'commands').map(({ body }) => body);
    await publish(message(8, 'tower.heartbeat'));
    expect(commands()).toEqual([asked('command-1')]);
    expect(ingest.metrics.get('GapsDetected')).toBe(1);
    expect(ingest.metrics.get('OldestGapSeconds')).toBeGreaterThanOrEqual(0);
    await publish(message(9, 'tower.heartbeat'));
    expect(commands()).toEqual([asked('command-1'), asked('command-2')]);
    await publish([2, 3, 4, 5].map((seq) => opened(seq)));
    await publish(message(10, 'tower.heartbeat'));
    expect(commands()).toHaveLength(2);
    expect(ingest.sentDown.at(-1)).toEqual({ to: 'acks', towerId, body: { boot: 'b7', seq: 10 } });
  });

  it('counts quarantined messages as received', async () => {
    await publish([opened(1), message(2, 'locker.exploded'), opened(3)]);
    expect(ingest.sentDown).toEqual([{ to: 'acks', towerId, body: { boot: 'b7', seq: 3 } }]);
  });

  it('starts anew with each boot', async () => {
    await publish([opened(1), opened(2), { ...opened(1), boot: 'b8' }]);
    expect(ingest.sentDown).toEqual([
      { to: 'acks', towerId, body: { boot: 'b7', seq: 2 } },
      { to: 'acks', towerId, body: { boot: 'b8', seq: 1 } },
    ]);
  });

  it('begins at 1: what is missing before the first that arrives is asked for, and nothing is acknowledged', async () => {
    await publish([opened(6), opened(7)]);
    expect(ingest.sentDown).toEqual([
      { to: 'acks', towerId, body: { boot: 'b7', seq: 0 } },
      { to: 'commands', towerId, body: { ...asked('command-1'), from: 1 } },
    ]);
    await publish([1, 2, 3, 4, 5].map((seq) => opened(seq)));
    expect(ingest.sentDown.at(-1)).toEqual({ to: 'acks', towerId, body: { boot: 'b7', seq: 7 } });
  });

  it('begins where the tower says that it started, in whatever order and even if that is no valid message', async () => {
    await publish(opened(1_043));
    await publish([{ ...message(1_042, 'tower.started'), at: '1970-01-01T00:00:00Z' }]);
    expect(ingest.sentDown).toEqual([{ to: 'acks', towerId, body: { boot: 'b7', seq: 1_043 } }]);
    expect(await only(ingest.quarantined())).toMatchObject({ reason: 'clock_implausible' });
  });

  it('is complete after invocations side by side', async () => {
    await Promise.all(Array.from({ length: 12 }, async (_, index) => publish(opened(index + 1))));
    expect(await only(ingest.entity('progress'))).toMatchObject({ contiguous: 12, ranges: [] });
  });
});

const cut = () => {
  throw new Error('cut off');
};

describe('failures', () => {
  it('of the way down neither fail nor repeat the commit, and are counted', async () => {
    const deaf = createIngest(tables, () => ({
      downlink: { acknowledge: async () => cut(), command: async () => cut() },
    }));
    await deaf.handler(ruleEvent([opened(1), opened(3)]));
    expect(await deaf.events()).toHaveLength(2);
    expect(deaf.metrics.get('DownlinkFailures')).toBe(2);
    expect(deaf.warnings).toHaveLength(2);
  });

  it.each([
    ['after the first commit', 2],
    ['before the quarantine', 0],
    ['before the progress', 0],
  ])('%s are made good by the retry of the invocation', async (where, commits) => {
    let committed = 0;
    const broken = createIngest(tables, (deps) => ({
      commit: async (unit) => {
        if (where === 'after the first commit' && committed > 0) cut();
        committed += 1;
        return deps.commit(unit);
      },
      quarantine: {
        write: async (records) =>
          where === 'before the quarantine' ? cut() : deps.quarantine.write(records),
      },
      entities: {
        getMany: async (refs) => deps.entities.getMany(refs),
        replace: async (entity) => (where === 'before the progress' ? cut() : deps.entities.replace(entity)),
      },
    }));
    const event = ruleEvent([
      ...Array.from({ length: 30 }, (_, index) => opened(index + 1)),
      'noise',
      parcel(31, 'stocked'),
    ]);
    await expect(broken.handler(event)).rejects.toThrow('cut off');
    expect(ingest.sentDown).toEqual([]);
    await ingest.handler(event);
    expect(await ingest.events()).toHaveLength(31);
    expect(await ingest.quarantined()).toHaveLength(1);
    expect(await only(ingest.entity('reservation'))).toMatchObject({ status: 'STOCKED', version: 2 });
    expect(ingest.sentDown).toEqual([{ to: 'acks', towerId, body: { boot: 'b7', seq: 31 } }]);
    expect(committed).toBeGreaterThanOrEqual(commits > 0 ? 1 : 2);
  });

  it('to win against others for long end in the retry of the invocation', async () => {
    const slept: number[] = [];
    const contended = createIngest(tables, () => ({
      commit: async () => ({ kind: 'rejected', repeats: new Set(), conflicts: true }),
      sleep: async (ms) => void slept.push(ms),
      random: () => 1,
    }));
    await expect(contended.handler(ruleEvent(parcel(1, 'stocked')))).rejects.toMatchObject({
      code: 'commit_contended',
    });
    expect(slept).toEqual([50, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it('of the rule’s own envelope are thrown, so that Lambda keeps it', async () => {
    await expect(ingest.handler({ payload: '*' })).rejects.toThrow(/payload/);
  });
});
