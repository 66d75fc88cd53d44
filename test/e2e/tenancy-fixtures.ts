import * as z from 'zod';
import type { ApiCall, ApiClient } from '../helpers/api-client.ts';
import { waitFor } from '../helpers/stack-process.ts';
import type { World } from './world.ts';

/** Only the owner may use the first; both partners the second. */
export const ownTower = 'OWN-TOWER';
export const sharedTower = 'SHARED-TOWER';
export const owner = 'acme';
export const intruder = 'rival';

/** Ids of what the owner has. */
export type Owned = Readonly<Record<string, string>>;

/** What fills the path of an operation, and goes with it. */
export interface Attempt extends ApiCall {
  params?: Readonly<Record<string, string>>;
}

/**
 * How an operation reaches for something of the owner's.
 * - `foreign`: by these requests, each of which must be 404 for the intruder, and must not be 404 for the owner.
 * - `list`: the owner sees its own in it, and the intruder nothing of the owner's (or 404).
 * - `same`: it names nobody's belongings; `why` says so.
 */
export type Fixture =
  | { kind: 'foreign'; attempts: (owned: Owned) => Attempt[]; onlyIntruder?: (owned: Owned) => Attempt[] }
  | { kind: 'list'; attempt?: (owned: Owned) => Attempt }
  | { kind: 'same'; why: string };

const by = (...names: string[]): Fixture => ({
  kind: 'foreign',
  attempts: (owned) => [{ params: pick(owned, names) }],
});

const withBody = (name: string, body: unknown): Fixture => ({
  kind: 'foreign',
  attempts: (owned) => [{ params: pick(owned, [name]), body }],
});

/** `make` gives the body that the owner may send. The intruder tries it as its own, and for the owner. */
const creating = (make: (owned: Owned) => Record<string, unknown>): Fixture => ({
  kind: 'foreign',
  attempts: (owned) => [{ body: { ...make(owned), partnerId: owner } }],
});

/** The same, at a tower that the intruder may not use. */
const creatingAt = (make: (owned: Owned) => Record<string, unknown>): Fixture => ({
  kind: 'foreign',
  attempts: (owned) => [{ body: make(owned) }, { body: { ...make(owned), partnerId: owner } }],
});

/** Also under the intruder's own project. */
const inProject = (...names: string[]): Fixture => ({
  kind: 'foreign',
  attempts: (owned) => [{ params: pick(owned, ['projectId', ...names]) }],
  onlyIntruder: (owned) => [{ params: { ...pick(owned, names), projectId: intruder } }],
});

const list: Fixture = { kind: 'list' };

function pick(owned: Owned, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, idOf(owned, name)]));
}

function idOf(owned: Owned, name: string): string {
  const id = owned[name];
  if (id === undefined) throw new Error(`the owner has no ${name}: make one in tenancy-fixtures.ts`);
  return id;
}

const url = 'https://partner.example/hooks';
const booking = {
  departmentId: 'north',
  start: '2026-03-21T10:00:00Z',
  end: '2026-03-21T11:00:00Z',
  numberOfPeople: 4,
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
};
const reservation = { towerId: ownTower, flowType: 'OUTLET', barcode: '1234567890123' };
const dropOff = { towerId: ownTower, flow: 'dropoff', payload: { planted: 'payload' } };

