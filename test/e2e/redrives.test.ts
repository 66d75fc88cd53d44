import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { Tower } from '../helpers/tower.ts';
import { otherSecret, secret, standardEndpoint, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const before = 6;
const missed = 10;
/** `timers` moves redrives on every minute. */
const someMinutes = 200_000;

const RedriveSchema = z.looseObject({
  redriveId: z.string(),
  status: z.string(),
  sent: z.int(),
});
const replayOf = ({ headers }: ReceivedRequest): string | undefined => headers['towercast-replay'];

describe('what an endpoint missed', () => {
  let world: World;
  let tower: Tower;
  let acme: ApiClient;
  let main: Inbox;
  let fresh: Inbox;
  let freshUrl: string;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        main = receiver.expect('/main', { secret });
        fresh = receiver.expect('/fresh', { secret: otherSecret });
        freshUrl = receiver.url('/fresh');
        return {
          towers: [{ towerId, partnerIds: ['acme'], lockers: [{ locker: 1 }, { locker: 2 }] }],
          partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }],
          endpoints: [standardEndpoint('main', receiver.url('/main'))],
        };
      },
    });
    tower = await world.tower(towerId);
    acme = await signIn(world.stack.ready, 'acme-backend', 'partner');
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  async function publish(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await tower.publish({ type: 'locker.opened', locker: 1 + (index % 2) });
  }

  async function setStatus(status: 'active' | 'disabled'): Promise<void> {
    const { headers } = await acme.call('GET', '/v1/endpoints/main');
    const answer = await acme.call('PATCH', '/v1/endpoints/main', {
      body: { status },
      headers: { 'if-match': headers.get('etag') ?? '' },
    });
    expect(answer.status).toBe(200);
  }

  async function post(path: string, body?: object) {
    const answer = await acme.call('POST', path, body === undefined ? {} : { body });
    expect(answer).toMatchObject({ status: 202 });
    return answer.json;
  }

  const ended = async (redriveId: string) =>
    waitFor(
      async () => {
        const { json } = await acme.call('GET', `/v1/redrives/${redriveId}`);
        const redrive = RedriveSchema.parse(json);
        return redrive.status === 'running' ? undefined : redrive;
      },
      { timeoutMs: someMinutes, describe: () => `the end of ${redriveId}` },
    );

  it('while it was disabled, from before it existed, or once already, is sent again and marked', async () => {
    await publish(before);
    await main.waitForAccepted(before, 30_000);
    const first = new Set(main.accepted);

    // Held while it is disabled: nothing of this was ever sent.
    await setStatus('disabled');
    await waitFor(
      async () => {
        // Each process of the function may know the endpoint as it was for a second.
        await publish(1);
        const records = await world.deliveries();
        return records.filter(({ status }) => status === 'held').length >= missed ? true : undefined;
      },
      { timeoutMs: 30_000, describe: () => `${missed} deliveries that are held` },
    );
    const events = await waitFor(
      async () => {
        const all = await world.events();
        const records = await world.deliveries();
        return records.length === all.length && records.every(({ status }) => status !== 'pending')
          ? all
          : undefined;
      },
      { timeoutMs: 30_000, describe: () => 'a record of each delivery' },
    );
    const seen = new Set(main.accepted);
    const held = (await world.deliveries()).filter(({ status }) => status === 'held');
    expect((await acme.call('POST', '/v1/endpoints/main/recover', { body: {} })).json).toMatchObject({
      code: 'endpoint_disabled',
    });
    await setStatus('active');

    const recovery = RedriveSchema.parse(await post('/v1/endpoints/main/recover', {}));
    expect(RedriveSchema.parse(await post('/v1/endpoints/main/recover', {})).redriveId).toBe(
      recovery.redriveId,
    );

    // An endpoint that has heard of nothing yet.
    const created = await acme.call('POST', '/v1/endpoints', {
      body: { url: freshUrl, secret: otherSecret },
    });
    const { endpointId } = z.object({ endpointId: z.string() }).parse(created.json);
    const history = { endpointId, source: 'events', filter: { lockers: [1] } };
    const wanted = events.filter(({ locker }) => locker === 1);
    const dry = await acme.call('POST', '/v1/redrives', { body: { ...history, dryRun: true } });
    expect(dry).toMatchObject({ status: 200, json: { count: wanted.length, exact: true } });
    const replay = RedriveSchema.parse(await post('/v1/redrives', history));

    // One that was delivered long ago.
    const [again = ''] = first;
    const delivery = (await world.deliveries()).find(({ event }) => event.id === again);
    await post(`/v1/deliveries/${delivery?.id}/retry`);

    expect(await ended(recovery.redriveId)).toMatchObject({ status: 'done', sent: held.length });
    expect(await ended(replay.redriveId)).toMatchObject({ status: 'done', sent: wanted.length });
    await main.waitForAccepted(events.length, 60_000);
    await fresh.waitForAccepted(wanted.length, 60_000);
    await waitFor(() => (main.requests.some((one) => replayOf(one) === 'true') ? true : undefined), {
      timeoutMs: someMinutes,
      describe: () => 'the retried delivery',
    });

    expect(main.accepted).toEqual(new Set(events.map(({ id }) => id)));
    expect(fresh.accepted).toEqual(new Set(wanted.map(({ id }) => id)));
    const replays = main.requests.filter((one) => replayOf(one) !== undefined);
    const marks = [...held.map(({ event }) => `${event.id} ${recovery.redriveId}`), `${again} true`];
    expect(new Set(replays.map((one) => `${one.id} ${replayOf(one)}`))).toEqual(new Set(marks));
    expect(replays).toHaveLength(marks.length);
    expect(main.requests.filter((one) => replayOf(one) === undefined).map(({ id }) => id)).toEqual([...seen]);
    expect(fresh.requests.every((one) => replayOf(one) === replay.redriveId)).toBe(true);
    expect(main.badSignatures + fresh.badSignatures).toBe(0);
    await waitFor(
      async () =>
        (await world.deliveries()).every(({ status }) => status === 'delivered') ? true : undefined,
      { timeoutMs: 20_000, describe: () => 'every delivery as delivered' },
    );
  }, 480_000);
});
