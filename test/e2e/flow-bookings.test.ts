import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiAnswer, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const details = {
  departmentId: 'north',
  start: '2030-03-21T10:00:00Z',
  end: '2030-03-21T11:00:00Z',
  numberOfPeople: 4,
  customer: { name: 'Ada' },
};
const idOf = (answer: ApiAnswer, name: string): string =>
  z.looseObject({ [name]: z.string() }).parse(answer.json)[name] ?? '';
const messageOf = (request: ReceivedRequest): string => request.headers['x-messageid'] ?? '';

describe('a booking is told by message pointers, until its message is read', () => {
  let world: World;
  let north: Inbox;
  let south: Inbox;
  let lockme: ApiClient;
  let rival: ApiClient;

  /** An integration by the API, with its inbox. */
  const integrate = async (path: string, departmentId: string, key: string, active = true) => {
    const inbox = world.receiver.expect(path, { secret: key, behaviour: { status: 200 } });
    const url = world.receiver.url(path);
    const body = { departmentId, name: path.slice(1), url, active, secret: key };
    const answer = await lockme.call('POST', '/v1/integrations', { body });
    expect(answer).toMatchObject({ status: 201, json: { apiVersion: 'v1', active } });
    return { inbox, integrationId: idOf(answer, 'integrationId') };
  };
  const book = async (changes: Record<string, unknown> = {}) => {
    const answer = await lockme.call('POST', '/v1/bookings', { body: { ...details, ...changes } });
    expect(answer.status).toBe(201);
    return idOf(answer, 'bookingId');
  };
  const statusOf = async (messageId: string, inbox: string) =>
    (await world.deliveries()).find(({ event, endpointId }) => event.id === messageId && endpointId === inbox)
      ?.status;

  let northId: string;
  /** Two of one department. */
  let east: Awaited<ReturnType<typeof integrate>>[];

  beforeAll(async () => {
    world = await startWorld({
      network: () => ({
        partners: [
          { partnerId: 'lockme', clientIds: ['lockme-backend'] },
          { partnerId: 'rival', clientIds: ['rival-backend'] },
        ],
      }),
    });
    lockme = await signIn(world.stack.ready, 'lockme-backend', 'partner');
    rival = await signIn(world.stack.ready, 'rival-backend', 'partner');
    ({ inbox: north, integrationId: northId } = await integrate('/north', 'north', secret));
    ({ inbox: south } = await integrate('/south', 'south', otherSecret));
    east = [await integrate('/east-1', 'east', secret), await integrate('/east-2', 'east', otherSecret)];
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('adding, editing and deleting, each with an empty body and the two headers, signed', async () => {
    const bookingId = await book();
    const [added] = await north.waitForRequests(1, 20_000);
    if (added === undefined) throw new Error('no request');
    expect(added).toMatchObject({
      method: 'POST',
      signature: 'ok',
      headers: { 'user-agent': 'LockMe/1.0', 'webhook-id': messageOf(added), 'content-length': '0' },
    });
    expect(added.body.byteLength).toBe(0);
    expect(added.headers).not.toHaveProperty('content-type');

    const message = await lockme.call('GET', `/message/${messageOf(added)}`);
    expect(message).toMatchObject({
      status: 200,
      json: { action: 'add', readAt: null, booking: { bookingId, numberOfPeople: 4 } },
    });
    expect((await rival.call('GET', `/message/${messageOf(added)}`)).status).toBe(404);
    expect((await rival.call('POST', `/message/${messageOf(added)}`)).status).toBe(404);

    const path = `/v1/bookings/${bookingId}`;
    await lockme.call('PATCH', path, { headers: { 'if-match': '"1"' }, body: { numberOfPeople: 5 } });
    await lockme.call('DELETE', path);
    for (const action of ['edit', 'delete'])
      await waitFor(
        async () => {
          const messages = await Promise.all(
            [...new Set(north.requests.map(messageOf))].map((id) => lockme.call('GET', `/message/${id}`)),
          );
          return messages.find(
            ({ json }) => z.looseObject({ action: z.literal(action) }).safeParse(json).success,
          );
        },
        { timeoutMs: 20_000, describe: () => `the message of ${action}` },
      );
    for (const request of north.requests) expect(request.signature).toBe('ok');
  }, 60_000);

  it('again and again though every POST was answered 200, and no more once it was read', async () => {
    const bookingId = await book();
    const isOurs = async (request: ReceivedRequest) => {
      const { json } = await lockme.call('GET', `/message/${messageOf(request)}`);
      return z.looseObject({ booking: z.looseObject({ bookingId: z.string() }) }).parse(json).booking
        .bookingId;
    };
    const first = await waitFor(
      async () => {
        for (const request of north.requests) if ((await isOurs(request)) === bookingId) return request;
        return undefined;
      },
      { timeoutMs: 20_000, describe: () => 'the notification' },
    );
    const messageId = messageOf(first);
    // Steps of one and of four seconds: far enough apart for a machine that is late by some.
    const fifth = await north.waitFor(({ id, attempt }) => id === messageId && attempt === 5, 30_000);
    const times = north.requests.filter(({ id }) => id === messageId).map(({ arrivedAtMs }) => arrivedAtMs);
    const [one = 0, two = 0, , four = 0, five = 0] = times;
    expect(five - four).toBeGreaterThan(two - one);
    expect(fifth.answer).toEqual({ status: 200 });
    expect(await statusOf(messageId, northId)).toBe('pending');

    expect((await lockme.call('POST', `/message/${messageId}`)).status).toBe(204);
    const read = north.attemptsOf(messageId);
    expect((await lockme.call('POST', `/message/${messageId}`)).status).toBe(204);
    // What comes next would have been a repeat: the record is delivered instead.
    await waitFor(async () => ((await statusOf(messageId, northId)) === 'delivered' ? true : undefined), {
      timeoutMs: 20_000,
      describe: () => 'the delivery to be delivered',
    });
    expect(north.attemptsOf(messageId)).toBe(read);
  }, 60_000);

  it('to each integration of the department, and one mark-as-read stops the repeats to both', async () => {
    const bookingId = await book({ departmentId: 'east' });
    const [first] = await Promise.all(east.map(async ({ inbox }) => inbox.waitForRequests(1, 20_000)));
    const messageId = first?.[0] === undefined ? '' : messageOf(first[0]);
    const { json } = await lockme.call('GET', `/message/${messageId}`);
    expect(json).toMatchObject({ booking: { bookingId, departmentId: 'east' } });
    // Both are repeated to, and of the same message.
    for (const { inbox, integrationId } of east) {
      await inbox.waitFor(({ id, attempt }) => id === messageId && attempt === 2, 20_000);
      expect(await statusOf(messageId, integrationId)).toBe('pending');
    }

    expect((await lockme.call('POST', `/message/${messageId}`)).status).toBe(204);
    const read = east.map(({ inbox }) => inbox.attemptsOf(messageId));
    for (const { integrationId } of east)
      await waitFor(
        async () => ((await statusOf(messageId, integrationId)) === 'delivered' ? true : undefined),
        { timeoutMs: 20_000, describe: () => `the delivery to ${integrationId} to be delivered` },
      );
    expect(east.map(({ inbox }) => inbox.attemptsOf(messageId))).toEqual(read);
  }, 60_000);

  it('that nobody reads ends as a dead delivery, unread', async () => {
    const dead = await waitFor(
      async () => (await world.deliveries()).find(({ status }) => status === 'dead'),
      { timeoutMs: 60_000, describe: () => 'a dead delivery' },
    );
    expect(dead).toMatchObject({ reason: 'unread', endpointId: northId });
    // Each attempt was answered 200: six of them, by the schedule of the test stage.
    expect(dead.attempts.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  }, 70_000);

  it('to the department’s integrations only', async () => {
    const bookingId = await book({ departmentId: 'south' });
    const [request] = await south.waitForRequests(1, 20_000);
    const message = await lockme.call('GET', `/message/${request === undefined ? '' : messageOf(request)}`);
    expect(message.json).toMatchObject({ booking: { bookingId, departmentId: 'south' } });
    expect(north.requests.map(messageOf)).not.toContain(request === undefined ? '' : messageOf(request));
  }, 30_000);

  it('to active integrations only, and none can be deleted', async () => {
    const { inbox, integrationId } = await integrate('/sleeping', 'west', secret, false);
    const path = `/v1/integrations/${integrationId}`;
    expect(await lockme.call('DELETE', path)).toMatchObject({ status: 405 });
    // `fan-out` knows of a new integration within a second.
    await waitFor(
      async () => {
        await book({ departmentId: 'west' });
        return (await world.deliveries()).find(
          ({ endpointId, status }) => endpointId === integrationId && status === 'held',
        );
      },
      { timeoutMs: 20_000, describe: () => 'a delivery to be held' },
    );
    expect(inbox.requests).toEqual([]);
    const { headers } = await lockme.call('GET', path);
    const etag = headers.get('etag') ?? '';
    const activated = await lockme.call('PATCH', path, {
      headers: { 'if-match': etag },
      body: { active: true },
    });
    expect(activated).toMatchObject({ status: 200, json: { active: true } });
    await waitFor(
      async () => {
        await book({ departmentId: 'west' });
        return inbox.requests.length > 0 ? true : undefined;
      },
      { timeoutMs: 20_000, describe: () => 'a notification of the activated integration' },
    );
  }, 60_000);
});
