import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import { towerId } from '../domain/samples.ts';
import { lockers, startLockerWorld, type LockerWorld } from './locker-world.ts';

let world: LockerWorld;
beforeEach(async () => {
  world = await startLockerWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const path = '/v1/locker-open-requests';
const dropoff = { towerId, flow: 'dropoff', payload: { extra: 'data', test: 123 } };
const create = async (body: Record<string, unknown> = dropoff, as = 'opener') =>
  world.call('POST', path, { as, body });
const linkPath = (link: unknown): string => new URL(String(link)).pathname;
/** Opens the link, presses the button, and has the tower report that the token was used. */
async function deliver(link: unknown, name = 'Luis') {
  await world.call('POST', linkPath(link), { form: { name } });
  const command = world.commands.at(-1);
  if (command?.type !== 'open') throw new Error('nothing was sent');
  world.laterBy(5);
  await world.tell({ type: 'token.used', locker: command.locker, tokenId: command.tokenId });
}

describe('a drop-off', () => {
  it('gets an available locker and a link, and is told as LOCKER_ASSIGNED’s event', async () => {
    const { status, json, headers } = await create();
    expect(status).toBe(201);
    expect(json).toMatchObject({
      requestId: 1,
      towerId,
      flow: 'dropoff',
      payload: dropoff.payload,
      status: 'waiting',
      linkExpiresAt: '2026-03-21T09:00:00.000Z',
    });
    expect(json['link']).toMatch(/^https:\/\/api\.example\/o\/[A-Za-z0-9_-]{43}$/);
    expect(headers).toMatchObject({ location: `${path}/1`, etag: '"1"' });
    expect(await world.events()).toMatchObject([
      {
        type: 'locker.assigned',
        cause: 'api',
        locker: json['locker'],
        partnerIds: ['opener'],
        data: { lockerStatus: 'rented', requestId: 1, requestPayload: '{"extra":"data","test":123}' },
      },
    ]);
  });

  it('shows its link once: neither a read, a list nor a table has it', async () => {
    const { json } = await create();
    const secret = linkPath(json['link']).slice('/o/'.length);
    const read = await world.call('GET', `${path}/1`, { as: 'opener' });
    const listed = await world.call('GET', path, { as: 'opener' });
    expect(read.json).not.toHaveProperty('link');
    const stored = JSON.stringify([await world.tables.scan('entities'), await world.tables.scan('events')]);
    expect(read.body + listed.body + stored).not.toContain(secret);
    expect(listed.json).toMatchObject({ items: [{ requestId: 1 }], nextCursor: null });
  });

  it('is refused when no locker is available', async () => {
    for (let index = 0; index < 3; index += 1) expect((await create()).status).toBe(201);
    const refused = await create();
    expect(refused).toMatchObject({ status: 409, json: { code: 'no_locker_available' } });
    expect(await world.events()).toHaveLength(3);
  });

  it('never gets the locker of another, however many ask at once', async () => {
    await Promise.all(
      lockers(12)
        .slice(3)
        .map(async (locker) => world.tables.put('entities', entityItem(locker, 4))),
    );
    const answers = await Promise.all(Array.from({ length: 15 }, async () => create()));
    const given = answers.filter(({ status }) => status === 201).map(({ json }) => json['locker']);
    expect(new Set(given).size).toBe(given.length);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    const rented = (await world.entity('locker')).filter(({ status }) => status === 'rented');
    expect(rented).toHaveLength(given.length);
    expect(given.length).toBeGreaterThanOrEqual(8);
    const ids = answers.filter(({ status }) => status === 201).map(({ json }) => json['requestId']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('may ask for one locker, and is refused when that is taken', async () => {
    expect((await create({ ...dropoff, locker: 2 })).json).toMatchObject({ locker: 2 });
    const refused = await create({ ...dropoff, locker: 2 });
    expect(refused).toMatchObject({ status: 409, json: { code: 'locker_not_available' } });
  });

  it('at a tower that does not serve the partner is not found', async () => {
    expect((await create(dropoff, 'stranger')).status).toBe(404);
    expect((await create({ ...dropoff, towerId: 'nowhere' })).status).toBe(404);
  });
});

describe('a pick-up', () => {
  it('gets the locker that holds the item of the drop-off, and frees it when the token is used', async () => {
    const { json: brought } = await create();
    await deliver(brought['link']);
    expect((await world.entity('locker')).find(({ locker }) => locker === brought['locker'])).toMatchObject({
      status: 'occupied',
      holderId: 'opener',
    });
    const fetching = await create({ towerId, flow: 'pickup', itemRequestId: 1 });
    expect(fetching.json).toMatchObject({ requestId: 2, locker: brought['locker'], payload: null });
    await deliver(fetching.json['link'], 'Ana');
    expect((await world.entity('locker')).find(({ locker }) => locker === brought['locker'])).toMatchObject({
      status: 'available',
      holderId: null,
    });
    expect(await world.eventTypes()).toEqual([
      'command.sent',
      'command.sent',
      'locker.assigned',
      'locker.assigned',
      'locker.token_created',
      'locker.token_created',
      'locker.token_used',
      'locker.token_used',
    ]);
  });

  it('is refused when the locker holds nothing of the partner, or something else by now', async () => {
    const refused = { status: 409, json: { code: 'item_not_in_locker' } };
    expect(await create({ towerId, flow: 'pickup', locker: 1 })).toMatchObject(refused);
    const { json } = await create({ ...dropoff, locker: 1 });
    expect(await create({ towerId, flow: 'pickup', itemRequestId: 1 })).toMatchObject(refused);
    await deliver(json['link']);
    expect(await create({ towerId, flow: 'pickup', locker: 1 }, 'carrier')).toMatchObject(refused);
    const first = await create({ towerId, flow: 'pickup', locker: 1 });
    await deliver(first.json['link']);
    const again = await create({ ...dropoff, locker: 1 });
    await deliver(again.json['link']);
    expect(await create({ towerId, flow: 'pickup', itemRequestId: 1 })).toMatchObject(refused);
    expect((await create({ towerId, flow: 'pickup', locker: 1 })).status).toBe(201);
  });

  it.each([
    ['HTTP', false],
    ['its tower', true],
  ])('never gets the parcel of a reservation, stocked by %s', async (_, byTower) => {
    const wanted = { towerId, flowType: 'OUTLET', barcode: '1', locker: 1 };
    const { json } = await world.call('POST', '/v1/reservations', { as: 'opener', body: wanted });
    const reservationId = String(json['reservationId']);
    if (byTower) await world.tell({ type: 'parcel.stocked', locker: 1, reservationId });
    else
      await world.call('PATCH', `/v1/reservations/${reservationId}`, {
        as: 'opener',
        body: { status: 'STOCKED' },
        headers: { 'if-match': '"1"' },
      });
    const held = (await world.entity('locker')).find(({ locker }) => locker === 1);
    expect(held).toMatchObject({ status: 'occupied', holderId: 'opener' });
    expect(await create({ towerId, flow: 'pickup', locker: 1 })).toMatchObject({
      status: 409,
      json: { code: 'item_not_in_locker' },
    });
  });

  it('gets no link to a parcel that came in the place of the item', async () => {
    const { json } = await create({ ...dropoff, locker: 1 });
    await deliver(json['link']);
    const fetching = await create({ towerId, flow: 'pickup', locker: 1 });
    expect((await world.call('GET', linkPath(fetching.json['link']))).status).toBe(200);
    world.laterBy(60);
    await world.tell({ type: 'parcel.stocked', locker: 1, reservationId: 'RES-X' });
    expect((await world.call('GET', linkPath(fetching.json['link']))).status).toBe(410);
    for (const wanted of [{ locker: 1 }, { itemRequestId: 1 }])
      expect(await create({ towerId, flow: 'pickup', ...wanted })).toMatchObject({
        status: 409,
        json: { code: 'item_not_in_locker' },
      });
  });

  it('does not reach another partner’s drop-off', async () => {
    const { json } = await create();
    await deliver(json['link']);
    expect((await create({ towerId, flow: 'pickup', itemRequestId: 1 }, 'carrier')).status).toBe(404);
  });
});

describe('a locker open request', () => {
  it.each([
    [{ ...dropoff, color: 'red' }, '/body/color'],
    [{ ...dropoff, flow: 'sideways' }, '/body/flow'],
    [{ ...dropoff, itemRequestId: 1 }, '/body/itemRequestId'],
    [{ towerId, flow: 'pickup' }, '/body/itemRequestId'],
    [{ towerId, flow: 'pickup', itemRequestId: 1, locker: 1 }, '/body/itemRequestId'],
    [{ ...dropoff, payload: 'x'.repeat(33 * 1024) }, '/body/payload'],
  ])('that is malformed is told where: %#', async (body, pointer) => {
    expect(await create(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  it('is created once for each Idempotency-Key, link included', async () => {
    const call = { as: 'opener', body: dropoff, headers: { 'idempotency-key': 'k1' } };
    const first = await world.call('POST', path, call);
    const second = await world.call('POST', path, call);
    expect(second.json).toEqual(first.json);
    expect(await world.entity('request')).toHaveLength(1);
  });

  it('belongs to its partner and the operator', async () => {
    await create();
    expect((await world.call('GET', `${path}/1`, { as: 'carrier' })).status).toBe(404);
    expect((await world.call('POST', `${path}/1/cancel`, { as: 'carrier' })).status).toBe(404);
    expect((await world.call('GET', `${path}/1`, { as: 'operator' })).status).toBe(200);
    const body = { ...dropoff, partnerId: 'carrier' };
    expect((await world.call('POST', path, { as: 'operator', body })).json).toMatchObject({
      partnerId: 'carrier',
    });
  });

  it('that is canceled gives its locker back, once, and its link opens nothing', async () => {
    const { json } = await create();
    const canceled = await world.call('POST', `${path}/1/cancel`, { as: 'opener' });
    expect(canceled).toMatchObject({ status: 200, json: { status: 'canceled' } });
    expect((await world.call('POST', `${path}/1/cancel`, { as: 'opener' })).status).toBe(200);
    expect((await world.entity('locker')).every(({ status }) => status === 'available')).toBe(true);
    expect(await world.eventTypes()).toEqual(['locker.assigned', 'locker.request_canceled']);
    expect((await world.call('POST', linkPath(json['link']), { form: { name: 'Luis' } })).status).toBe(303);
    expect(world.commands).toEqual([]);
    expect((await world.call('GET', linkPath(json['link']))).status).toBe(410);
  });

  it('can’t be canceled while the tower opens, nor after its link was used', async () => {
    const { json } = await create();
    await world.call('POST', linkPath(json['link']), { form: { name: 'Luis' } });
    const cancel = async () => world.call('POST', `${path}/1/cancel`, { as: 'opener' });
    expect(await cancel()).toMatchObject({ status: 409, json: { code: 'opening_in_progress' } });
    await world.tell({ type: 'token.used', locker: json['locker'], tokenId: 1 });
    expect(await cancel()).toMatchObject({ status: 409, json: { code: 'link_used' } });
  });

  it('can’t be canceled once the tower said that it opened, before it says that the token was used', async () => {
    const { json } = await create();
    await world.call('POST', linkPath(json['link']), { form: { name: 'Luis' } });
    const commandId = world.commands[0]?.commandId;
    await world.tell({ type: 'command.result', commandId, outcome: 'opened' });
    expect(await world.call('POST', `${path}/1/cancel`, { as: 'opener' })).toMatchObject({
      status: 409,
      json: { code: 'link_used' },
    });
    expect((await world.entity('locker')).filter(({ status }) => status === 'rented')).toHaveLength(1);
  });

  it('that nobody used expires with its link and gives its locker back', async () => {
    const { json } = await create();
    world.laterBy(24 * 3_600 - 1);
    await world.runTimers();
    expect(await world.eventTypes()).toEqual(['locker.assigned']);
    world.laterBy(31);
    await world.runTimers();
    expect(await world.events()).toContainEqual(
      expect.objectContaining({
        type: 'locker.request_expired',
        cause: 'timer',
        occurredAt: '2026-03-21T09:00:00.000Z',
      }),
    );
    expect((await world.entity('locker')).every(({ status }) => status === 'available')).toBe(true);
    expect((await world.call('GET', linkPath(json['link']))).status).toBe(410);
    expect((await world.call('GET', `${path}/1`, { as: 'opener' })).json).toMatchObject({
      status: 'expired',
    });
  });

  it('keeps its locker when the door may have been opened without our hearing of it', async () => {
    const { json } = await create();
    await world.call('POST', linkPath(json['link']), { form: { name: 'Luis' } });
    world.laterBy(25 * 3_600);
    await world.runTimers();
    await world.runTimers();
    expect(await world.eventTypes()).not.toContain('locker.request_expired');
    expect((await world.entity('locker')).filter(({ status }) => status === 'rented')).toHaveLength(1);
    await world.call('POST', `${path}/1/cancel`, { as: 'opener' });
    expect((await world.entity('locker')).filter(({ status }) => status === 'rented')).toHaveLength(0);
  });
});
