import { isDeepStrictEqual } from 'node:util';
import type { EntitySet } from '../../functions/shared/entity-set.ts';
import { TowercastError } from '../../functions/shared/errors.ts';
import type { EntityRef } from '../../functions/shared/keys.ts';
import type { Endpoint, EndpointSecrets } from '../../schemas/endpoint.ts';
import type { Entity } from '../../schemas/entity.ts';
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
    ...network.partners.flatMap(partnerAndClients),
    ...network.towers.flatMap(towerAndLockers),
    ...network.endpoints.map((endpoint) =>
      configured(refOf(endpoint), (ref, stored) => buildEndpoint(store, endpoint, stored.get(ref))),
    ),
    ...network.keys.map(configuredKey),
    ...locksOf(network).map(configuredLock),
  ];
}

const configured = <R extends EntityRef>(
  ref: R,
  build: (ref: R, stored: EntitySet) => Entity | Promise<Entity>,
): Configured => ({ ref, build: (stored) => build(ref, stored) });

const versionOf = (before: Entity | null): number => before?.version ?? 0;

function partnerAndClients({ partnerId, name, clientIds }: NetworkFile['partners'][number]): Configured[] {
  return [
    configured({ kind: 'partner', partnerId }, (ref, stored) => {
      const before = stored.get(ref);
      return {
        ...ref,
        name: name ?? partnerId,
        active: before?.active ?? true,
        clientIds: clientIds ?? before?.clientIds ?? [],
        version: versionOf(before),
      };
    }),
    ...(clientIds ?? []).map((clientId) =>
      configured({ kind: 'client', clientId }, (ref, stored) => ({
        ...ref,
        partnerId,
        version: versionOf(stored.get(ref)),
      })),
    ),
  ];
}

function towerAndLockers({ towerId, partnerIds, lockers }: NetworkFile['towers'][number]): Configured[] {
  return [
    configured({ kind: 'tower', towerId }, (ref, stored) => ({
      ...ref,
      partnerIds,
      version: versionOf(stored.get(ref)),
    })),
    ...lockers.map(({ locker, unitId = unitIdOf(towerId, locker) }) =>
      configured({ kind: 'locker', towerId, locker }, (ref, stored) => {
        const holders = { holderId: null, holderSince: null, previousHolder: null } as const;
        const unused = { status: 'available', statusFrom: null, ...holders, version: 0 } as const;
        return { ...unused, ...stored.get(ref), ...ref, unitId };
      }),
    ),
  ];
}

type NetworkKey = NetworkFile['keys'][number];

/** The name is the lock's. */
function configuredKey(networkKey: NetworkKey): Configured {
  const { lockName: _, ...key } = networkKey;
  return configured({ kind: 'key', keyId: key.keyId }, (ref, stored) => {
    const before = stored.get(ref);
    return {
      ...key,
      ...ref,
      ...(before?.revokedAt !== undefined && { revokedAt: before.revokedAt }),
      version: versionOf(before),
    };
  });
}

/** One key for each lock, one that names it if there is one: where the lock is, all of them say alike. */
const locksOf = ({ keys }: NetworkFile): NetworkKey[] =>
  [...Map.groupBy(keys, ({ lockId }) => lockId).values()].flatMap(
    (group) => group.find(({ lockName }) => lockName !== undefined) ?? group.slice(0, 1),
  );

const configuredLock = ({ lockId, lockName, partnerId, towerId, locker }: NetworkKey): Configured =>
  configured({ kind: 'lock', lockId }, (ref, stored) => {
    const before = stored.get(ref);
    const name = lockName ?? before?.name ?? lockId;
    return { ...ref, partnerId, towerId, locker, name, version: versionOf(before) };
  });

const refOf = ({ partnerId, endpointId }: NetworkEndpoint) =>
  ({ kind: 'endpoint', partnerId, endpointId }) as const;

async function buildEndpoint(
  store: NetworkStore,
  { secret, auth, scheduleSeconds, limits, operational, ordered, ...config }: NetworkEndpoint,
  before: Endpoint | null,
): Promise<Endpoint> {
  return {
    kind: 'endpoint',
    ...config,
    ...(scheduleSeconds !== undefined && { scheduleSeconds }),
    ...(ordered !== undefined && { ordered }),
    ...(limits !== undefined && { limits }),
    ...(operational !== undefined && { operational }),
    status: before?.status ?? 'active',
    ...(before?.disabledReason !== undefined && { disabledReason: before.disabledReason }),
    secrets: await sealedSecrets(store, { secret, auth, ...config }, before),
    version: versionOf(before),
  };
}

/**
 * A new ciphertext only for new secrets: encrypting the same ones again gives other bytes. A secret that was rotated
 * meanwhile, and still is in the endpoint, stays rotated.
 */
async function sealedSecrets(
  store: NetworkStore,
  { secret, auth, ...owner }: NetworkEndpoint,
  before: Endpoint | null,
): Promise<string> {
  const stored = before === null ? null : await openIfPossible(store, before);
  if (before === null || stored === null || !hasSecret(stored, secret))
    return store.seal(owner, { signingKeys: [{ key: secret, notAfter: null }], auth });
  return isDeepStrictEqual(stored.auth, auth) ? before.secrets : store.seal(owner, { ...stored, auth });
}

const hasSecret = ({ signingKeys }: EndpointSecrets, secret: string): boolean =>
  signingKeys.some(({ key }) => key === secret);

/** Null for what was encrypted under another key, as when the tables moved without it: the file has the secrets. */
async function openIfPossible(store: NetworkStore, endpoint: Endpoint): Promise<EndpointSecrets | null> {
  try {
    return await store.opener.open(endpoint);
  } catch (error) {
    if (error instanceof TowercastError && error.code === 'secret_unreadable') return null;
    throw error;
  }
}
