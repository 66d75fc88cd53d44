import { createHmac, createSecretKey, sign, type KeyObject } from 'node:crypto';
import type { EndpointSigningKey } from '../../schemas/endpoint.ts';
import { instantToMs } from '../../schemas/instant.ts';
import { ed25519PrivateKey } from '../shared/ed25519.ts';

export interface Signed {
  /** The event's id: the same for every endpoint, attempt and replay. */
  id: string;
  /** Of this attempt. */
  epochSeconds: number;
  /** Exactly the bytes that are sent. */
  body: Uint8Array;
}

export type SigningKey = Pick<EndpointSigningKey, 'key'>;

/** The keys that may sign at this time, the newest first. It is asked for each attempt: no cache outlives a key's end. */
export const keysInForce = (
  signingKeys: readonly EndpointSigningKey[],
  nowMs: number,
): EndpointSigningKey[] =>
  signingKeys.filter(({ notAfter }) => notAfter === null || nowMs < instantToMs(notAfter));

/**
 * The headers of Standard Webhooks 1.0. Every key in force signs, so that a partner may change over at any time
 * during a rotation. Keys are `whsec_` (HMAC-SHA256, `v1`) or `whsk_` (Ed25519, `v1a`) and base64: see
 * SigningSecretSchema and SigningPrivateKeySchema.
 */
export function signatureHeaders(
  { id, epochSeconds, body }: Signed,
  keys: readonly SigningKey[],
): Record<string, string> {
  const prefix = `${id}.${epochSeconds}.`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(epochSeconds),
    'webhook-signature': keys
      .map((key) => (isPrivate(key) ? signEd25519(key, prefix, body) : signHmac(key, prefix, body)))
      .join(' '),
  };
}

const isPrivate = ({ key }: SigningKey): boolean => key.startsWith('whsk_');

const signHmac = (secret: SigningKey, prefix: string, body: Uint8Array): string =>
  `v1,${createHmac('sha256', keyOf(secret)).update(prefix).update(body).digest('base64')}`;

function signEd25519(privateKey: SigningKey, prefix: string, body: Uint8Array): string {
  // Ed25519 reads its message twice, so there is no way to feed it in parts.
  const message = Buffer.concat([Buffer.from(prefix), body]);
  return `v1a,${sign(null, message, keyOf(privateKey)).toString('base64')}`;
}

/** To make a key of its bytes takes several times as long as to sign with it. It goes with the opened secret it was made of. */
const keyObjects = new WeakMap<SigningKey, KeyObject>();

function keyOf(signingKey: SigningKey): KeyObject {
  const known = keyObjects.get(signingKey);
  if (known !== undefined) return known;
  const { key } = signingKey;
  const made = isPrivate(signingKey)
    ? ed25519PrivateKey(key)
    : createSecretKey(Buffer.from(key.slice('whsec_'.length), 'base64'));
  keyObjects.set(signingKey, made);
  return made;
}
