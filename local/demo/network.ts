import { createHash } from 'node:crypto';
import type { ContractName } from '../../schemas/contract.ts';
import type { EndpointAuth } from '../../schemas/entity.ts';
import { NetworkFileSchema, type NetworkFile } from '../../schemas/network.ts';

/** A locker. */
export interface Place {
  towerId: string;
  locker: number;
}

/** A partner of the demo network: it has one endpoint, and some lockers of every tower. */
export interface DemoPartner {
  partnerId: string;
  name: string;
  contract: ContractName;
  /** Of its receiver. */
  path: string;
  secret: string;
  auth: EndpointAuth;
  lockers: readonly number[];
}

export const demoTowerIds = ['0000000000000001', '0000000000000002', '0000000000000003'] as const;

/** The same at each start, and worth nothing anywhere else: receivers of the demo listen on this machine only. */
const demoSecret = (partnerId: string): string =>
  `whsec_${createHash('sha256').update(`towercast demo ${partnerId}`).digest('base64')}`;

const demoPartner = (partner: Omit<DemoPartner, 'path' | 'secret'>): DemoPartner => ({
  ...partner,
  path: `/${partner.partnerId}`,
  secret: demoSecret(partner.partnerId),
});

export const courier = demoPartner({
  partnerId: 'couriernet',
  name: 'CourierNet',
  contract: 'reservation-status',
  auth: { type: 'bearer', token: 'couriernet-static-token' },
  lockers: [1, 2, 3, 4],
});

export const doorlink = demoPartner({
  partnerId: 'doorlink',
  name: 'DoorLink',
  contract: 'locker-open',
  auth: { type: 'none' },
  lockers: [5, 6, 7, 8],
});

/** It also hears of the towers themselves, and of doors that nobody holds. */
export const marketplace = demoPartner({
  partnerId: 'marketplace',
  name: 'Marketplace',
  contract: 'standard',
  auth: { type: 'none' },
  lockers: [9, 10, 11, 12],
});

export const demoPartners: readonly DemoPartner[] = [courier, doorlink, marketplace];

/** `origin` is the receivers': `http://127.0.0.1:PORT`. */
export function demoNetwork(origin: string): NetworkFile {
  return NetworkFileSchema.parse({
    towers: demoTowerIds.map((towerId) => ({
      towerId,
      partnerIds: [marketplace.partnerId],
      lockers: demoPartners
        .flatMap(({ lockers }) => lockers)
        .map((locker) => ({ locker, unitId: `UNIT-${towerId.slice(-1)}${String(locker).padStart(2, '0')}` })),
    })),
    partners: demoPartners.map(({ partnerId, name }) => ({ partnerId, name })),
    endpoints: demoPartners.map(({ partnerId, contract, path, secret, auth }) => ({
      endpointId: `${partnerId}-hook`,
      partnerId,
      url: `${origin}${path}`,
      contract,
      secret,
      auth,
    })),
  });
}
