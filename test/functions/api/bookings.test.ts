import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { matches } from '../../../functions/domain/match.ts';
import { createReadMessages } from '../../../functions/shared/read-messages.ts';
import { EndpointSchema } from '../../../schemas/endpoint.ts';
import { makeEvent } from '../../helpers/deliveries.ts';
import { startEndpointWorld, type EndpointWorld } from './endpoint-world.ts';

const PageSchema = z.object({ items: z.array(z.unknown()), nextCursor: z.string().nullable() });

let world: EndpointWorld;
beforeEach(async () => {
  world = await startEndpointWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const as = 'acme';
const details = {
  departmentId: 'dep-1',
  start: '2026-03-21T11:00:00+01:00',
  end: '2026-03-21T12:00:00+01:00',
  numberOfPeople: 4,
  customer: { name: 'Ada' },
};
const book = async (changes: Record<string, unknown> = {}, caller = as) =>
  world.call('POST', '/v1/bookings', { as: caller, body: { ...details, ...changes } });
const bookedId = async () => String((await book()).json['bookingId']);
const integrate = async (changes: Record<string, unknown> = {}) =>
  world.call('POST', '/v1/integrations', {
    as,
    body: { departmentId: 'dep-1', name: 'Ours', url: 'https://partner.example/lockme', ...changes },
  });
const onlyEvent = async () => {
  const [event] = await world.events();
  if (event === undefined) throw new Error('no event');
  return event;
};

describe('bookings', () => {
  it('are created, and told as added', async () => {
    const created = await book();
    const { bookingId } = created.json;
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({ location: `/v1/bookings/${String(bookingId)}`, etag: '"1"' });
    expect(created.json).toEqual({
      ...details,
      bookingId,
      partnerId: 'acme',
      start: '2026-03-21T10:00:00.000Z',
      end: '2026-03-21T11:00:00.000Z',
    });
    expect(await world.events()).toMatchObject([
      { type: 'booking.added', partnerIds: ['acme'], data: { bookingId, departmentId: 'dep-1' } },
    ]);
  });

  it('are edited with If-Match, and told as they are', async () => {
    const id = await bookedId();
    const edit = async (headers: Record<string, string>, body: unknown) =>
      world.call('PATCH', `/v1/bookings/${id}`, { as, headers, body });
    expect((await edit({}, { numberOfPeople: 5 })).status).toBe(428);
    expect((await edit({ 'if-match': '"7"' }, { numberOfPeople: 5 })).status).toBe(412);
    const edited = await edit({ 'if-match': '"1"' }, { numberOfPeople: 5 });
    expect(edited).toMatchObject({ status: 200, json: { numberOfPeople: 5 } });
    expect(edited.headers['etag']).toBe('"2"');
    expect(await edit({ 'if-match': '"2"' }, { numberOfPeople: 5 })).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
    });
    expect((await world.events()).map(({ type }) => type).toSorted()).toEqual([
      'booking.added',
      'booking.edited',
    ]);
  });

  it('are deleted once, and are then in no list', async () => {
    const id = await bookedId();
    expect((await world.call('DELETE', `/v1/bookings/${id}`, { as })).status).toBe(204);
    expect((await world.call('DELETE', `/v1/bookings/${id}`, { as })).status).toBe(404);
    expect((await world.call('GET', `/v1/bookings/${id}`, { as })).status).toBe(404);
    const list = await world.call('GET', '/v1/bookings', { as, query: { departmentId: 'dep-1' } });
    expect(list.json).toEqual({ items: [], nextCursor: null });
    expect((await world.events()).map(({ type }) => type)).toContain('booking.deleted');
  });

  it('are listed by department, page by page', async () => {
    const ids = [await bookedId(), await bookedId(), await bookedId()];
    await book({ departmentId: 'dep-2' });
    const seen: unknown[] = [];
    let cursor: Record<string, string> = {};
    for (let page = 0; page < 3; page += 1) {
      const query = { departmentId: 'dep-1', limit: '1', ...cursor };
      const { json } = await world.call('GET', '/v1/bookings', { as, query });
      const { items, nextCursor } = PageSchema.parse(json);
      seen.push(...items);
      cursor = { cursor: String(nextCursor) };
    }
    expect(seen).toHaveLength(3);
    for (const bookingId of ids) expect(seen).toContainEqual(expect.objectContaining({ bookingId }));
    const foreign = await world.call('GET', '/v1/bookings', {
      as: 'rival',
      query: { departmentId: 'dep-1' },
    });
    expect(foreign.json).toMatchObject({ items: [] });
  });

  it.each([
    [{ end: details.start }, '/body/end'],
    [{ start: '1999-12-31T23:59:59Z' }, '/body/start'],
    [{ end: '0000-01-01T00:00:00+14:00' }, '/body/end'],
    [{ customer: { name: 'Ada', card: '1' } }, '/body/customer/card'],
    [{ numberOfPeople: 0 }, '/body/numberOfPeople'],
  ])('with a mistake are refused, naming the field: %j', async (changes, pointer) => {
    const refused = await book(changes);
    expect(refused).toMatchObject({
      status: 400,
      json: { code: 'validation_failed', errors: [{ pointer }] },
    });
    expect(await world.events()).toEqual([]);
  });

  it('of an operator need a partner that there is', async () => {
    expect((await book({}, 'operator')).status).toBe(400);
    expect((await book({ partnerId: 'nobody' }, 'operator')).status).toBe(404);
    expect((await book({ partnerId: 'rival' }, 'operator')).json).toMatchObject({ partnerId: 'rival' });
    expect((await book({ partnerId: 'rival' })).status).toBe(404);
  });
});

