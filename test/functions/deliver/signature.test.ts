import { createPublicKey, generateKeyPairSync, randomBytes, verify as verifyBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { keysInForce, signatureHeaders } from '../../../functions/deliver/signature.ts';

const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;
const nowSeconds = () => Math.floor(Date.now() / 1_000);

/** As a partner would: throws when the signature doesn't fit. */
const verify = (secret: string, body: Uint8Array, headers: Record<string, string>) =>
  new Webhook(secret).verify(Buffer.from(body), headers);

const signed = (body: Uint8Array) => ({ id: 'evt_t-9_mmykbvk0_b7-1', epochSeconds: nowSeconds(), body });

const headersOf = (body: Uint8Array, keys: readonly string[]) =>
  signatureHeaders(
    signed(body),
    keys.map((key) => ({ key })),
  );

describe('signatureHeaders', () => {
  it('gives what the Standard Webhooks specification gives for its example', () => {
    expect(
      signatureHeaders(
        {
          id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
          epochSeconds: 1_614_265_330,
          body: Buffer.from('{"test": 2432232314}'),
        },
        [{ key: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }],
      ),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is verified by the standardwebhooks package for any JSON in any script', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 24, max: 64 }),
        (json, text, n) => {
          const secret = newSecret(n);
          const body = Buffer.from(JSON.stringify({ json, text }));
          expect(() => verify(secret, body, headersOf(body, [secret]))).not.toThrow();
        },
      ),
    );
  });

  it('covers exactly the bytes, binary and empty ones too', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 1 }), (body, more) => {
        const secrets = [newSecret()];
        const one = headersOf(body, secrets)['webhook-signature'];
        const other = headersOf(Buffer.concat([body, more]), secrets)['webhook-signature'];
        expect(one).not.toBe(other);
      }),
    );
  });

  it('is verified with each secret in force, and with no other', () => {
    const [current, previous, stranger] = [newSecret(), newSecret(), newSecret()];
    const body = Buffer.from('{}');
    const headers = headersOf(body, [current, previous]);
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(() => verify(current, body, headers)).not.toThrow();
    expect(() => verify(previous, body, headers)).not.toThrow();
    expect(() => verify(stranger, body, headers)).toThrow(WebhookVerificationError);
  });

  it('does not fit another id, time or body', () => {
    const secret = newSecret();
    const body = Buffer.from('{"a":1}');
    const headers = headersOf(body, [secret]);
    expect(() => verify(secret, Buffer.from('{"a":2}'), headers)).toThrow(WebhookVerificationError);
    expect(() => verify(secret, body, { ...headers, 'webhook-id': 'evt_other' })).toThrow(
      WebhookVerificationError,
    );
    expect(() => verify(secret, body, { ...headers, 'webhook-timestamp': String(nowSeconds() - 1) })).toThrow(
      WebhookVerificationError,
    );
  });
});

/** As our generator writes it: seed and public key. */
function newKeyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { whsk: `whsk_${Buffer.concat([seed, raw]).toString('base64')}`, raw };
}

/** The specification's signed content: id, timestamp and body, with dots between. */
const content = (body: Uint8Array, headers: Record<string, string>) =>
  Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);

function verifyEd25519(raw: Uint8Array, body: Uint8Array, headers: Record<string, string>): boolean {
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') },
    format: 'jwk',
  });
  const signatures = headers['webhook-signature']?.split(' ').filter((one) => one.startsWith('v1a,')) ?? [];
  return signatures.some((one) =>
    verifyBytes(null, content(body, headers), key, Buffer.from(one.slice('v1a,'.length), 'base64')),
  );
}

describe('Ed25519 signatures', () => {
  it('are verified with the public key over the specification’s content, for any bytes', () => {
    const { whsk, raw } = newKeyPair();
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        expect(verifyEd25519(raw, body, headersOf(body, [whsk]))).toBe(true);
      }),
    );
  });

  it('do not fit another body, time or key', () => {
    const { whsk, raw } = newKeyPair();
    const body = Buffer.from('{"a":1}');
    const headers = headersOf(body, [whsk]);
    expect(verifyEd25519(raw, Buffer.from('{"a":2}'), headers)).toBe(false);
    expect(verifyEd25519(raw, body, { ...headers, 'webhook-timestamp': '1' })).toBe(false);
    expect(verifyEd25519(newKeyPair().raw, body, headers)).toBe(false);
  });

  it('stand beside symmetric ones during a change-over from one kind to the other', () => {
    const { whsk, raw } = newKeyPair();
    const secret = newSecret();
    const body = Buffer.from('{}');
    const headers = headersOf(body, [whsk, secret]);
    expect(verifyEd25519(raw, body, headers)).toBe(true);
    expect(() => verify(secret, body, headers)).not.toThrow();
  });
});

describe('keysInForce', () => {
  const nowMs = Date.parse('2026-03-20T09:15:00.000Z');
  const key = newSecret();

  it('never gives a key at or past its end', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (offsetMs) => {
        const notAfter = new Date(nowMs + offsetMs).toISOString();
        expect(keysInForce([{ key, notAfter }], nowMs)).toEqual(offsetMs > 0 ? [{ key, notAfter }] : []);
      }),
    );
  });

  it('gives the current key always, and the newest first', () => {
    const newest = newSecret();
    const keys = [
      { key: newest, notAfter: null },
      { key, notAfter: '2026-03-20T09:15:00.001Z' },
    ];
    expect(keysInForce(keys, nowMs)).toEqual(keys);
    expect(keysInForce(keys, nowMs + 1)).toEqual(keys.slice(0, 1));
  });
});
