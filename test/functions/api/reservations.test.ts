import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { expresses } from '../../../schemas/contract-events.ts';
import { renderedSample } from '../../../schemas/documents/webhooks.ts';
import { towerId } from '../domain/samples.ts';
import { startLockerWorld, type Call, type LockerWorld } from './locker-world.ts';

let world: LockerWorld;
beforeEach(async () => {
  world = await startLockerWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const PageSchema = z.object({
  items: z.array(z.looseObject({ reservationId: z.string() })),
  nextCursor: z.string().nullable(),
});
const path = '/v1/reservations';
const wanted = {
  towerId,
  flowType: 'OUTLET',
  barcode: '1234567890123',
  docNumber: 'DOC-10001',
  expirationDate: '2026-03-22T10:15:00+01:00',
};
const as = 'carrier';
const create = async (changes: Record<string, unknown> = {}) =>
  world.call('POST', path, { as, body: { ...wanted, ...changes } });
const call = async (method: string, id: unknown, suffix = '', options: Call = {}) =>
  world.call(method, `${path}/${String(id)}${suffix}`, { as, ...options });
const patch = async (id: unknown, body: Record<string, unknown>, etag = '"1"') =>
  call('PATCH', id, '', { body, headers: { 'if-match': etag } });
const lockerStatus = async (number: unknown) =>
  (await world.entity('locker')).find(({ locker }) => locker === number)?.status;
/** What a `reservation-status` endpoint gets. */
const sent = async () =>
  (await world.events())
    .filter((event) => expresses('reservation-status', event))
    .map((event) => ('status' in event.data ? event.data.status : ''));

/** One whose parcel was put in at the tower. */
const stocked = async () => {
  const { json } = await create();
  world.laterBy(60);
  await world.tell({
    type: 'parcel.stocked',
    locker: json['locker'],
    reservationId: json['reservationId'],
  });
  return json;
};

describe('a reservation', () => {
  it('is created RESERVED, with a locker of its own, and answered in full', async () => {
    const { status, json, headers } = await create();
    expect(status).toBe(201);
    expect(json).toEqual({
      reservationId: json['reservationId'],
      partnerId: 'carrier',
      towerId,
      locker: json['locker'],
      unitId: `UNIT-${String(json['locker'])}`,
      status: 'RESERVED',
      changeTime: world.now,
      flowType: 'OUTLET',
      barcode: '1234567890123',
      docNumber: 'DOC-10001',
      expirationDate: '2026-03-22T09:15:00.000Z',
    });
    expect(json['reservationId']).toMatch(/^RES-[0-9B-Z]{12}$/);
    expect(headers).toMatchObject({ etag: '"1"', location: `${path}/${String(json['reservationId'])}` });
    expect(await lockerStatus(json['locker'])).toBe('rented');
    expect(await world.eventTypes()).toEqual(['reservation.created', 'reservation.reserved']);
  });

  it('leaves out optional fields that it does not have', async () => {
    const { json } = await create({ docNumber: undefined, expirationDate: undefined });
    expect(json).not.toHaveProperty('docNumber');
    expect(json).not.toHaveProperty('expirationDate');
  });

  it('is refused when no locker is available, or the one that was asked for is not', async () => {
    expect((await create({ locker: 2 })).json).toMatchObject({ locker: 2 });
    expect(await create({ locker: 2 })).toMatchObject({
      status: 409,
      json: { code: 'locker_not_available' },
    });
    await create();
    await create();
    expect(await create()).toMatchObject({ status: 409, json: { code: 'no_locker_available' } });
  });

  it('never gets the locker of another, however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, async () => create()));
    const given = answers.filter(({ status }) => status === 201).map(({ json }) => json['locker']);
    expect(new Set(given).size).toBe(given.length);
    expect(await world.entity('reservation')).toHaveLength(given.length);
  });

  it('is read and listed by its partner only, page by page', async () => {
    const ids = [await create(), await create(), await create()].map(({ json }) =>
      String(json['reservationId']),
    );
    expect((await call('GET', ids[0])).json).toMatchObject({ reservationId: ids[0] });
    for (const [method, suffix] of [
      ['GET', ''],
      ['POST', '/cancel'],
      ['POST', '/returned'],
    ] as const)
      expect((await call(method, ids[0], suffix, { as: 'opener' })).status).toBe(404);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query = { limit: '2', ...(cursor !== null && { cursor }) };
      const page = PageSchema.parse((await world.call('GET', path, { as, query })).json);
      seen.push(...page.items.map(({ reservationId }) => reservationId));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids.toSorted());
    expect((await world.call('GET', path, { as: 'opener' })).json).toMatchObject({ items: [] });
  });

  it.each([
    [{ towerId: 'no tower' }, '/body/towerId'],
    [{ barcode: '' }, '/body/barcode'],
    [{ colour: 'red' }, '/body/colour'],
    [{ expirationDate: 'tomorrow' }, '/body/expirationDate'],
    [{ expirationDate: '2026-03-20T08:59:59Z' }, '/body/expirationDate'],
    [{ expirationDate: '2056-03-20T08:59:59Z' }, '/body/expirationDate'],
  ])('that is malformed is told where: %o', async (changes, pointer) => {
    expect(await create(changes)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });
});

describe('a change of a reservation', () => {
  it('docNumber can also be a manually written courier PIN: the next webhook shows it', async () => {
    const { json } = await create();
    const { reservationId, locker } = json;
    expect(await patch(reservationId, { docNumber: '4711' })).toMatchObject({
      status: 200,
      json: { docNumber: '4711' },
    });
    world.laterBy(60);
    await world.tell({ type: 'parcel.stocked', locker, reservationId });
    const events = await world.events();
    const webhooks = events
      .filter((event) => expresses('reservation-status', event))
      .map((event) => renderedSample('reservation-status', event));
    expect(webhooks).toEqual([
      expect.objectContaining({ reservationId, status: 'STOCKED', docNumber: '4711' }),
    ]);
  });

  it('takes details, removes optional ones with null, and needs If-Match', async () => {
    const { json } = await create();
    const id = json['reservationId'];
    expect((await call('PATCH', id, '', { body: { barcode: '1' } })).status).toBe(428);
    const answer = await patch(id, {
      barcode: '999',
      docNumber: null,
      expirationDate: '2026-03-25T00:00:00Z',
    });
    expect(answer).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(answer.json).toMatchObject({ barcode: '999', expirationDate: '2026-03-25T00:00:00.000Z' });
    expect(answer.json).not.toHaveProperty('docNumber');
    expect(answer.json).toMatchObject({ status: 'RESERVED', changeTime: json['changeTime'] });
    expect((await patch(id, { barcode: '1' })).status).toBe(412);
    expect(await world.eventTypes()).toContain('reservation.updated');
  });

  it('that changes nothing makes no event', async () => {
    const { json } = await create();
    expect(await patch(json['reservationId'], { barcode: wanted.barcode })).toMatchObject({
      status: 200,
      headers: { etag: '"1"' },
    });
    expect(await world.events()).toHaveLength(2);
  });

  it('moves the expiry', async () => {
    const { json } = await create();
    await patch(json['reservationId'], { expirationDate: '2026-03-20T09:10:00Z' });
    world.laterBy(600);
    await world.runTimers();
    expect(await sent()).toEqual(['EXPIRED']);
  });

  it('is refused when the reservation is over', async () => {
    const { json } = await create();
    await call('POST', json['reservationId'], '/cancel');
    expect(await patch(json['reservationId'], { barcode: '1' }, '"2"')).toMatchObject({
      status: 409,
      json: { code: 'transition_not_allowed' },
    });
  });
});

describe('the rules of the partner document', () => {
  it('NEW and RESERVED (not sent): the carrier learns the reservation from the HTTP response', async () => {
    await create();
    expect(await world.eventTypes()).toEqual(['reservation.created', 'reservation.reserved']);
    expect(await sent()).toEqual([]);
  });

  it('CANCELED (not sent): driven by the HTTP interaction', async () => {
    const { json } = await create();
    expect((await call('POST', json['reservationId'], '/cancel')).json).toMatchObject({ status: 'CANCELED' });
    expect((await call('POST', json['reservationId'], '/cancel')).status).toBe(200);
    expect(await lockerStatus(json['locker'])).toBe('available');
    const other = await create();
    await patch(other.json['reservationId'], { status: 'CANCELED' });
    expect((await world.eventTypes()).filter((type) => type === 'reservation.canceled')).toHaveLength(2);
    expect(await sent()).toEqual([]);
  });

  it('when the carrier updates a reservation, no update-driven transition is sent', async () => {
    const { json } = await create();
    const id = json['reservationId'];
    expect((await patch(id, { status: 'STOCKED', barcode: '77' })).json).toMatchObject({
      status: 'STOCKED',
      barcode: '77',
    });
    expect((await patch(id, { status: 'RETURNING' }, '"2"')).json).toMatchObject({ status: 'RETURNING' });
    expect((await call('POST', id, '/returned')).json).toMatchObject({ status: 'RETURNED' });
    const picked = await create();
    await patch(picked.json['reservationId'], { status: 'STOCKED' });
    await patch(picked.json['reservationId'], { status: 'PICKED_UP' }, '"2"');
    const partly = await create();
    await patch(partly.json['reservationId'], { status: 'INCOMPLETE' });
    expect((await world.events()).every(({ cause }) => cause === 'api')).toBe(true);
    expect(await sent()).toEqual([]);
  });

  const patches = {
    RESERVED: [],
    INCOMPLETE: ['INCOMPLETE'],
    STOCKED: ['STOCKED'],
    RETURNING: ['STOCKED', 'RETURNING'],
    RETURNED: ['STOCKED', 'RETURNED'],
    PICKED_UP: ['STOCKED', 'PICKED_UP'],
    CANCELED: ['CANCELED'],
  } as const;
  it.each(Object.entries(patches))(
    '%s is told when an operator brought it about, and only then',
    async (_, path) => {
      for (const caller of [as, 'operator']) {
        const id = (await create()).json['reservationId'];
        for (const [index, status] of path.entries()) {
          const headers = { 'if-match': `"${index + 1}"` };
          const answer = await call('PATCH', id, '', { as: caller, body: { status }, headers });
          expect(answer).toMatchObject({ status: 200, json: { status } });
        }
        const told = caller === 'operator' ? path.filter((status) => status !== 'CANCELED') : [];
        expect((await sent()).sort()).toEqual(told.toSorted());
      }
    },
  );

  it('an operator’s cancellation with the parcel inside is told as RETURNING', async () => {
    const json = await stocked();
    await call('POST', json['reservationId'], '/cancel', { as: 'operator' });
    expect((await sent()).sort()).toEqual(['RETURNING', 'STOCKED']);
    const returning = (await world.events()).find(({ type }) => type === 'reservation.returning');
    expect(returning).toMatchObject({ cause: 'operator', partnerIds: ['carrier'] });
  });

  it('details that an operator changes name it as the cause', async () => {
    const { json } = await create();
    const headers = { 'if-match': '"1"' };
    await call('PATCH', json['reservationId'], '', { as: 'operator', body: { barcode: '7' }, headers });
    const updated = (await world.events()).find(({ type }) => type === 'reservation.updated');
    expect(updated?.cause).toBe('operator');
  });

  it('EXPIRED (sent): automatically canceled after expiration', async () => {
    const { json } = await create({ expirationDate: '2026-03-20T09:10:00Z' });
    world.laterBy(599);
    await world.runTimers();
    expect(await sent()).toEqual([]);
    world.laterBy(1);
    await world.runTimers();
    expect(await sent()).toEqual(['EXPIRED']);
    expect(await lockerStatus(json['locker'])).toBe('available');
  });

  it('INCOMPLETE, STOCKED and PICKED_UP (sent): what the tower saw', async () => {
    const { json } = await create();
    const parcel = { locker: json['locker'], reservationId: json['reservationId'] };
    await world.tell({ type: 'parcel.incomplete', reason: 'partial', ...parcel });
    world.laterBy(60);
    await world.tell({ type: 'parcel.stocked', ...parcel });
    world.laterBy(60);
    await world.tell({ type: 'parcel.picked_up', ...parcel });
    expect((await sent()).sort()).toEqual(['INCOMPLETE', 'PICKED_UP', 'STOCKED']);
  });

  it('RETURNING (sent): not collected within the grace period', async () => {
    await stocked();
    world.laterBy(48 * 3_600 - 1);
    await world.runTimers();
    expect(await sent()).toEqual(['STOCKED']);
    world.laterBy(1);
    await world.runTimers();
    expect((await sent()).sort()).toEqual(['RETURNING', 'STOCKED']);
  });

  it('RETURNED (sent): the courier brought it back, as the depot’s operator reports', async () => {
    const json = await stocked();
    world.laterBy(48 * 3_600);
    await world.runTimers();
    const answer = await call('POST', json['reservationId'], '/returned', { as: 'operator' });
    expect(answer).toMatchObject({ status: 200, json: { status: 'RETURNED' } });
    expect((await call('POST', json['reservationId'], '/returned', { as: 'operator' })).status).toBe(200);
    expect((await sent()).sort()).toEqual(['RETURNED', 'RETURNING', 'STOCKED']);
    expect((await world.events()).find(({ type }) => type === 'reservation.returned')?.cause).toBe('courier');
    expect(await lockerStatus(json['locker'])).toBe('available');
  });

  it('RETURNED (sent): the courier collected it at the tower', async () => {
    const json = await stocked();
    world.laterBy(60);
    await world.tell({
      type: 'parcel.collected',
      locker: json['locker'],
      reservationId: json['reservationId'],
    });
    expect((await sent()).sort()).toEqual(['RETURNED', 'STOCKED']);
  });

  it('a cancellation with the parcel inside makes it RETURNING: a courier must fetch it', async () => {
    const json = await stocked();
    expect((await call('POST', json['reservationId'], '/cancel')).json).toMatchObject({
      status: 'RETURNING',
    });
    expect(await lockerStatus(json['locker'])).toBe('occupied');
    expect(await sent()).toEqual(['STOCKED']);
  });

  it('a parcel that was picked up can’t be canceled or returned', async () => {
    const json = await stocked();
    await patch(json['reservationId'], { status: 'PICKED_UP' }, '"2"');
    for (const suffix of ['/cancel', '/returned'])
      expect(await call('POST', json['reservationId'], suffix)).toMatchObject({
        status: 409,
        json: { code: 'transition_not_allowed' },
      });
  });
});
