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

/** The keys that may sign at this time, the newest first. It is asked for each attempt: no cache outlives a key's end. */
export const keysInForce = (signingKeys: readonly EndpointSigningKey[], nowMs: number): string[] =>
  signingKeys
    .filter(({ notAfter }) => notAfter === null || nowMs < instantToMs(notAfter))
    .map(({ key }) => key);

/**
 * The headers of Standard Webhooks 1.0. Every key in force signs, so that a partner may change over at any time
 * during a rotation. Keys are `whsec_` (HMAC-SHA256, `v1`) or `whsk_` (Ed25519, `v1a`) and base64: see
 * SigningSecretSchema and SigningPrivateKeySchema.
 */
export function signatureHeaders(
  { id, epochSeconds, body }: Signed,
  keys: readonly string[],
): Record<string, string> {
  const prefix = `${id}.${epochSeconds}.`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(epochSeconds),
    'webhook-signature': keys
      .map((key) => (key.startsWith('whsk_') ? signEd25519(key, prefix, body) : signHmac(key, prefix, body)))
      .join(' '),
  };
}

const signHmac = (secret: string, prefix: string, body: Uint8Array): string =>
  `v1,${createHmac('sha256', keyOf(secret)).update(prefix).update(body).digest('base64')}`;

function signEd25519(privateKey: string, prefix: string, body: Uint8Array): string {
  // Ed25519 reads its message twice, so there is no way to feed it in parts.
  const message = Buffer.concat([Buffer.from(prefix), body]);
  return `v1a,${sign(null, message, keyOf(privateKey)).toString('base64')}`;
}

/** To make a key of its bytes takes several times as long as to sign with it. */
const keys = new Map<string, KeyObject>();
const maxKeys = 1_000;

function keyOf(secret: string): KeyObject {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = secret.startsWith('whsk_')
    ? ed25519PrivateKey(secret)
    : createSecretKey(Buffer.from(secret.slice('whsec_'.length), 'base64'));
  if (keys.size >= maxKeys) keys.clear();
  keys.set(secret, key);
  return key;
}
