import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../../functions/deliver/signature.ts';

const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;
const nowSeconds = () => Math.floor(Date.now() / 1_000);

/** As a partner would: throws when the signature doesn't fit. */
const verify = (secret: string, body: Uint8Array, headers: Record<string, string>) =>
  new Webhook(secret).verify(Buffer.from(body), headers);

const signed = (body: Uint8Array) => ({ id: 'evt_t-9_mmykbvk0_b7-1', epochSeconds: nowSeconds(), body });

describe('signatureHeaders', () => {
  it('gives what the Standard Webhooks specification gives for its example', () => {
    expect(
      signatureHeaders(
        {
          id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
          epochSeconds: 1_614_265_330,
          body: Buffer.from('{"test": 2432232314}'),
        },
        ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
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
          expect(() => verify(secret, body, signatureHeaders(signed(body), [secret]))).not.toThrow();
        },
      ),
    );
  });

  it('covers exactly the bytes, binary and empty ones too', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 1 }), (body, more) => {
        const secrets = [newSecret()];
        const one = signatureHeaders(signed(body), secrets)['webhook-signature'];
        const other = signatureHeaders(signed(Buffer.concat([body, more])), secrets)['webhook-signature'];
        expect(one).not.toBe(other);
      }),
    );
  });

  it('is verified with each secret in force, and with no other', () => {
    const [current, previous, stranger] = [newSecret(), newSecret(), newSecret()];
    const body = Buffer.from('{}');
    const headers = signatureHeaders(signed(body), [current, previous]);
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(() => verify(current, body, headers)).not.toThrow();
    expect(() => verify(previous, body, headers)).not.toThrow();
    expect(() => verify(stranger, body, headers)).toThrow(WebhookVerificationError);
  });

  it('does not fit another id, time or body', () => {
    const secret = newSecret();
    const body = Buffer.from('{"a":1}');
    const headers = signatureHeaders(signed(body), [secret]);
    expect(() => verify(secret, Buffer.from('{"a":2}'), headers)).toThrow(WebhookVerificationError);
    expect(() => verify(secret, body, { ...headers, 'webhook-id': 'evt_other' })).toThrow(
      WebhookVerificationError,
    );
    expect(() => verify(secret, body, { ...headers, 'webhook-timestamp': String(nowSeconds() - 1) })).toThrow(
      WebhookVerificationError,
    );
  });
});
