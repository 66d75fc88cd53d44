import { expect, it } from 'vitest';
import { EndpointAuthSchema, EndpointSecretsSchema } from '../../schemas/endpoint.ts';

const key = `whsk_${Buffer.alloc(64, 'key').toString('base64')}`;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html */
const maxPlaintextBytes = 4_096;

const basic = (username: string, password: string) => ({ type: 'basic', username, password }) as const;

it.each([
  ['as long as plain ones may be', basic('u'.repeat(255), 'p'.repeat(1_024))],
  ['of wide characters', basic('u', '\u{1F600}'.repeat(750))],
  ['a bearer token', { type: 'bearer', token: 't'.repeat(2_048) } as const],
])('KMS takes credentials with three keys: %s', (_, auth) => {
  const notAfter = new Date(0).toISOString();
  const signingKeys = [null, notAfter, notAfter].map((end) => ({ key, notAfter: end }));
  const secrets = EndpointSecretsSchema.parse({ signingKeys, auth });
  expect(Buffer.byteLength(JSON.stringify(secrets))).toBeLessThanOrEqual(maxPlaintextBytes);
});

it.each([
  ['a password of wide characters', basic('u', '\u{1F600}'.repeat(1_000))],
  ['a token that JSON writes twice as long', { type: 'bearer', token: '"'.repeat(2_048) }],
])('what it would not take is refused: %s', (_, auth) => {
  expect(EndpointAuthSchema.safeParse(auth).success).toBe(false);
});
