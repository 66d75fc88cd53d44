import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { towerId } from '../domain/samples.ts';
import { startEndpointWorld, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
beforeEach(async () => {
  world = await startEndpointWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const as = 'acme';
const queueFields = {
  queueId: 'q1',
  organization: 'acme-stores',
  location: 'Main Street',
  towerIds: [towerId],
};
const createQueue = async (changes: Record<string, unknown> = {}, caller = as) =>
  world.call('POST', '/v1/queues', { as: caller, body: { ...queueFields, ...changes } });
const take = async (body: Record<string, unknown> = {}, caller = as) =>
  world.call('POST', '/v1/positions', { as: caller, body: { queue: 'q1', ...body } });
const takenId = async (body: Record<string, unknown> = {}) => String((await take(body)).json['positionId']);
const act = async (id: string, verb: string, body?: unknown) =>
  world.call('POST', `/v1/positions/${id}/${verb}`, { as, body });
const list = async (caller: string) =>
  world.call('GET', '/v1/positions', { as: caller, query: { queue: 'q1' } });
const slot = { start: '2026-03-20T10:00:00Z', end: '2026-03-20T10:30:00Z' };
const typesInOrder = async () =>
  (await world.events()).toSorted((a, b) => (a.occurredAt < b.occurredAt ? -1 : 1)).map(({ type }) => type);

describe('queues', () => {
  it('are created, read, listed and changed', async () => {
    expect(await createQueue()).toMatchObject({ status: 201, json: { ...queueFields, partnerId: 'acme' } });
    expect((await createQueue()).status).toBe(409);
    const changed = await world.call('PATCH', '/v1/queues/q1', {
      as,
      headers: { 'if-match': '"1"' },
      body: { location: 'Side Street', towerIds: [] },
    });
    expect(changed.json).toMatchObject({
      location: 'Side Street',
      towerIds: [],
      organization: 'acme-stores',
    });
    const list = await world.call('GET', '/v1/queues', { as });
    expect(list.json).toMatchObject({ items: [changed.json] });
    expect((await world.call('GET', '/v1/queues/q1', { as })).json).toEqual(changed.json);
    expect((await world.call('GET', '/v1/queues/q1', { as: 'rival' })).status).toBe(404);
  });

  it('are not said to be there when only the commit was in the way', async () => {
    const { commit } = world.services;
    world.services.commit = async () => ({ kind: 'rejected', repeats: new Set(), conflicts: true });
    expect((await createQueue()).json['code']).toBe('conflict');
    world.services.commit = commit;
    await createQueue();
    expect((await createQueue()).json['code']).toBe('already_exists');
  });

  it('get an id when none is given', async () => {
    const { json } = await createQueue({ queueId: undefined });
    expect(json['queueId']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('take in kiosks of towers that serve the partner, and of no others', async () => {
    const refused = await createQueue({ towerIds: [towerId, 'another'] });
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/body/towerIds/1' }] } });
  });
});

describe('positions', () => {
  beforeEach(async () => {
    await createQueue();
  });

  it('are taken as tickets, and told', async () => {
    const taken = await take({ type: 'walkIn', label: 'A2' });
    expect(taken).toMatchObject({
      status: 201,
      json: { status: 'waiting', type: 'walkIn', label: 'A2', organization: 'acme-stores', queue: 'q1' },
    });
    expect(taken.headers['location']).toBe(`/v1/positions/${String(taken.json['positionId'])}`);
    expect(await world.events()).toMatchObject([
      { type: 'position.created', partnerIds: ['acme'], cause: 'api' },
    ]);
  });

  it('are booked for a time slot', async () => {
    const taken = await take({ type: 'booking', booking: slot });
    expect(taken.json).toMatchObject({
      status: 'upcoming',
      booking: { start: '2026-03-20T10:00:00.000Z', end: '2026-03-20T10:30:00.000Z' },
      bookingReminderAt: '2026-03-20T09:30:00.000Z',
    });
    const stored = (await world.tables.scan('entities')).find(({ kind }) => kind === 'position');
    expect(stored).toMatchObject({ dueAt: '2026-03-20T10:00:00.000Z' });
    expect(stored?.['duePk']).toMatch(/^due#\d$/);
  });

  it.each([
    [{ type: 'booking' }, '/body/booking'],
    [{ booking: slot }, '/body/booking'],
    [{ type: 'booking', booking: { start: slot.end, end: slot.start } }, '/body/booking/end'],
    [{ bookingReminderAt: slot.start }, '/body/bookingReminderAt'],
    [{ notification: { type: 'pigeon', settings: { from: '', to: '' } } }, '/body/notification/type'],
  ])('with a mistake are refused, naming the field: %j', async (body, pointer) => {
    expect(await take(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  it('go from call to feedback, each step told', async () => {
    const id = await takenId();
    const steps: [verb: string, body: unknown, changes: Record<string, unknown>][] = [
      [
        'call',
        { station: { id: 'c2', label: 'C2' } },
        { status: 'called', station: { id: 'c2', label: 'C2' } },
      ],
      ['retry', undefined, { status: 'called' }],
      ['check-in', undefined, { status: 'fulfilled' }],
      ['check-out', undefined, { status: 'completed' }],
      [
        'feedback',
        { rating: 4, message: 'Lorem ipsum' },
        { feedback: { rating: 4, message: 'Lorem ipsum' } },
      ],
    ];
    for (const [verb, body, changes] of steps) {
      world.laterBy(60);
      expect(await act(id, verb, body)).toMatchObject({ status: 200, json: changes });
    }
    expect(await typesInOrder()).toEqual([
      'position.created',
      'position.called',
      'position.retried',
      'position.fulfilled',
      'position.completed',
      'position.feedback_received',
    ]);
    const read = await world.call('GET', `/v1/positions/${id}`, { as });
    expect(read.json).toMatchObject({ status: 'completed', fulfilledAt: '2026-03-20T09:18:00.000Z' });
    expect(read.headers['etag']).toBe('"6"');
  });

  it.each([
    ['cancel', {}, 'position.cancelled'],
    ['cancel-by-staff', { type: 'booking', booking: slot }, 'position.cancelled_by_staff'],
    ['reject', {}, 'position.booking_removed'],
  ])('end by %s', async (verb, body, type) => {
    const id = await takenId(body);
    world.laterBy(60);
    expect(await act(id, verb)).toMatchObject({ status: 200, json: { status: 'rejected' } });
    expect((await typesInOrder())[1]).toBe(type);
    expect(await act(id, 'check-in')).toMatchObject({
      status: 409,
      json: { code: 'transition_not_allowed' },
    });
    const stored = (await world.tables.scan('entities')).find(({ kind }) => kind === 'position');
    expect(stored).not.toHaveProperty('duePk');
  });

  it('are listed by queue, to their partner only', async () => {
    const id = await takenId();
    expect((await list(as)).json).toMatchObject({ items: [{ positionId: id }], nextCursor: null });
    expect((await list('rival')).status).toBe(404);
    expect((await list('operator')).json).toMatchObject({ items: [{ positionId: id }] });
  });

  it('of another partner do not exist', async () => {
    const id = await takenId();
    expect((await take({}, 'rival')).status).toBe(404);
    expect((await world.call('GET', `/v1/positions/${id}`, { as: 'rival' })).status).toBe(404);
    for (const verb of [
      'call',
      'feedback',
      'retry',
      'check-in',
      'check-out',
      'cancel',
      'cancel-by-staff',
      'reject',
    ]) {
      const body = verb === 'call' ? {} : verb === 'feedback' ? { rating: 1, message: '' } : undefined;
      const path = `/v1/positions/${id}/${verb}`;
      expect((await world.call('POST', path, { as: 'rival', body })).status).toBe(404);
    }
    expect(await world.events()).toHaveLength(1);
  });

  it('that two ask for at once move once', async () => {
    const id = await takenId();
    const answers = await Promise.all([act(id, 'check-in'), act(id, 'check-in'), act(id, 'cancel')]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
    expect(await world.events()).toHaveLength(2);
  });
});
