import { generateKeyPairSync } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { orderHeaders } from '../../../../functions/deliver/lane/order-headers.ts';
import { signingSecret } from '../world.ts';

const order = {
  id: 'evt_t-9_mmykbvk0_b7-1',
  epochSeconds: Math.floor(Date.now() / 1_000),
  lane: 't-9',
  sequence: 42,
  previousSequence: 41,
};
const otherSecret = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;

const verify = (secret: string, payload: string, id = `${order.id}~sequence`) =>
  new Webhook(secret).verify(payload, {
    'webhook-id': id,
    'webhook-timestamp': String(order.epochSeconds),
    'webhook-signature': headers['towercast-sequence-signature'] ?? '',
  });
const headers = orderHeaders(order, [{ key: signingSecret }, { key: otherSecret }]);

describe('the headers of an ordered delivery', () => {
  it('say the number, what it counts, and the last one that was acknowledged', () => {
    expect(headers).toMatchObject({
      'towercast-sequence-of': 't-9',
      'towercast-sequence': '42',
      'towercast-previous-sequence': '41',
    });
  });

  it.each([signingSecret, otherSecret])(
    'are verified by an unmodified library with any key in force (%#), as a webhook whose body they are',
    (secret) => {
      expect(verify(secret, '["t-9",42,41]')).toEqual(['t-9', 42, 41]);
    },
  );

  it.each(['["t-9",43,41]', '["t-9",42,40]', '["t-8",42,41]', '["t-9",41,42]'])(
    'do not pass for %s',
    (payload) => {
      expect(() => verify(signingSecret, payload)).toThrow('No matching signature found');
    },
  );

  it('do not pass for the body of their event', () => {
    expect(() => verify(signingSecret, '["t-9",42,41]', order.id)).toThrow('No matching signature found');
  });

  it('are signed by Ed25519 where the key is of that kind', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { d, x } = privateKey.export({ format: 'jwk' });
    const key = Buffer.concat([d ?? '', x ?? ''].map((part) => Buffer.from(part, 'base64url')));
    const signed = orderHeaders(order, [{ key: `whsk_${key.toString('base64')}` }]);
    expect(signed['towercast-sequence-signature']).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
  });
});
