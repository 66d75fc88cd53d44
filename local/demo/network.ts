import { createHash } from 'node:crypto';
import { latestApiVersion } from '../../schemas/booking.ts';
import type { ContractName } from '../../schemas/contract.ts';
import type { Endpoint, EndpointAuth, EndpointFilter } from '../../schemas/endpoint.ts';
import { NetworkFileSchema, type NetworkFile } from '../../schemas/network.ts';

/** A locker. */
export interface Place {
  towerId: string;
  locker: number;
}

type Integration = NonNullable<Endpoint['integration']>;

/** A partner of the demo network: it has one endpoint, and some lockers of every tower if it uses any. */
export interface DemoPartner {
  partnerId: string;
  name: string;
  contract: ContractName;
  /** What it signs in as. */
  clientId: string;
  /** Of its receiver. */
  path: string;
  secret: string;
  auth: EndpointAuth;
  filter: EndpointFilter;
  integration?: Integration;
  lockers: readonly number[];
  /** For people. */
  does: string;
}

export const demoTowerIds = ['0000000000000001', '0000000000000002', '0000000000000003'] as const;

/** The same at each start, and worth nothing anywhere else: receivers of the demo listen on this machine only. */
const demoSecret = (partnerId: string): string =>
  `whsec_${createHash('sha256').update(`towercast demo ${partnerId}`).digest('base64')}`;

type Given = Pick<DemoPartner, 'partnerId' | 'name' | 'contract' | 'does'> & Partial<DemoPartner>;

const demoPartner = (given: Given): DemoPartner => ({
  clientId: `${given.partnerId}-client`,
  path: `/${given.partnerId}`,
  secret: demoSecret(given.partnerId),
  auth: { type: 'none' },
  filter: {},
  lockers: [],
  ...given,
});

export const courier = demoPartner({
  partnerId: 'couriernet',
  name: 'CourierNet',
  contract: 'reservation-status',
  auth: { type: 'bearer', token: 'couriernet-static-token' },
  lockers: [1, 2, 3, 4],
  does: 'reserves over HTTP',
});

export const doorlink = demoPartner({
  partnerId: 'doorlink',
  name: 'DoorLink',
  contract: 'locker-open',
  lockers: [5, 6, 7, 8],
  does: 'sends links that open a locker',
});

/** The locker of whoever watches the demo. */
export const guestPlace: Place = { towerId: demoTowerIds[0], locker: 8 };

/** It also hears of the towers themselves, and of doors that nobody holds. */
export const marketplace = demoPartner({
  partnerId: 'marketplace',
  name: 'Marketplace',
  contract: 'standard',
  lockers: [9, 10, 11, 12],
  does: 'reserves, and fails now and then: retries show',
});

/** It wants to hear of its own lockers only. */
export const skyline = demoPartner({
  partnerId: 'skyline',
  name: 'Skyline',
  contract: 'cloudevents',
  lockers: [13, 14, 15],
  filter: { lockers: [13, 14, 15] },
  does: 'reserves and sends links',
});

export const gatekeeper = demoPartner({
  partnerId: 'gatekeeper',
  name: 'Gatekeeper',
  contract: 'access-event',
  auth: { type: 'basic', username: 'gatekeeper', password: 'gatekeeper-password' },
  lockers: [16],
  does: 'gave keys to a gate of each tower',
});

/** Where bookings are made. */
export const departmentId = 'escape-rooms-north';

export const escapehub = demoPartner({
  partnerId: 'escapehub',
  name: 'EscapeHub',
  contract: 'message-pointer',
  integration: { name: 'EscapeHub calendar', departmentId, apiVersion: latestApiVersion },
  does: 'takes bookings, reads and acknowledges messages',
});

export const queueup = demoPartner({
  partnerId: 'queueup',
  name: 'QueueUp',
  contract: 'queue-position',
  does: 'calls who waits, also at kiosks',
});

export const demoPartners: readonly DemoPartner[] = [
  courier,
  doorlink,
  marketplace,
  skyline,
  gatekeeper,
  escapehub,
  queueup,
];

/** The queue of `queueup`, at the kiosk of every tower. */
export const queueId = 'demo-service-desk';

interface DemoKey {
  keyId: string;
  origin: 'integrator' | 'app';
  appUserId: string;
  userName: string;
}

export interface DemoLock extends Place {
  lockId: string;
  name: string;
  keys: readonly DemoKey[];
}

/** The partner document's lock and key ids are UUIDs; these are the same at each start. */
const uuidOf = (name: string): string =>
  createHash('sha256')
    .update(`towercast demo ${name}`)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');

const demoLock = (name: string, towerId: string): DemoLock => ({
  lockId: uuidOf(name),
  name,
  towerId,
  locker: 16,
  keys: [
    { keyId: uuidOf(`${name} Ana`), origin: 'integrator', appUserId: '+12125550101', userName: 'Ana' },
    { keyId: uuidOf(`${name} Omar`), origin: 'integrator', appUserId: '+12125550102', userName: 'Omar' },
    { keyId: uuidOf(`${name} Mia`), origin: 'app', appUserId: '+12125550103', userName: 'Mia' },
  ],
});

/** One at each tower. */
export const demoLocks: readonly DemoLock[] = [
  demoLock('North gate', demoTowerIds[0]),
  demoLock('Garage', demoTowerIds[1]),
  demoLock('Roof terrace', demoTowerIds[2]),
];

/** `origin` is the receivers': `http://127.0.0.1:PORT`. */
export function demoNetwork(origin: string): NetworkFile {
  return NetworkFileSchema.parse({
    towers: demoTowerIds.map((towerId) => ({
      towerId,
      partnerIds: [courier, doorlink, marketplace, skyline, queueup].map(({ partnerId }) => partnerId),
      lockers: demoPartners
        .flatMap(({ lockers }) => lockers)
        .map((locker) => ({ locker, unitId: `UNIT-${towerId.slice(-1)}${String(locker).padStart(2, '0')}` })),
    })),
    partners: demoPartners.map(({ partnerId, name, clientId }) => ({
      partnerId,
      name,
      clientIds: [clientId],
    })),
    endpoints: demoPartners.map((partner) => endpointOf(partner, origin)),
    keys: demoLocks.flatMap(({ keys, lockId, name: lockName, towerId, locker }) =>
      keys.map((key) => ({
        ...key,
        lockId,
        lockName,
        partnerId: gatekeeper.partnerId,
        towerId,
        locker,
      })),
    ),
  });
}

function endpointOf(partner: DemoPartner, origin: string) {
  const { partnerId, contract, path, secret, auth, filter, integration } = partner;
  return {
    endpointId: `${partnerId}-hook`,
    partnerId,
    url: `${origin}${path}`,
    contract,
    secret,
    auth,
    filter,
    ...(integration !== undefined && { integration }),
  };
}
