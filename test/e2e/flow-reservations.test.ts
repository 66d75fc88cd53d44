import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import type { Tower } from '../helpers/tower.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const ViewSchema = z.looseObject({
  reservationId: z.string(),
  locker: z.int(),
  unitId: z.string(),
  status: z.string(),
});
const StatusSchema = z.looseObject({ reservationId: z.string(), status: z.string() });
const StandardSchema = z.object({ type: z.string(), data: z.looseObject({ cause: z.string() }) });
const parcel = { towerId, flowType: 'OUTLET', barcode: '1234567890123' };
const path = '/v1/reservations';
const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

const statusOf = (request: ReceivedRequest) => StatusSchema.parse(JSON.parse(request.body.toString()));

describe('a carrier’s reservations, from HTTP to the webhook', () => {
  let world: World;
  let statuses: Inbox;
  let everything: Inbox;
  let carrier: ApiClient;
  let operator: ApiClient;
  let tower: Tower;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        statuses = receiver.expect('/status', { secret });
        everything = receiver.expect('/standard', { secret: otherSecret });
        return {
          towers: [
            {
              towerId,
              partnerIds: ['acme'],
              lockers: [1, 2, 3, 4].map((locker) => ({ locker, unitId: `UNIT-${locker}` })),
            },
          ],
          partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }],
          endpoints: [
            {
              endpointId: 'status',
              partnerId: 'acme',
              url: receiver.url('/status'),
              contract: 'reservation-status',
              method: 'PUT',
              secret,
              auth: { type: 'bearer', token: 'static-token-of-acme' },
            },
            {
              endpointId: 'standard',
              partnerId: 'acme',
              url: receiver.url('/standard'),
              contract: 'standard',
              secret: otherSecret,
            },
          ],
        };
      },
    });
    carrier = await signIn(world.stack.ready, 'acme-backend', 'partner');
    operator = await signIn(world.stack.ready, 'operations', 'operator');
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const create = async (changes: Record<string, unknown> = {}) => {
    const answer = await carrier.call('POST', path, { body: { ...parcel, ...changes } });
    expect(answer.status).toBe(201);
    return ViewSchema.parse(answer.json);
  };
  const told = async (reservationId: string, status: string, timeoutMs = 20_000) =>
    statuses.waitFor((request) => {
      const body = statusOf(request);
      return body.reservationId === reservationId && body.status === status;
    }, timeoutMs);

  it('is answered, then stocked and picked up at the tower, told with the static token and the method of the endpoint', async () => {
    const reserved = await create({ docNumber: 'DOC-10001', expirationDate: tomorrow });
    expect(reserved.status).toBe('RESERVED');
    const { reservationId, locker, unitId } = reserved;
    const { at } = await tower.publish({ type: 'parcel.stocked', locker, reservationId });
    const request = await told(reservationId, 'STOCKED');
    expect(request.body.toString()).toBe(
      `{"reservationId":"${reservationId}","unitId":"${unitId}","status":"STOCKED","changeTime":"${at}",` +
        `"flowType":"OUTLET","barcode":"1234567890123","docNumber":"DOC-10001",` +
        `"expirationDate":"${tomorrow}"}`,
    );
    expect(request).toMatchObject({
      method: 'PUT',
      signature: 'ok',
      headers: { authorization: 'Bearer static-token-of-acme' },
    });
    await tower.publish({ type: 'parcel.picked_up', locker, reservationId });
    await told(reservationId, 'PICKED_UP');
    const read = await carrier.call('GET', `${path}/${reservationId}`);
    expect(read.json).toMatchObject({ status: 'PICKED_UP' });
  });

  it('RETURNED is told when an operator reports it for the courier', async () => {
    const { reservationId, locker } = await create();
    await tower.publish({ type: 'parcel.stocked', locker, reservationId });
    await told(reservationId, 'STOCKED');
    const answer = await operator.call('POST', `${path}/${reservationId}/returned`);
    expect(answer).toMatchObject({ status: 200, json: { status: 'RETURNED' } });
    await told(reservationId, 'RETURNED');
  });

  it('no webhook for a transition that the partner itself caused by HTTP', async () => {
    const { reservationId } = await create();
    const etag = (await carrier.call('GET', `${path}/${reservationId}`)).headers.get('etag') ?? '';
    const patched = await carrier.call('PATCH', `${path}/${reservationId}`, {
      body: { status: 'STOCKED', docNumber: 'PIN-7' },
      headers: { 'if-match': etag },
    });
    expect(patched.json).toMatchObject({ status: 'STOCKED', docNumber: 'PIN-7' });
    expect((await carrier.call('POST', `${path}/${reservationId}/cancel`)).json).toMatchObject({
      status: 'RETURNING',
    });
    expect((await carrier.call('POST', `${path}/${reservationId}/returned`)).json).toMatchObject({
      status: 'RETURNED',
    });
    // They are told where everything is.
    await everything.waitFor(({ body }) => {
      const { type, data } = StandardSchema.parse(JSON.parse(body.toString()));
      return (
        type === 'reservation.returned' && data['reservationId'] === reservationId && data.cause === 'api'
      );
    }, 20_000);
    expect(statuses.requests.map(statusOf).filter((body) => body.reservationId === reservationId)).toEqual(
      [],
    );
  });

  it('EXPIRED comes by itself, and gives the locker back', async () => {
    // Still to come when the API looks at it.
    const expirationDate = new Date(Date.now() + 10_000).toISOString();
    const { reservationId, locker } = await create({ expirationDate });
    expect(JSON.parse((await told(reservationId, 'EXPIRED', 120_000)).body.toString())).toMatchObject({
      changeTime: expirationDate,
    });
    expect((await carrier.call('GET', `/v1/towers/${towerId}/lockers/${locker}`)).json).toMatchObject({
      status: 'available',
    });
    expect(new Set(statuses.requests.map((request) => statusOf(request).status))).toEqual(
      new Set(['STOCKED', 'PICKED_UP', 'RETURNED', 'EXPIRED']),
    );
  }, 150_000);
});
