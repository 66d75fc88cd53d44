import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aws } from '../../../local/engines/engines.ts';
import { type HttpServer, startHttpServer } from '../../../local/engines/http-server.ts';
import { createKms } from '../../../local/engines/kms.ts';

const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/one';
const context = { partnerId: 'p', endpointId: 'e' };

let folder: string;
let server: HttpServer;
let kms: KMSClient;

async function start(): Promise<void> {
  server = await startHttpServer(0, [createKms(path.join(folder, 'one.key'), keyArn)]);
  kms = new KMSClient({ ...aws, endpoint: server.endpoint, maxAttempts: 1 });
}

async function stop(): Promise<void> {
  kms.destroy();
  await server.stop();
}

const encrypt = async (EncryptionContext?: Record<string, string>, Plaintext = Buffer.from('secret')) => {
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: keyArn, Plaintext, ...(EncryptionContext ? { EncryptionContext } : {}) }),
  );
  return CiphertextBlob ?? new Uint8Array();
};

const decrypt = async (CiphertextBlob: Uint8Array, EncryptionContext?: Record<string, string>) => {
  const { Plaintext } = await kms.send(
    new DecryptCommand({
      CiphertextBlob,
      KeyId: keyArn,
      ...(EncryptionContext ? { EncryptionContext } : {}),
    }),
  );
  return Buffer.from(Plaintext ?? []).toString();
};

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'towercast-kms-'));
  await start();
});

afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true });
});

describe('the local KMS', () => {
  it('decrypts what it encrypted, under the same context in any order, and after a restart', async () => {
    const blob = await encrypt(context);
    expect(Buffer.from(blob).includes('secret')).toBe(false);
    expect(await decrypt(blob, { endpointId: 'e', partnerId: 'p' })).toBe('secret');
    await stop();
    await start();
    expect(await decrypt(blob, context)).toBe('secret');
  });

  it.each([
    ['another context', { partnerId: 'p', endpointId: 'other' }],
    ['a smaller one', { partnerId: 'p' }],
    ['none', undefined],
  ])('refuses to decrypt under %s', async (_, other) => {
    await expect(decrypt(await encrypt(context), other)).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
  });

  it('refuses a ciphertext with any byte changed', async () => {
    const blob = await encrypt(context);
    for (const index of [0, 12, blob.length - 1]) {
      const changed = blob.map((byte, at) => (at === index ? byte ^ 1 : byte));
      await expect(decrypt(changed, context)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    }
  });

  it('refuses another key', async () => {
    await expect(
      kms.send(
        new EncryptCommand({
          KeyId: 'arn:aws:kms:us-east-1:000000000000:key/two',
          Plaintext: Buffer.from('x'),
        }),
      ),
    ).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('keeps its key where only its owner reads it', async () => {
    expect((await stat(path.join(folder, 'one.key'))).mode & 0o777).toBe(0o600);
  });
});

it('no more than 4,096 bytes are encrypted', async () => {
  await expect(encrypt(context, Buffer.alloc(4_096))).resolves.not.toHaveLength(0);
  await expect(encrypt(context, Buffer.alloc(4_097))).rejects.toMatchObject({ name: 'ValidationException' });
});
