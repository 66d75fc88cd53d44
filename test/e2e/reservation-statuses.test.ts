import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import type { Tower } from '../helpers/tower.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const twoMinutes = 120_000;
const expirationDate = new Date(Date.now() + 3_000).toISOString();
const later = new Date(Date.now() + 3_600_000).toISOString();

/** Grace periods of one second: `timers` ends them on its next minute. */
const stageConfig = { graceHours: 1 / 3600, timers: { timeoutSeconds: 10 } };

const StatusBodySchema = z.object({ reservationId: z.string(), status: z.string() });
const StandardBodySchema = z.object({
  type: z.string(),
  data: z.object({ reservationId: z.string().optional(), occurredAt: z.string(), cause: z.string() }),
});

const textOf = (request: ReceivedRequest): string => request.body.toString('utf8');
const statusOf = (request: ReceivedRequest) => StatusBodySchema.parse(JSON.parse(textOf(request)));
const is = (reservationId: string, status: string) => (request: ReceivedRequest) => {
  const body = statusOf(request);
  return body.reservationId === reservationId && body.status === status;
};

describe('reservation statuses arrive as the partner document says', () => {
  let world: World;
  let tower: Tower;
  let statuses: Inbox;
  let everything: Inbox;

  beforeAll(async () => {
    const reservation = (reservationId: string, locker: number) => ({
      reservationId,
      partnerId: 'acme',
      towerId,
      locker,
      flowType: 'OUTLET',
      barcode: `bar-${locker}`,
    });
    world = await startWorld({
      stageConfig,
      network: (receiver) => {
        statuses = receiver.expect('/status', { secret });
        everything = receiver.expect('/standard', { secret: otherSecret });
        return {
          towers: [
            {
              towerId,
              partnerIds: ['acme'],
              lockers: Array.from({ length: 9 }, (_, index) => ({
                locker: index + 1,
                unitId: `UNIT-${index + 1}`,
              })),
            },
          ],
          partners: [{ partnerId: 'acme' }],
          endpoints: [
            {
              endpointId: 'status',
              partnerId: 'acme',
              url: receiver.url('/status'),
              contract: 'reservation-status',
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
          reservations: [
            { ...reservation('RES-1', 1), docNumber: 'DOC-10001', expirationDate: later },
            reservation('RES-2', 2),
            reservation('RES-3', 3),
            { ...reservation('RES-4', 4), expirationDate },
            { ...reservation('RES-5', 5), status: 'CANCELED' },
            { ...reservation('RES-6', 6), status: 'NEW' },
            { ...reservation('RES-7', 7), status: 'PICKED_UP' },
          ],
        };
      },
    });
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('STOCKED and PICKED_UP have every field, in order, with the optional ones that are known', async () => {
    const stocked = await tower.publish({ type: 'parcel.stocked', locker: 1, reservationId: 'RES-1' });
    const request = await statuses.waitFor(is('RES-1', 'STOCKED'));
    expect(textOf(request)).toBe(
      `{"reservationId":"RES-1","unitId":"UNIT-1","status":"STOCKED","changeTime":"${stocked.at}",` +
        `"flowType":"OUTLET","barcode":"bar-1","docNumber":"DOC-10001","expirationDate":"${later}"}`,
    );
    expect(request).toMatchObject({ method: 'POST', signature: 'ok', attempt: 1 });
    expect(request.headers).toMatchObject({
      authorization: 'Bearer static-token-of-acme',
      'content-type': 'application/json',
    });
    const pickedUp = await tower.publish({ type: 'parcel.picked_up', locker: 1, reservationId: 'RES-1' });
    expect(textOf(await statuses.waitFor(is('RES-1', 'PICKED_UP')))).toContain(
      `"status":"PICKED_UP","changeTime":"${pickedUp.at}"`,
    );
  });

  it('INCOMPLETE leaves out the optional fields that are not known', async () => {
    const message = await tower.publish({
      type: 'parcel.incomplete',
      locker: 2,
      reservationId: 'RES-2',
      reason: 'oversize',
    });
    expect(textOf(await statuses.waitFor(is('RES-2', 'INCOMPLETE')))).toBe(
      `{"reservationId":"RES-2","unitId":"UNIT-2","status":"INCOMPLETE","changeTime":"${message.at}",` +
        `"flowType":"OUTLET","barcode":"bar-2"}`,
    );
  });

  it(
    'RETURNING comes by itself when the grace period ends, RETURNED when the courier collects',
    async () => {
      const stocked = await tower.publish({ type: 'parcel.stocked', locker: 3, reservationId: 'RES-3' });
      const graceEnd = new Date(Date.parse(stocked.at) + 1_000).toISOString();
      const returning = await statuses.waitFor(is('RES-3', 'RETURNING'), twoMinutes);
      expect(textOf(returning)).toBe(
        `{"reservationId":"RES-3","unitId":"UNIT-3","status":"RETURNING","changeTime":"${graceEnd}",` +
          `"flowType":"OUTLET","barcode":"bar-3"}`,
      );
      await tower.publish({ type: 'parcel.collected', locker: 3, reservationId: 'RES-3' });
      expect(statusOf(await statuses.waitFor(is('RES-3', 'RETURNED')))).toMatchObject({ status: 'RETURNED' });
    },
    twoMinutes,
  );

  it(
    'EXPIRED comes by itself at the expiration date',
    async () => {
      const expired = await statuses.waitFor(is('RES-4', 'EXPIRED'), twoMinutes);
      expect(textOf(expired)).toBe(
        `{"reservationId":"RES-4","unitId":"UNIT-4","status":"EXPIRED","changeTime":"${expirationDate}",` +
          `"flowType":"OUTLET","barcode":"bar-4","expirationDate":"${expirationDate}"}`,
      );
    },
    twoMinutes,
  );

  it('NEW, RESERVED, CANCELED and whatever was done over HTTP is never sent', async () => {
    const seen = async (type: string, reservationId: string) =>
      everything.waitFor((request) => {
        const body = StandardBodySchema.parse(JSON.parse(textOf(request)));
        return body.type === type && body.data.reservationId === reservationId && body.data.cause === 'api';
      });
    // The events exist and reach a contract that shows everything.
    await seen('reservation.created', 'RES-6');
    await seen('reservation.reserved', 'RES-1');
    await seen('reservation.canceled', 'RES-5');
    await seen('reservation.picked_up', 'RES-7');

    const bodies = statuses.requests.map((request) => statusOf(request));
    expect(bodies.filter((body) => ['RES-5', 'RES-6', 'RES-7'].includes(body.reservationId))).toEqual([]);
    expect(new Set(bodies.map((body) => body.status))).toEqual(
      new Set(['STOCKED', 'PICKED_UP', 'INCOMPLETE', 'RETURNING', 'RETURNED', 'EXPIRED']),
    );
    expect(statuses.badSignatures + everything.badSignatures).toBe(0);
    expect(statuses.requests.every((request) => request.attempt === 1)).toBe(true);
  });
});
