import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const queueId = 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d';
const BodySchema = z.object({
  type: z.string(),
  organization: z.string(),
  data: z.object({ position: z.looseObject({ id: z.string(), status: z.string(), type: z.string() }) }),
});
const bodyOf = (request: ReceivedRequest) => BodySchema.parse(JSON.parse(request.body.toString()));
const PositionSchema = z.looseObject({ positionId: z.string(), createdAt: z.string() });
const says = (type: string, id?: string) => (request: ReceivedRequest) => {
  const body = bodyOf(request);
  return body.type === type && (id ?? body.data.position.id) === body.data.position.id;
};

describe('positions of a queue are told as the partner document says', () => {
  let world: World;
  let inbox: Inbox;
  let strangers: Inbox;
  let store: ApiClient;

  const take = async (body: Record<string, unknown>) => {
    const answer = await store.call('POST', '/v1/positions', { body: { queue: queueId, ...body } });
    expect(answer.status).toBe(201);
    return PositionSchema.parse(answer.json);
  };
  const act = async (positionId: string, verb: string, body?: unknown) => {
    const answer = await store.call('POST', `/v1/positions/${positionId}/${verb}`, { body });
    expect(answer.status).toBe(200);
  };
  /** The request that says this of the position: there is one. */
  const heard = async (type: string, positionId: string, timeoutMs = 20_000) => {
    const request = await inbox.waitFor(says(type, positionId), timeoutMs);
    expect(request.signature).toBe('ok');
    return bodyOf(request).data.position;
  };

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/store', { secret });
        strangers = receiver.expect('/stranger', { secret: otherSecret });
        const endpoint = { contract: 'queue-position' as const };
        return {
          towers: [{ towerId, partnerIds: ['store'], lockers: [{ locker: 9 }] }],
          partners: [
            { partnerId: 'store', clientIds: ['store-backend'] },
            { partnerId: 'stranger', clientIds: ['stranger-backend'] },
          ],
          endpoints: [
            { ...endpoint, endpointId: 'store-1', partnerId: 'store', url: receiver.url('/store'), secret },
            {
              ...endpoint,
              endpointId: 'stranger-1',
              partnerId: 'stranger',
              url: receiver.url('/stranger'),
              secret: otherSecret,
            },
          ],
        };
      },
    });
    store = await signIn(world.stack.ready, 'store-backend', 'partner');
    const queue = { queueId, organization: 'ikea-dev', location: 'Sales - Living Room', towerIds: [towerId] };
    await store.call('POST', '/v1/queues', { body: queue });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('a booking that the customer cancels, to the byte', async () => {
    const { positionId, createdAt } = await take({
      type: 'booking',
      priority: 100,
      notification: { type: 'phoneNumber', settings: { from: '', to: '+4600000000', recipient: '' } },
      booking: { start: '2040-01-13T05:30:00Z', end: '2040-01-13T06:00:00Z' },
    });
    await heard('bookingConfirmation', positionId);
    await act(positionId, 'cancel');
    const cancelled = await inbox.waitFor(says('positionCancelled', positionId), 20_000);
    expect(cancelled.body.toString()).toBe(
      `{"message":null,"data":{"position":{"id":"${positionId}","location":"Sales - Living Room","type":"booking",` +
        `"priority":100,"createdAt":"${createdAt}","locale":"en","notification":{"type":"phoneNumber","settings":` +
        `{"from":"","to":"+4600000000","recipient":""}},"numberOfPeople":1,"booking":{"start":"2040-01-13T05:30:00Z",` +
        `"end":"2040-01-13T06:00:00Z"},"status":"rejected","label":"","queue":"${queueId}","QRCodeCheckInPositionId":` +
        `"{\\"type\\":\\"check-in-position\\",\\"positionId\\":\\"${positionId}\\"}","bookingReminderAt":` +
        `"2040-01-13T05:00:00Z"}},"type":"positionCancelled","organization":"ikea-dev"}`,
    );
    expect(cancelled.signature).toBe('ok');
  }, 60_000);

  it('a ticket from its creation to feedback, to the byte', async () => {
    const { positionId, createdAt } = await take({ type: 'walkIn', label: 'A2' });
    expect(await heard('positionCreated', positionId)).toMatchObject({ type: 'walkIn', status: 'waiting' });
    await act(positionId, 'call', { station: { id: 'st-1', label: 'C2' }, extraStatus: 'goToEntrance' });
    expect(await heard('positionCalled', positionId)).toMatchObject({ station: { label: 'C2' } });
    await act(positionId, 'retry');
    await heard('positionRetry', positionId);
    await act(positionId, 'check-in');
    const { fulfilledAt } = await heard('positionFulfilled', positionId);
    await act(positionId, 'check-out');
    await heard('positionCompleted', positionId);
    await act(positionId, 'feedback', { rating: 4, message: 'Lorem ipsum' });
    const feedback = await inbox.waitFor(says('feedbackReceived', positionId), 20_000);
    expect(feedback.body.toString()).toBe(
      `{"data":{"position":{"id":"${positionId}","status":"completed","priority":0,"location":"Sales - Living Room",` +
        `"label":"A2","locale":"en","type":"walkIn","queue":"${queueId}","createdAt":"${createdAt}",` +
        `"extraStatus":"goToEntrance","QRCodeCheckInPositionId":` +
        `"{\\"type\\":\\"check-in-position\\",\\"positionId\\":\\"${positionId}\\"}","station":{"id":"st-1","label":"C2"},` +
        `"notification":{"type":"none","settings":{"from":"","to":""}},"numberOfPeople":1,` +
        `"fulfilledAt":"${String(fulfilledAt)}","leaveReminderAt":null,"leaveAt":null,` +
        `"feedback":{"rating":4,"message":"Lorem ipsum"}}},"type":"feedbackReceived","organization":"ikea-dev"}`,
    );
  }, 60_000);

  it('what staff ends', async () => {
    const slot = { start: '2040-01-13T05:30:00Z', end: '2040-01-13T06:00:00Z' };
    const upcoming = await take({ type: 'booking', booking: slot });
    await act(upcoming.positionId, 'cancel-by-staff');
    expect(await heard('positionCancelledByStaff', upcoming.positionId)).toMatchObject({
      status: 'rejected',
    });
    const ticket = await take({ type: 'manual' });
    await act(ticket.positionId, 'reject');
    expect(await heard('bookingRemoved', ticket.positionId)).toMatchObject({ status: 'rejected' });
  }, 60_000);

  it('a walk-in and a check-in at the tower’s kiosk', async () => {
    const kiosk = await world.tower(towerId);
    await kiosk.publish({ type: 'position.walk_in', queue: queueId, label: 'K7' });
    const created = await inbox.waitFor(
      (request) => says('positionCreated')(request) && bodyOf(request).data.position['label'] === 'K7',
      20_000,
    );
    const { id } = bodyOf(created).data.position;
    await kiosk.publish({ type: 'position.checked_in', positionId: id });
    expect(await heard('positionFulfilled', id)).toMatchObject({ status: 'fulfilled', type: 'walkIn' });
    expect((await store.call('GET', `/v1/positions/${id}`)).json).toMatchObject({ status: 'fulfilled' });
  }, 60_000);

  it('a booking that is activated by itself when its time slot begins', async () => {
    const start = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 2_000).toISOString();
    const end = new Date(Date.parse(start) + 1_800_000).toISOString();
    const { positionId } = await take({ type: 'booking', booking: { start, end } });
    const position = await heard('bookingActivated', positionId, 100_000);
    expect(position).toMatchObject({ status: 'waiting' });
    const event = (await world.events()).find(({ type }) => type === 'position.booking_activated');
    expect(event).toMatchObject({ occurredAt: start, cause: 'timer' });
  }, 120_000);

  it('each of the eleven types was told, once for each event, and to nobody else', async () => {
    expect(new Set(inbox.requests.map((request) => bodyOf(request).type)).size).toBe(11);
    expect(strangers.requests).toEqual([]);
    expect(inbox.badSignatures).toBe(0);
  });
});
