import { isDeepStrictEqual } from 'node:util';
import type { EntitySet } from '../../functions/shared/entity-set.ts';
import { TowercastError } from '../../functions/shared/errors.ts';
import type { EntityRef } from '../../functions/shared/keys.ts';
import type { Endpoint, EndpointSecrets, Entity } from '../../schemas/entity.ts';
import { unitIdOf, type NetworkEndpoint, type NetworkFile } from '../../schemas/network.ts';
import type { NetworkStore } from './store.ts';

/** Something that is stored as the file has it, without events. */
export interface Configured {
  ref: EntityRef;
  /** What should be stored, given what is: at its version, and with what only the running system knows of it. */
  build: (stored: EntitySet) => Entity | Promise<Entity>;
}

/** Towers, lockers, partners, endpoints and keys of a file. */
export function configuredEntities(store: NetworkStore, network: NetworkFile): Configured[] {
  return [
    ...network.partners.map(({ partnerId, name }) =>
      configured({ kind: 'partner', partnerId }, (ref, stored) => {
        const before = stored.get(ref);
        return {
          ...ref,
          name: name ?? partnerId,
          active: before?.active ?? true,
          version: versionOf(before),
        };
      }),
    ),
    ...network.towers.flatMap(towerAndLockers),
    ...network.endpoints.map((endpoint) =>
      configured(refOf(endpoint), (ref, stored) => buildEndpoint(store, endpoint, stored.get(ref))),
    ),
    ...network.keys.map((key) =>
      configured({ kind: 'key', keyId: key.keyId }, (ref, stored) => ({
        ...key,
        ...ref,
        version: versionOf(stored.get(ref)),
      })),
    ),
  ];
}

const configured = <R extends EntityRef>(
  ref: R,
  build: (ref: R, stored: EntitySet) => Entity | Promise<Entity>,
): Configured => ({ ref, build: (stored) => build(ref, stored) });

const versionOf = (before: Entity | null): number => before?.version ?? 0;

function towerAndLockers({ towerId, partnerIds, lockers }: NetworkFile['towers'][number]): Configured[] {
  return [
    configured({ kind: 'tower', towerId }, (ref, stored) => ({
      ...ref,
      partnerIds,
      version: versionOf(stored.get(ref)),
    })),
    ...lockers.map(({ locker, unitId = unitIdOf(towerId, locker) }) =>
      configured({ kind: 'locker', towerId, locker }, (ref, stored) => {
        const unused = { status: 'available', statusFrom: null, holderId: null, version: 0 } as const;
        return { ...unused, ...stored.get(ref), ...ref, unitId };
      }),
    ),
  ];
}

const refOf = ({ partnerId, endpointId }: NetworkEndpoint) =>
  ({ kind: 'endpoint', partnerId, endpointId }) as const;

/** A new ciphertext only for new secrets: encrypting the same ones again gives other bytes. */
async function buildEndpoint(
  store: NetworkStore,
  { secret, auth, scheduleSeconds, ...config }: NetworkEndpoint,
  before: Endpoint | null,
): Promise<Endpoint> {
  const secrets: EndpointSecrets = { signingSecrets: [secret], auth };
  const known = before !== null && isDeepStrictEqual(await openIfPossible(store, before), secrets);
  return {
    kind: 'endpoint',
    ...config,
    ...(scheduleSeconds !== undefined && { scheduleSeconds }),
    status: before?.status ?? 'active',
    ...(before?.disabledReason !== undefined && { disabledReason: before.disabledReason }),
    secrets: known ? before.secrets : await store.seal(config, secrets),
    version: versionOf(before),
  };
}

/** Null for what was encrypted under another key, as when the tables moved without it: the file has the secrets. */
async function openIfPossible(store: NetworkStore, endpoint: Endpoint): Promise<EndpointSecrets | null> {
  try {
    return await store.opener.open(endpoint);
  } catch (error) {
    if (error instanceof TowercastError && error.code === 'secret_unreadable') return null;
    throw error;
  }
}
