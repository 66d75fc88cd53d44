import * as z from 'zod';
import { createAwsClient, type AwsClientOptions } from './client.ts';

/** What a ciphertext is bound to. */
type EncryptionContext = Record<string, string>;

interface Use {
  KeyId: string;
  EncryptionContext: EncryptionContext;
}

export interface KmsClient {
  /** Up to 4 kB. Throws AwsError. */
  encrypt(input: Use & { Plaintext: Uint8Array }): Promise<{ CiphertextBlob: Uint8Array }>;
  /** Throws AwsError: `InvalidCiphertextException` for another context, too. */
  decrypt(input: Use & { CiphertextBlob: Uint8Array }): Promise<{ Plaintext: Uint8Array }>;
  destroy(): void;
}

const BytesSchema = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));
const EncryptedSchema = z.object({ CiphertextBlob: BytesSchema });
const DecryptedSchema = z.object({ Plaintext: BytesSchema });

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function createKmsClient(options: AwsClientOptions = {}): KmsClient {
  const client = createAwsClient('kms', options);
  const call = (operation: string, input: object) =>
    client.call({
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `TrentService.${operation}`,
      },
      body: JSON.stringify(input),
    });
  return {
    encrypt: async (input) =>
      EncryptedSchema.parse(await call('Encrypt', { ...input, Plaintext: base64(input.Plaintext) })),
    decrypt: async (input) =>
      DecryptedSchema.parse(
        await call('Decrypt', { ...input, CiphertextBlob: base64(input.CiphertextBlob) }),
      ),
    destroy: () => client.close(),
  };
}
