import { createHmac } from 'node:crypto';

export interface Signed {
  /** The event's id: the same for every endpoint, attempt and replay. */
  id: string;
  /** Of this attempt. */
  epochSeconds: number;
  /** Exactly the bytes that are sent. */
  body: Uint8Array;
}

/**
 * The headers of Standard Webhooks 1.0. Every secret in force signs, so that a partner may change over at any time
 * during a rotation. Secrets are `whsec_` and base64 (SigningSecretSchema).
 */
export function signatureHeaders(
  { id, epochSeconds, body }: Signed,
  signingSecrets: readonly string[],
): Record<string, string> {
  const signatures = signingSecrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const digest = createHmac('sha256', key).update(`${id}.${epochSeconds}.`).update(body).digest('base64');
    return `v1,${digest}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(epochSeconds),
    'webhook-signature': signatures.join(' '),
  };
}
