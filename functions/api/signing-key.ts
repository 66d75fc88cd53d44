import type { Signing } from '../../schemas/endpoint-request.ts';
import {
  ed25519PublicKey,
  ed25519SeedBytes,
  ed25519SigningKey,
  isEd25519KeyPair,
} from '../shared/ed25519.ts';
import { invalidField } from './problem.ts';
import type { Services } from './services.ts';

/** Standard Webhooks asks for 24 to 64. */
const secretBytes = 32;

/** A key to sign with, and what of it is shown, once. What was given is not shown again. */
export interface NewKey {
  key: string;
  shown: { secret: string | null; publicKey: string | null };
}

/** Takes the given key, or makes one. Throws 400 for a given one that contradicts `signing` or itself. */
export function newSigningKey(
  { randomBytes }: Pick<Services, 'randomBytes'>,
  { signing, secret }: { signing?: Signing | undefined; secret?: string | undefined },
): NewKey {
  if (secret !== undefined) {
    if (signing !== undefined && signing !== signingOf(secret))
      throw invalidField('/body/secret', 'is a key of the other kind: see "signing"');
    if (signingOf(secret) === 'ed25519' && !isEd25519KeyPair(secret))
      throw invalidField('/body/secret', 'holds a public key that does not belong to its private one');
    return { key: secret, shown: { secret: null, publicKey: publicKeyOf(secret) } };
  }
  if (signing !== 'ed25519') {
    const made = `whsec_${randomBytes(secretBytes).toString('base64')}`;
    return { key: made, shown: { secret: made, publicKey: null } };
  }
  // Nobody needs to know the private key but us.
  const made = ed25519SigningKey(randomBytes(ed25519SeedBytes));
  return { key: made, shown: { secret: null, publicKey: publicKeyOf(made) } };
}

export const signingOf = (key: string): Signing => (key.startsWith('whsk_') ? 'ed25519' : 'hmac');

/** `whpk_`; null for a shared secret. */
export const publicKeyOf = (key: string): string | null =>
  signingOf(key) === 'ed25519' ? ed25519PublicKey(key) : null;
