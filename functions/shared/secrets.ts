import { EndpointSecretsSchema, type Endpoint, type EndpointSecrets } from '../../schemas/endpoint.ts';
import type { KmsClient } from './aws/kms.ts';
import { TowercastError } from './errors.ts';
import { createExpiringCache } from './expiring-cache.ts';

/** What an endpoint's ciphertext is bound to: it can't be opened as another's. */
export type SecretsOwner = Pick<Endpoint, 'partnerId' | 'endpointId'>;

export interface SecretsOpener {
  /**
   * The signing secrets and credentials of an endpoint, in the clear. Throws TowercastError `secret_unreadable`
   * when KMS refuses or the plaintext is not EndpointSecrets.
   */
  open(endpoint: SecretsOwner & Pick<Endpoint, 'secrets'>): Promise<EndpointSecrets>;
}

/**
 * The plaintext is used for this long after it was decrypted, and in memory for up to twice as long. Other secrets are another
 * ciphertext, so it is never out of date.
 */
const cacheMs = 900_000;
const maxCached = 5_000;

const encryptionContext = ({ partnerId, endpointId }: SecretsOwner) => ({ partnerId, endpointId });

/** Encrypts an endpoint's secrets for its `secrets` field: base64 of the KMS ciphertext. */
export async function sealSecrets(
  kms: KmsClient,
  keyArn: string,
  owner: SecretsOwner,
  secrets: EndpointSecrets,
): Promise<string> {
  const { CiphertextBlob } = await kms.encrypt({
    KeyId: keyArn,
    Plaintext: Buffer.from(JSON.stringify(secrets)),
    EncryptionContext: encryptionContext(owner),
  });
  return Buffer.from(CiphertextBlob).toString('base64');
}

export interface SecretsOpenerOptions {
  kms: KmsClient;
  keyArn: string;
  now: () => number;
}

export function createSecretsOpener({ kms, keyArn, now }: SecretsOpenerOptions): SecretsOpener {
  const cache = createExpiringCache<EndpointSecrets>({
    ttlMs: cacheMs,
    maxEntries: maxCached,
    forgets: true,
    now,
  });
  return {
    open(endpoint) {
      // The owner is part of the key: a ciphertext that was copied to another endpoint must meet KMS and fail there.
      const key = `${endpoint.partnerId}|${endpoint.endpointId}|${endpoint.secrets}`;
      return cache.get(key, async () => readSecrets(await decrypt(kms, keyArn, endpoint)));
    },
  };
}

async function decrypt(
  kms: KmsClient,
  keyArn: string,
  endpoint: SecretsOwner & Pick<Endpoint, 'secrets'>,
): Promise<Uint8Array> {
  try {
    const { Plaintext } = await kms.decrypt({
      KeyId: keyArn,
      CiphertextBlob: Buffer.from(endpoint.secrets, 'base64'),
      EncryptionContext: encryptionContext(endpoint),
    });
    return Plaintext;
  } catch (error) {
    throw unreadable(endpoint, error instanceof Error ? error.name : 'unknown');
  }
}

function unreadable(owner: SecretsOwner, why: string): TowercastError {
  return new TowercastError(
    'secret_unreadable',
    `secrets of endpoint ${owner.endpointId} of partner ${owner.partnerId}: ${why}`,
  );
}

/** Never lets an error of the parsers out: JSON.parse quotes what it read. */
function readSecrets(plaintext: Uint8Array): EndpointSecrets {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  } catch {
    throw new TowercastError('secret_unreadable', 'the plaintext is not JSON');
  }
  const parsed = EndpointSecretsSchema.safeParse(value);
  if (!parsed.success) throw new TowercastError('secret_unreadable', 'the plaintext is not EndpointSecrets');
  return parsed.data;
}
