import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKmsClient, type KmsClient } from '../../../functions/shared/aws/kms.ts';
import { createSecretsOpener, sealSecrets } from '../../../functions/shared/secrets.ts';
import { startHttpServer, type HttpServer } from '../../../local/engines/http-server.ts';
import { createKms } from '../../../local/engines/kms.ts';
import type { EndpointSecrets } from '../../../schemas/endpoint.ts';

const keyArn = 'arn:aws:kms:eu-central-1:000000000000:key/secrets';
const owner = { partnerId: 'acme', endpointId: 'main' };
const secrets: EndpointSecrets = {
  signingKeys: [{ key: `whsec_${Buffer.alloc(32, 'planted').toString('base64')}`, notAfter: null }],
  auth: { type: 'bearer', token: 'planted-token' },
};

let folder: string;
let server: HttpServer;
let kms: KmsClient;
let calls: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towercast-secrets-'));
  server = await startHttpServer(0, [createKms(join(folder, 'key'), keyArn)]);
  const client = createKmsClient({
    endpoint: server.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  kms = {
    ...client,
    async decrypt(input) {
      calls.push('Decrypt');
      return client.decrypt(input);
    },
  };
});
beforeEach(() => {
  calls = [];
});
afterAll(async () => {
  kms.destroy();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const opener = (now = () => 0) => createSecretsOpener({ kms, keyArn, now });

describe('sealed secrets', () => {
  it('are opened for the endpoint that they were sealed for', async () => {
    const sealed = await sealSecrets(kms, keyArn, owner, secrets);
    expect(sealed).not.toContain('planted');
    expect(await opener().open({ ...owner, secrets: sealed })).toEqual(secrets);
  });

  it.each([
    { partnerId: 'rival', endpointId: 'main' },
    { partnerId: 'acme', endpointId: 'other' },
  ])(
    'are not opened for $partnerId/$endpointId, not even after their owner has opened them',
    async (stranger) => {
      const sealed = await sealSecrets(kms, keyArn, owner, secrets);
      const one = opener();
      await one.open({ ...owner, secrets: sealed });
      await expect(one.open({ ...stranger, secrets: sealed })).rejects.toMatchObject({
        code: 'secret_unreadable',
      });
    },
  );

  it('are decrypted again after fifteen minutes, not before', async () => {
    let nowMs = 0;
    const sealed = await sealSecrets(kms, keyArn, owner, secrets);
    const one = opener(() => nowMs);
    calls = [];
    for (nowMs of [0, 1_000, 899_999]) await one.open({ ...owner, secrets: sealed });
    expect(calls).toEqual(['Decrypt']);
    nowMs = 900_000;
    await one.open({ ...owner, secrets: sealed });
    expect(calls).toEqual(['Decrypt', 'Decrypt']);
  });

  it('are read anew as soon as they were sealed anew', async () => {
    const one = opener();
    await one.open({ ...owner, secrets: await sealSecrets(kms, keyArn, owner, secrets) });
    const renewed = { ...secrets, auth: { type: 'none' as const } };
    const sealed = await sealSecrets(kms, keyArn, owner, renewed);
    expect(await one.open({ ...owner, secrets: sealed })).toEqual(renewed);
  });
});

describe('secrets that can’t be read', () => {
  it.each([
    ['no JSON', 'whsec_planted'],
    ['another kind of JSON', '{"signingKeys":[{"key":"whsec_planted"}],"auth":{"type":"planted"}}'],
  ])('never show in the error when they are %s', async (_, plaintext) => {
    const { CiphertextBlob } = await kms.encrypt({
      KeyId: keyArn,
      Plaintext: Buffer.from(plaintext),
      EncryptionContext: owner,
    });
    const sealed = Buffer.from(CiphertextBlob).toString('base64');
    const error: unknown = await opener()
      .open({ ...owner, secrets: sealed })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'secret_unreadable' });
    const { message, stack, cause } = error instanceof Error ? error : new Error('opened');
    expect(`${message} ${stack} ${String(cause)}`).not.toContain('planted');
  });

  it('are tried again at the next use', async () => {
    const one = opener();
    const damaged = { ...owner, secrets: Buffer.alloc(64).toString('base64') };
    for (let n = 0; n < 2; n += 1)
      await expect(one.open(damaged)).rejects.toMatchObject({ code: 'secret_unreadable' });
    expect(calls).toEqual(['Decrypt', 'Decrypt']);
  });
});
