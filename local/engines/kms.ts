import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { HttpService } from './http-server.ts';

const Base64Schema = z.base64().transform((text) => Buffer.from(text, 'base64'));
const ContextSchema = z.record(z.string(), z.string()).default({});

const EncryptSchema = z.strictObject({
  KeyId: z.string(),
  Plaintext: Base64Schema,
  EncryptionContext: ContextSchema,
  EncryptionAlgorithm: z.literal('SYMMETRIC_DEFAULT').optional(),
});
const DecryptSchema = z.strictObject({
  CiphertextBlob: Base64Schema,
  KeyId: z.string().optional(),
  EncryptionContext: ContextSchema,
  EncryptionAlgorithm: z.literal('SYMMETRIC_DEFAULT').optional(),
});

const nonceBytes = 12;
const tagBytes = 16;
/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html */
const maxPlaintextBytes = 4_096;

/**
 * Encrypt and Decrypt of KMS (AWS JSON 1.1): AES-256-GCM under a random key in `keyFile`, which only its owner can
 * read. The encryption context is bound as additional data, so that a ciphertext moved to another item can't be read.
 */
export function createKms(keyFile: string, keyArn: string): HttpService {
  const key = loadKey(keyFile);
  const operations: Record<string, (body: unknown) => object> = {
    'TrentService.Encrypt': (body) => {
      const { KeyId, Plaintext, EncryptionContext } = EncryptSchema.parse(body);
      assertKey(KeyId, keyArn);
      if (Plaintext.byteLength > maxPlaintextBytes)
        throw new KmsError('ValidationException', `Plaintext has more than ${maxPlaintextBytes} bytes`);
      return { CiphertextBlob: encrypt(key, Plaintext, EncryptionContext).toString('base64'), KeyId: keyArn };
    },
    'TrentService.Decrypt': (body) => {
      const { KeyId, CiphertextBlob, EncryptionContext } = DecryptSchema.parse(body);
      if (KeyId !== undefined) assertKey(KeyId, keyArn);
      return { Plaintext: decrypt(key, CiphertextBlob, EncryptionContext).toString('base64'), KeyId: keyArn };
    },
  };
  return async (request, body) => {
    const target = z.string().catch('').parse(request.headers['x-amz-target']);
    if (!target.startsWith('TrentService.')) return undefined;
    const operation = operations[target];
    try {
      if (!operation) throw new KmsError('UnknownOperationException', `${target} is not run locally`);
      return { status: 200, body: operation(JSON.parse(body.toString('utf8'))) };
    } catch (error) {
      const type = error instanceof KmsError ? error.type : 'ValidationException';
      return { status: 400, body: { __type: type, message: error instanceof Error ? error.message : type } };
    }
  };
}

class KmsError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

function loadKey(file: string): Buffer {
  try {
    // Fails if the file is there, so two starts can't each make a key.
    writeFileSync(file, randomBytes(32), { mode: 0o600, flag: 'wx' });
  } catch {
    // An earlier start made it.
  }
  return readFileSync(file);
}

function assertKey(keyId: string, keyArn: string): void {
  if (keyId !== keyArn && keyId !== keyArn.slice(keyArn.indexOf('/') + 1))
    throw new KmsError('NotFoundException', `Key '${keyId}' does not exist`);
}

const additionalData = (context: Record<string, string>): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));

function encrypt(key: Buffer, plaintext: Buffer, context: Record<string, string>): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additionalData(context));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

function decrypt(key: Buffer, blob: Buffer, context: Record<string, string>): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, nonceBytes))
      .setAAD(additionalData(context))
      .setAuthTag(blob.subarray(nonceBytes, nonceBytes + tagBytes));
    return Buffer.concat([decipher.update(blob.subarray(nonceBytes + tagBytes)), decipher.final()]);
  } catch {
    // KMS says no more than this either.
    throw new KmsError('InvalidCiphertextException', '');
  }
}
