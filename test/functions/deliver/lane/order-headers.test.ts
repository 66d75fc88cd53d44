import { generateKeyPairSync } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { orderHeaders } from '../../../../functions/deliver/lane/order-headers.ts';
import { signingSecret } from '../world.ts';

const order = {
  id: 'evt_t-9_mmykbvk0_b7-1',
  epochSeconds: Math.floor(Date.now() / 1_000),
  sequence: 42,
  previousSequence: 41,
};
const otherSecret = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;

const verify = (secret: string, payload: string, signature: string | undefined) =>
  new Webhook(secret).verify(
    payload,
    {
      'webhook-id': order.id,
      'webhook-timestamp': String(order.epochSeconds),
      'webhook-signature': signature ?? '',
    },
    { jsonParse: false },
  );

describe('the headers of an ordered delivery', () => {
  const headers = orderHeaders(order, [signingSecret, otherSecret]);

  it('say the number and the last one that was acknowledged', () => {
    expect(headers).toMatchObject({ 'towercast-sequence': '42', 'towercast-previous-sequence': '41' });
  });

  it.each([signingSecret, otherSecret])(
    'are verified by an unmodified library with any key in force (%#), as a webhook whose body they are',
    (secret) => {
      expect(() => verify(secret, '42.41', headers['towercast-sequence-signature'])).not.toThrow();
    },
  );

  it.each(['43.41', '42.40', '4.241', '41.42'])('do not pass for %s', (payload) => {
    expect(() => verify(signingSecret, payload, headers['towercast-sequence-signature'])).toThrow(
      'No matching signature found',
    );
  });

  it('are signed by Ed25519 where the key is of that kind', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { d, x } = privateKey.export({ format: 'jwk' });
    const key = Buffer.concat([d ?? '', x ?? ''].map((part) => Buffer.from(part, 'base64url')));
    const signed = orderHeaders(order, [`whsk_${key.toString('base64')}`]);
    expect(signed['towercast-sequence-signature']).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
  });
});