describe('integrations', () => {
  it('have a name, a department, an API version (the latest unless told) and start inactive', async () => {
    const created = await integrate();
    expect(created.status).toBe(201);
    expect(created.json).toMatchObject({
      name: 'Ours',
      departmentId: 'dep-1',
      apiVersion: 'v1',
      active: false,
      url: 'https://partner.example/lockme',
    });
    expect(created.json['secret']).toMatch(/^whsec_/);
    const path = `/v1/integrations/${String(created.json['integrationId'])}`;
    const read = await world.call('GET', path, { as });
    expect(read.json).not.toHaveProperty('secret');
    const list = await world.call('GET', '/v1/integrations', { as, query: { departmentId: 'dep-1' } });
    expect(list.json).toMatchObject({ items: [read.json] });
    const others = await world.call('GET', '/v1/integrations', { as, query: { departmentId: 'dep-2' } });
    expect(others.json).toMatchObject({ items: [] });
  });

  it('cannot be deleted, but activated and deactivated', async () => {
    const { integrationId } = (await integrate()).json;
    const path = `/v1/integrations/${String(integrationId)}`;
    expect(await world.call('DELETE', path, { as })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, PATCH' },
      json: {
        code: 'integration_stays',
        detail: 'An integration is never deleted. Deactivate it: PATCH with {"active":false}.',
      },
    });
    expect((await world.call('DELETE', path, { as: 'rival' })).status).toBe(404);
    const set = async (active: boolean, version: number) =>
      world.call('PATCH', path, { as, headers: { 'if-match': `"${version}"` }, body: { active } });
    const storedStatus = async () =>
      (await world.tables.scan('entities')).find((item) => item['endpointId'] === integrationId)?.['status'];
    expect((await set(true, 1)).json).toMatchObject({ active: true });
    expect(await storedStatus()).toBe('active');
    expect((await set(false, 2)).json).toMatchObject({ active: false });
    expect(await storedStatus()).toBe('disabled');
  });

  it('also not as the endpoints that they are', async () => {
    const { integrationId } = (await integrate()).json;
    const refused = await world.call('DELETE', `/v1/endpoints/${String(integrationId)}`, { as });
    expect(refused).toMatchObject({ status: 409, json: { code: 'integration_stays' } });
  });

  it('hear of the bookings of their own department only', async () => {
    await integrate({ active: true });
    const item = (await world.tables.scan('entities')).find(({ kind }) => kind === 'endpoint');
    const endpoint = EndpointSchema.parse(item);
    await book();
    await book({ departmentId: 'dep-2' });
    await book({}, 'rival');
    const heard = (await world.events()).filter((event) => matches(endpoint, event));
    expect(heard).toMatchObject([{ partnerIds: ['acme'], data: { departmentId: 'dep-1' } }]);
  });

  it('keep credentials of their URL to themselves, and change them with it', async () => {
    const created = await integrate({ url: 'https://user:planted-pass@partner.example/lockme' });
    expect(created.json).toMatchObject({ url: 'https://partner.example/lockme' });
    const id = String(created.json['integrationId']);
    expect((await world.secretsOf(id)).auth).toEqual({
      type: 'basic',
      username: 'user',
      password: 'planted-pass',
    });
    const changed = await world.call('PATCH', `/v1/integrations/${id}`, {
      as,
      headers: { 'if-match': '"1"' },
      body: { url: 'https://partner.example/other', name: 'Theirs' },
    });
    expect(changed.json).toMatchObject({ url: 'https://partner.example/other', name: 'Theirs' });
    expect((await world.secretsOf(id)).auth).toEqual({ type: 'none' });
    expect(JSON.stringify([changed, world.logs])).not.toContain('planted-pass');
  });

  it('that failed until they were disabled can be deactivated as well, so that nobody is woken any more', async () => {
    const created = await integrate({});
    const endpointId = String(created.json['integrationId']);
    const stored = async () =>
      EndpointSchema.parse(
        (await world.tables.scan('entities')).find((item) => item['endpointId'] === endpointId),
      );
    await world.put({ ...(await stored()), status: 'disabled', disabledReason: 'failing' });
    const body = { active: false };
    await world.call('PATCH', `/v1/integrations/${endpointId}`, { as, headers: { 'if-match': '"1"' }, body });
    expect(await stored()).toMatchObject({ status: 'disabled', disabledReason: 'deactivated' });
  });

  it.each([{ url: 'http://partner.example/x' }, { apiVersion: 'v0' }, { name: '' }])(
    'with a mistake are refused: %j',
    async (changes) => {
      expect((await integrate(changes)).status).toBe(400);
    },
  );
});

