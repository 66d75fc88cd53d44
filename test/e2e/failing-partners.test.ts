import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { redirectTo, type Answer, type Inbox, type ReceivedRequest } from '../helpers/receiver.ts';
import { testStage } from '../helpers/stage-config.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const events = 10;
const ok = { status: 200 };
/** No port that is given to whoever asks for a free one: nobody can come to listen there. */
const nobody = 'http://127.0.0.1:1/';

/** What each partner answers to the first attempts at an event, before it recovers. */
const troubles: Record<string, readonly Answer[]> = {
  errors: [
    { status: 500 },
    { status: 503, headers: { 'retry-after': '1' } },
    { status: 429 },
    { status: 404 },
  ],
  silent: ['hang', 'hang'],
  resetting: ['reset', 'reset', 'reset'],
  redirecting: [redirectTo('/elsewhere'), redirectTo('/elsewhere', 307)],
  healthy: [],
};

const endpoint = (endpointId: string, url: string) => ({
  ...standardEndpoint(endpointId, url),
  filter: { types: ['locker.opened'] },
});

describe('a partner that fails gets every event in the end', () => {
  let world: World;
  let tower: Tower;
  let elsewhere: Inbox;
  const inboxes = new Map<string, Inbox>();

  beforeAll(async () => {
    world = await startWorld({
      // Requests are counted here: none may be repeated because a busy machine took longer than an attempt may.
      stageConfig: {
        ...testStage,
        delivery: { ...testStage.delivery, attemptTimeoutMs: 3_000, timeoutSeconds: 12 },
      },
      network: (receiver) => {
        elsewhere = receiver.expect('/elsewhere');
        for (const [name, answers] of Object.entries(troubles)) {
          const behaviour = (request: { attempt: number }) => answers[request.attempt - 1] ?? ok;
          inboxes.set(name, receiver.expect(`/${name}`, { secret, behaviour }));
        }
        // Its second attempt is due later than the queue may delay it: `timers` brings it back.
        inboxes.set(
          'slow-to-recover',
          receiver.expect('/slow-to-recover', {
            secret,
            behaviour: ({ attempt }) => (attempt === 1 ? { status: 502 } : ok),
          }),
        );
        inboxes.set(
          'never',
          receiver.expect('/never', { secret, behaviour: { status: 500, body: 'broken' } }),
        );
        inboxes.set('gone', receiver.expect('/gone', { secret, behaviour: { status: 410 } }));
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }] }],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            ...Object.keys(troubles).map((name) => endpoint(name, receiver.url(`/${name}`))),
            { ...endpoint('never', receiver.url('/never')), scheduleSeconds: [0, 1, 1] },
            { ...endpoint('gone', receiver.url('/gone')) },
            { ...endpoint('slow-to-recover', receiver.url('/slow-to-recover')), scheduleSeconds: [0, 40] },
            { ...endpoint('refusing', nobody), scheduleSeconds: [0, 1] },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
    for (let index = 0; index < events; index += 1) await tower.publish({ type: 'locker.opened', locker: 1 });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const recordsOf = async (endpointId: string): Promise<DeliveryRecord[]> =>
    (await world.deliveries()).filter((record) => record.endpointId === endpointId);

  it.each(Object.keys(troubles))(
    '%s: all events, same id, fresh timestamps, good signatures',
    async (name) => {
      const inbox = inboxes.get(name);
      if (inbox === undefined) throw new Error(`no inbox ${name}`);
      await inbox.waitForAccepted(events, 60_000);
      expect(inbox.distinct).toBe(events);
      expect(inbox.badSignatures).toBe(0);
      const attempts = Map.groupBy(inbox.requests, (request: ReceivedRequest) => request.id);
      for (const requests of attempts.values()) {
        expect(requests.length).toBe((troubles[name]?.length ?? 0) + 1);
        const stamps = requests.map((request) => Number(request.headers['webhook-timestamp']));
        expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
        for (const request of requests)
          expect(
            Math.abs(Number(request.headers['webhook-timestamp']) - request.arrivedAtMs / 1000),
          ).toBeLessThan(5);
        // The bytes of a retry are those of the first attempt.
        expect(new Set(requests.map((request) => request.body.toString('hex'))).size).toBe(1);
      }
      const records = await waitFor(
        async () => {
          const found = await recordsOf(name);
          return found.length === events && found.every((record) => record.status === 'delivered')
            ? found
            : undefined;
        },
        { timeoutMs: 20_000, describe: () => `${events} delivered records of ${name}` },
      );
      const attemptsMade = (troubles[name]?.length ?? 0) + 1;
      for (const record of records) {
        // Each request that came is an attempt on record, also what broke a connection that was kept alive.
        expect(record.attempts.length).toBe(attemptsMade);
        expect(record.attempts.at(-1)).toMatchObject({ outcome: 'delivered', status: 200, reason: null });
      }
    },
    60_000,
  );

  it('slow-to-recover: an attempt that is due after the longest delay comes back by the timers', async () => {
    const inbox = inboxes.get('slow-to-recover');
    await inbox?.waitForAccepted(events, 150_000);
    const waitsMs = [...Map.groupBy(inbox?.requests ?? [], ({ id }) => id).values()].map(
      ([first, second]) => (second?.arrivedAtMs ?? 0) - (first?.arrivedAtMs ?? 0),
    );
    expect(waitsMs.length).toBe(events);
    expect(inbox?.requests.length).toBe(2 * events);
    // 40 s less the jitter of 20 %.
    expect(Math.min(...waitsMs)).toBeGreaterThanOrEqual(31_900);
  }, 160_000);

  it('redirects are not followed', () => {
    expect(elsewhere.requests).toEqual([]);
  });

  it.each([
    ['never', 3, 'http_500', 500],
    ['refusing', 2, 'connection_refused', null],
  ] as const)(
    '%s: dead deliveries after %i attempts, with the reason',
    async (name, attempts, reason, status) => {
      const records = await waitFor(
        async () => {
          const found = await recordsOf(name);
          return found.length === events && found.every((record) => record.status === 'dead')
            ? found
            : undefined;
        },
        { timeoutMs: 60_000, describe: () => `${events} dead deliveries of ${name}` },
      );
      for (const record of records) {
        expect(record.attempts.map((attempt) => attempt.number)).toEqual(
          Array.from({ length: attempts }, (_, i) => i + 1),
        );
        expect(record.attempts.at(-1)).toMatchObject({ outcome: 'failed', reason, status });
        expect(record.reason).toBe(reason);
      }
    },
    60_000,
  );

  it('410 disables the endpoint; what it did not take is held, not lost', async () => {
    const records = await waitFor(
      async () => {
        const found = await recordsOf('gone');
        return found.length === events ? found : undefined;
      },
      { timeoutMs: 30_000, describe: () => `${events} records of the endpoint that is gone` },
    );
    expect(new Set(records.map((record) => record.status))).toEqual(new Set(['held']));
    const endpoint = (await world.entities('endpoint')).find((item) => item['endpointId'] === 'gone');
    expect(endpoint).toMatchObject({ status: 'disabled' });
    const before = inboxes.get('gone')?.requests.length;
    await tower.publish({ type: 'locker.opened', locker: 1 });
    await waitFor(async () => ((await recordsOf('gone')).length === events + 1 ? true : undefined), {
      timeoutMs: 20_000,
      describe: () => 'a held record of the next event',
    });
    expect(inboxes.get('gone')?.requests.length).toBe(before);
  }, 60_000);
});