/** One for each operation that a partner may call. */
export const fixtures: Readonly<Record<string, Fixture>> = {
  getPartner: by('partnerId'),
  listTowers: list,
  getTower: by('towerId'),
  listLockers: by('towerId'),
  getLocker: by('towerId', 'locker'),
  listDeliveries: {
    kind: 'foreign',
    attempts: (owned) => [
      { params: pick(owned, ['endpointId']) },
      { params: pick(owned, ['endpointId']), query: { partnerId: owner } },
    ],
  },
  getDelivery: by('deliveryId'),
  retryDelivery: by('deliveryId'),
  listEvents: list,
  getEvent: by('eventId'),
  listEventTypes: { kind: 'same', why: 'event types are public knowledge' },

  createEndpoint: creating(() => ({ url })),
  listEndpoints: list,
  readEndpoint: by('endpointId'),
  readEndpointHealth: by('endpointId'),
  changeEndpoint: withBody('endpointId', { detail: 'thin' }),
  deleteEndpoint: by('endpointId'),
  rotateEndpointKey: withBody('endpointId', {}),
  recoverEndpoint: withBody('endpointId', {}),
  createRedrive: {
    kind: 'foreign',
    attempts: ({ endpointId }) => [
      { body: { endpointId } },
      { body: { endpointId, partnerId: owner } },
      { body: { endpointId, source: 'events', dryRun: true } },
    ],
  },
  listRedrives: list,
  getRedrive: by('redriveId'),
  cancelRedrive: by('redriveId'),
  revokeOldEndpointKeys: by('endpointId'),
  readEndpointPublicKey: by('endpointId'),
  testEndpoint: withBody('endpointId', { type: 'reservation.stocked' }),

  createKey: {
    kind: 'foreign',
    attempts: ({ lockId }) => [
      { body: { lockId, appUserId: 'u' } },
      { body: { lockId, appUserId: 'u', partnerId: owner } },
    ],
  },
  listKeys: list,
  readKey: by('keyId'),
  revokeKey: by('keyId'),
  registerWebhook: {
    kind: 'foreign',
    attempts: () => [{ params: { projectId: owner }, body: { url } }],
    onlyIntruder: ({ lockId }) => [{ params: { projectId: intruder }, body: { url, lockId } }],
  },
  listWebhooks: by('projectId'),
  removeWebhook: inProject('webhookId'),
  readAccessLog: inProject('lockId'),

  createLockerOpenRequest: creatingAt(() => dropOff),
  listLockerOpenRequests: list,
  getLockerOpenRequest: by('requestId'),
  cancelLockerOpenRequest: by('requestId'),
  listCommands: list,
  getCommand: by('commandId'),

  createReservation: creatingAt(() => reservation),
  listReservations: list,
  getReservation: by('reservationId'),
  updateReservation: withBody('reservationId', { docNumber: 'DOC-1' }),
  cancelReservation: by('reservationId'),
  returnReservation: by('reservationId'),

  createBooking: creating(() => booking),
  listBookings: { kind: 'list', attempt: () => ({ query: { departmentId: booking.departmentId } }) },
  getBooking: by('bookingId'),
  updateBooking: withBody('bookingId', { numberOfPeople: 5 }),
  deleteBooking: by('bookingId'),
  createIntegration: creating(() => ({ departmentId: 'north', name: 'Calendar', url })),
  listIntegrations: { kind: 'list', attempt: () => ({ query: { departmentId: booking.departmentId } }) },
  getIntegration: by('integrationId'),
  updateIntegration: withBody('integrationId', { name: 'Another' }),
  deleteIntegration: by('integrationId'),
  getMessage: by('messageId'),
  markMessageAsRead: by('messageId'),

  createQueue: creating(() => ({ organization: 'acme', location: 'Main Street', towerIds: [ownTower] })),
  listQueues: list,
  getQueue: by('queueId'),
  updateQueue: withBody('queueId', { location: 'Second Street' }),
  createPosition: {
    kind: 'foreign',
    attempts: ({ queueId }) => [{ body: { queue: queueId, type: 'walkIn', label: 'A3' } }],
  },
  listPositions: { kind: 'list', attempt: ({ queueId = '' }) => ({ query: { queue: queueId } }) },
  getPosition: by('positionId'),
  callPosition: withBody('positionId', { station: { id: 'c2', label: 'C2' } }),
  retryPosition: by('positionId'),
  checkInPosition: by('positionId'),
  checkOutPosition: by('positionId'),
  cancelPosition: by('positionId'),
  cancelPositionByStaff: by('positionId'),
  rejectPosition: by('positionId'),
  givePositionFeedback: withBody('positionId', { rating: 4, message: 'Lorem ipsum' }),
};

/** Makes one of each of what a partner can have, and returns the ids by the names that paths use. */
export async function makeOwned(world: World, client: ApiClient, hook: string): Promise<Owned> {
  const make = async (path: string, body: object) => {
    const answer = await client.call('POST', path, { body });
    if (answer.status !== 201 && answer.status !== 202)
      throw new Error(`POST ${path}: ${answer.status} ${answer.text}`);
    return z.record(z.string(), z.unknown()).parse(answer.json);
  };

  const endpoint = await make('/v1/endpoints', { url: hook, signing: 'ed25519' });
  const integration = await make('/v1/integrations', { departmentId: 'north', name: 'Diary', url: hook });
  const lock = { lockId: 'own-lock', towerId: ownTower, locker: 1, appUserId: 'u' };
  const key = await make('/v1/keys', lock);
  const webhook = await make(`/v2/projects/${owner}/webhooks`, { url });
  const request = await make('/v1/locker-open-requests', dropOff);
  await pressButton(world, id(request, 'link'));
  const queue = await make('/v1/queues', { organization: 'acme', location: 'Main', towerIds: [ownTower] });
  const queueId = id(queue, 'queueId');
  const position = await make('/v1/positions', { queue: queueId, type: 'walkIn', label: 'A2' });
  const booked = await make('/v1/bookings', booking);
  const reserved = await make('/v1/reservations', reservation);

  const redrive = await make('/v1/redrives', { endpointId: id(endpoint, 'endpointId') });
  const events = await world.events();
  const eventOf = (type: string) => events.find((event) => event.type === type)?.id ?? '';
  const eventId = eventOf('reservation.created');
  const deliveryId = await waitFor(
    async () => (await world.deliveries()).find(({ event }) => event.id === eventId)?.id,
    { timeoutMs: 20_000, describe: () => 'a delivery to the owner' },
  );
  const [command] = await world.entities('command');
  return {
    partnerId: owner,
    projectId: owner,
    towerId: ownTower,
    locker: '1',
    endpointId: id(endpoint, 'endpointId'),
    deliveryId,
    eventId,
    redriveId: id(redrive, 'redriveId'),
    keyId: id(key, 'keyId'),
    lockId: 'own-lock',
    webhookId: id(webhook, 'id'),
    requestId: id(request, 'requestId'),
    commandId: id(command ?? {}, 'commandId'),
    reservationId: id(reserved, 'reservationId'),
    bookingId: id(booked, 'bookingId'),
    integrationId: id(integration, 'integrationId'),
    messageId: eventOf('booking.added'),
    queueId,
    positionId: id(position, 'positionId'),
  };
}

const id = (made: Record<string, unknown>, name: string): string => z.coerce.string().parse(made[name]);

async function pressButton(world: World, link: string): Promise<void> {
  const answer = await fetch(link, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ name: 'Ada' }),
  });
  if (answer.status >= 400) throw new Error(`pressing the button: ${answer.status} ${await answer.text()}`);
}