const pathOf = (id: string) => `/message/${id}`;

describe('messages', () => {
  it('message details are retrieved by the id from the headers, and reading marks nothing as read', async () => {
    const bookingId = await bookedId();
    const { id, occurredAt } = await onlyEvent();
    const expected = {
      messageId: id,
      apiVersion: 'v1',
      action: 'add',
      createdAt: occurredAt,
      readAt: null,
      booking: {
        ...details,
        bookingId,
        start: '2026-03-21T10:00:00.000Z',
        end: '2026-03-21T11:00:00.000Z',
      },
    };
    expect(await world.call('GET', pathOf(id), { as })).toMatchObject({ status: 200, json: expected });
    expect((await world.call('GET', pathOf(id), { as })).json).toEqual(expected);
  });

  it('are of adding, editing and deleting bookings, each as it was then', async () => {
    const bookingId = await bookedId();
    await world.call('PATCH', `/v1/bookings/${bookingId}`, {
      as,
      headers: { 'if-match': '"1"' },
      body: { numberOfPeople: 5 },
    });
    await world.call('DELETE', `/v1/bookings/${bookingId}`, { as });
    const events = (await world.events()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const messages = await Promise.all(events.map(async ({ id }) => world.call('GET', pathOf(id), { as })));
    expect(messages.map(({ json }) => json)).toMatchObject([
      { action: 'add', booking: { numberOfPeople: 4 } },
      { action: 'edit', booking: { numberOfPeople: 5 } },
      { action: 'delete', booking: { numberOfPeople: 5 } },
    ]);
  });

  it('a message is marked as read by POST; to mark it again changes nothing', async () => {
    await book();
    const { id } = await onlyEvent();
    const messages = createReadMessages(world.tables);
    expect(await messages.readAt(id)).toBeNull();
    expect((await world.call('POST', pathOf(id), { as })).status).toBe(204);
    const readAt = world.now;
    expect(await messages.readAt(id)).toBe(readAt);
    world.laterBy(60);
    expect((await world.call('POST', pathOf(id), { as })).status).toBe(204);
    expect((await world.call('GET', pathOf(id), { as })).json).toMatchObject({ readAt });
  });

  it('are marked as read with an empty object as with no body, and with nothing else', async () => {
    await book();
    const { id } = await onlyEvent();
    const mark = async (body: unknown) => world.call('POST', pathOf(id), { as, body });
    for (const body of [{ read: true }, [], null, 'x'])
      expect(await mark(body)).toMatchObject({ status: 400, json: { code: 'body_not_expected' } });
    expect(await createReadMessages(world.tables).readAt(id)).toBeNull();
    expect((await mark({})).status).toBe(204);
    expect(await createReadMessages(world.tables).readAt(id)).toBe(world.now);
  });

  it('of another partner do not exist, nor does what is no message', async () => {
    await book();
    const { id } = await onlyEvent();
    for (const method of ['GET', 'POST'])
      for (const [caller, messageId] of [
        ['rival', id],
        [as, 'evt_booking~nothing_mmykbvk0_v~1'],
        [as, 'nonsense'],
      ] as const)
        expect(await world.call(method, pathOf(messageId), { as: caller })).toMatchObject({
          status: 404,
          json: { code: 'not_found' },
        });
    expect(await createReadMessages(world.tables).readAt(id)).toBeNull();
  });

  it('are booking events only', async () => {
    const event = makeEvent();
    await world.services.commit({ changes: [], events: [event] });
    expect((await world.call('GET', pathOf(event.id), { as })).status).toBe(404);
  });
});
