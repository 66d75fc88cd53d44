import type { EndpointSigningKey } from '../../schemas/endpoint.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** As many as an endpoint may hold: see EndpointSecretsSchema. */
const maxKeys = 3;

export type Rotation =
  | { kind: 'rotated'; signingKeys: EndpointSigningKey[] }
  /** The new key is one that is there already. */
  | { kind: 'known' }
  /** So many keys are still in their overlap that none can be dropped. */
  | { kind: 'too_many' };

export interface RotationInput {
  /** The newest first. */
  signingKeys: readonly EndpointSigningKey[];
  newKey: string;
  now: Instant;
  /** When the key that was current until now stops signing. */
  overlapEnd: Instant;
}

/** A new current key; the old one signs on until the overlap's end. Keys past theirs are dropped. Pure. */
export function rotateKeys({ signingKeys, newKey, now, overlapEnd }: RotationInput): Rotation {
  if (signingKeys.some(({ key }) => key === newKey)) return { kind: 'known' };
  const old = signingKeys
    .filter(({ notAfter }) => notAfter === null || compareInstants(now, notAfter) < 0)
    .map(({ key, notAfter }) => ({ key, notAfter: notAfter ?? overlapEnd }));
  if (old.length >= maxKeys) return { kind: 'too_many' };
  return { kind: 'rotated', signingKeys: [{ key: newKey, notAfter: null }, ...old] };
}

/** Leaves the current key only. Pure. */
export const revokeOldKeys = (signingKeys: readonly EndpointSigningKey[]): EndpointSigningKey[] =>
  signingKeys.filter(({ notAfter }) => notAfter === null);
