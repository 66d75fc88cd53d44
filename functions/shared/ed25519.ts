import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** PKCS #8 of an Ed25519 key, up to the 32 bytes of its seed: RFC 8410, section 7. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
export const ed25519SeedBytes = 32;

/** The private key of a `whsk_` (SigningPrivateKeySchema), which begins with the seed. */
export function ed25519PrivateKey(signingKey: string): KeyObject {
  return fromSeed(Buffer.from(signingKey.slice('whsk_'.length), 'base64').subarray(0, ed25519SeedBytes));
}

/** The `whpk_` that verifies what a `whsk_` signs. */
export const ed25519PublicKey = (signingKey: string): string =>
  `whpk_${publicBytes(ed25519PrivateKey(signingKey)).toString('base64')}`;

/** The `whsk_` of a seed. */
export const ed25519SigningKey = (seed: Buffer): string =>
  `whsk_${Buffer.concat([seed, publicBytes(fromSeed(seed))]).toString('base64')}`;

/** Whether both halves of a `whsk_` belong together: a signature by others could be verified with neither. */
export const isEd25519KeyPair = (signingKey: string): boolean =>
  ed25519SigningKey(Buffer.from(signingKey.slice('whsk_'.length), 'base64').subarray(0, ed25519SeedBytes)) ===
  signingKey;

const fromSeed = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });

/** The last 32 bytes of its SubjectPublicKeyInfo: RFC 8410, section 4. */
const publicBytes = (privateKey: KeyObject): Buffer =>
  createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
