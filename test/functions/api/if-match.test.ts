import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../../functions/api/operations.ts';
import { towerId } from '../domain/samples.ts';
import { startEndpointWorld, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
beforeAll(async () => {
  world = await startEndpointWorld();
});
afterAll(async () => world?.[Symbol.asyncDispose]());

interface Fixture {
  /** What is changed; for one that must be created first, see `create`. */
  path: string;
  /** The body of a POST to `path`; then the id, by its name in the answer, makes the path. */
  create?: { id: string; body: Record<string, unknown> };
  /** Something that changes it. */
  change: Record<string, unknown>;
}

const url = 'https://partner.example/hooks';
const booking = {
  departmentId: 'north',
  start: '2026-03-21T10:00:00Z',
  end: '2026-03-21T11:00:00Z',
  customer: { name: 'Ada' },
};

/** By operation: each one with PATCH has one. */
const fixtures: Readonly<Record<string, Fixture>> = {
  updatePartner: { path: '/v1/partners/rival', change: { name: 'Rival Parcels' } },
  updateTower: { path: `/v1/towers/${towerId}`, change: { partnerIds: ['acme'] } },
  updateLocker: { path: `/v1/towers/${towerId}/lockers/9`, change: { unitId: 'UNIT-9' } },
  changeEndpoint: {
    path: '/v1/endpoints',
    create: { id: 'endpointId', body: { url } },
    change: { status: 'disabled' },
  },
  updateReservation: {
    path: '/v1/reservations',
    create: { id: 'reservationId', body: { towerId, flowType: 'OUTLET', barcode: '1234567890123' } },
    change: { barcode: '999' },
  },
  updateBooking: {
    path: '/v1/bookings',
    create: { id: 'bookingId', body: booking },
    change: { numberOfPeople: 5 },
  },
  updateIntegration: {
    path: '/v1/integrations',
    create: { id: 'integrationId', body: { departmentId: 'north', name: 'North', url } },
    change: { active: true },
  },
  updateQueue: {
    path: '/v1/queues',
    create: { id: 'queueId', body: { organization: 'acme-stores', location: 'Main Street' } },
    change: { location: 'Side Street' },
  },
};

const patches = operations.filter(({ method }) => method === 'PATCH');

async function pathOf({ path, create }: Fixture, as: string): Promise<string> {
  if (create === undefined) return path;
  const { status, json } = await world.call('POST', path, { as, body: create.body });
  expect(status).toBe(201);
  return `${path}/${String(json[create.id])}`;
}

describe('a change by PATCH', () => {
  it.each(patches)('$operationId needs If-Match, and the version that holds', async (operation) => {
    const fixture = fixtures[operation.operationId];
    if (fixture === undefined) throw new Error(`${operation.operationId} has no fixture`);
    const as = operation.access === 'operator' ? 'operator' : 'acme';
    const path = await pathOf(fixture, as);
    const read = async () => world.call('GET', path, { as });
    const patch = async (headers: Record<string, string> = {}) =>
      world.call('PATCH', path, { as, body: fixture.change, headers });

    const before = await read();
    expect(before.status).toBe(200);
    expect(await patch()).toMatchObject({ status: 428, json: { code: 'if_match_required' } });
    expect(await read()).toEqual(before);

    const { etag = '' } = before.headers;
    expect((await patch({ 'if-match': etag })).status).toBe(200);
    const after = await read();
    expect(after.headers['etag']).not.toBe(etag);
    expect(await patch({ 'if-match': etag })).toMatchObject({
      status: 412,
      json: { code: 'version_mismatch' },
      headers: { etag: after.headers['etag'] },
    });
    expect(await read()).toEqual(after);
  });

  it('has no fixture too many', () => {
    expect(Object.keys(fixtures).sort()).toEqual(patches.map(({ operationId }) => operationId).sort());
  });
});
